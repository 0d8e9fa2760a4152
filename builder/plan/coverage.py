"""What a plan covers: principle by family, and every axis against its quota. Free, and known before any spend."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.constitution import Constitution
from builder.plan.briefs import Brief


@dataclass(frozen=True, slots=True)
class PlanCoverage:
    """Counts of briefs: `matrix[principle][family]`, `axes[family][axis][option]`; `missing` principles have none.

    `unread[family]` briefs begin with a transcript, whose principles a judge will find.
    """

    briefs: int
    tokens: int
    matrix: Mapping[str, Mapping[str, int]]
    axes: Mapping[str, Mapping[str, Mapping[str, int]]]
    missing: tuple[str, ...]
    unread: Mapping[str, int]


def plan_coverage(constitution: Constitution, briefs: Sequence[Brief]) -> PlanCoverage:
    """Count what the briefs cover."""
    families = sorted({brief.family for brief in briefs})
    cells = Counter((brief.principle, brief.family) for brief in briefs)
    matrix = {p.id: {family: cells[(p.id, family)] for family in families} for p in constitution.planned}
    drawn = Counter((b.family, axis, option) for b in briefs for axis, option in b.options.items())
    axes: dict[str, dict[str, dict[str, int]]] = {}
    for (family, axis, option), number in sorted(drawn.items()):
        axes.setdefault(family, {}).setdefault(axis, {})[option] = number
    missing = tuple(id_ for id_, row in matrix.items() if not any(row.values()))
    unread = {family: cells["", family] for family in families}
    return PlanCoverage(len(briefs), sum(b.tokens for b in briefs), matrix, axes, missing, unread)
