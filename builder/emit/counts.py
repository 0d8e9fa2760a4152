"""The counts of a build: what the corpus holds, and whether in = kept + rejected at every stage."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from builder.records import Rejection


class Holdings:
    """Counts documents, tokens, principles, personas and forms per family, row by row."""

    def __init__(self) -> None:
        self._families: dict[str, dict[str, Any]] = {}

    def add(self, row: Mapping[str, Any], layout: str) -> None:
        """Count one row of a family of this layout, `text` or `dialogue`."""
        family = self._families.setdefault(
            row["family"],
            {
                **{"layout": layout, "documents": 0, "tokens": 0, "recorded": 0},
                **{"principles": Counter(), "personas": Counter(), "forms": Counter()},
            },
        )
        family["documents"] += 1
        family["tokens"] += row["tokens"] or 0
        family["recorded"] += bool((row["provenance"] or {}).get("recorded"))
        family["principles"].update(set(row["principles"] or []))
        family["personas"][row["persona"]] += 1
        family["forms"][row["form"]] += 1

    def json(self) -> dict[str, Any]:
        """The counts as plain values: in all, and per family."""
        families = {
            name: {key: _sorted(v) if isinstance(v, Counter) else v for key, v in family.items()}
            for name, family in sorted(self._families.items())
        }
        return {
            "documents": sum(family["documents"] for family in families.values()),
            "tokens": sum(family["tokens"] for family in families.values()),
            "families": families,
        }


def _sorted(counts: Counter[str]) -> dict[str, int]:
    # A tampered row may hold null where a name should be; counting it must not fail.
    return {str(name): counts[name] for name in sorted(counts, key=str)}


def disagreements(
    counts: Sequence[tuple[str, Mapping[str, int]]], rejected: Mapping[str, int], planned: int, documents: int
) -> list[str]:
    """Sentences on everything that does not add up, empty when all does.

    `counts` has `in`, `kept` and `rejected` per stage, in the order of the stages; `rejected` has the number
    of rejections on record per stage; `documents` is how many were emitted. All in briefs.
    """
    if not counts:
        return ["no stage says what came in and what was kept"]
    wrong = [f"stage {stage} has no counts but {n} rejections" for stage, n in _beyond(counts, rejected)]
    before, source = planned, "the plan has"
    for position, (stage, count) in enumerate(counts):
        if min(count.values()) < 0 or count["in"] != count["kept"] + count["rejected"]:
            wrong.append(
                f"stage {stage} does not add up: {count['in']} in, {count['kept']} kept, {count['rejected']} rejected"
            )
        if count["rejected"] != rejected.get(stage, 0):
            wrong.append(f"stage {stage} counts {count['rejected']} rejections, {rejected.get(stage, 0)} are on record")
        # A build may take a part of its plan, so only the later stages must take in all that came before.
        if count["in"] > before or (position and count["in"] != before):
            wrong.append(f"stage {stage} took in {count['in']} where {source} {before}")
        before, source = count["kept"], f"stage {stage} kept"
    if before != documents:
        wrong.append(f"the last stage kept {before} documents and {documents} were emitted")
    return wrong


def rejected_twice(rejections: Iterable[Rejection]) -> list[str]:
    """The briefs that were rejected more than once."""
    times = Counter(rejection.brief for rejection in rejections)
    return sorted(brief for brief, count in times.items() if count > 1)


def _beyond(counts: Sequence[tuple[str, Mapping[str, int]]], rejected: Mapping[str, int]) -> list[tuple[str, int]]:
    known = {stage for stage, _ in counts}
    return sorted((stage, number) for stage, number in rejected.items() if stage not in known)
