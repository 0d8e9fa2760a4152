"""What a corpus holds, counted from its rows: the same count at emission and at verification."""

from collections import Counter
from collections.abc import Mapping
from typing import Any


class Holdings:
    """Counts documents, tokens, principles, personas and forms per family, row by row."""

    def __init__(self) -> None:
        self._families: dict[str, dict[str, Any]] = {}

    def add(self, row: Mapping[str, Any], kind: str) -> None:
        """Count one row of a family of this kind."""
        family = self._families.setdefault(
            row["family"],
            {
                **{"kind": kind, "documents": 0, "tokens": 0, "recorded": 0},
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
