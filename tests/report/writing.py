"""Rows of a made-up build, and the counts that belong to them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

STAGES = ("idea", "draft", "rewrite", "review", "screen", "select")
EMPTY: dict[str, Any] = {
    **dict.fromkeys(("place", "idea", "title", "opening", "trial", "revision", "draft", "problems", "final")),
    **dict.fromkeys(("review", "stage", "reason", "action", "document")),
    "kept_draft": False,
    "turned_down": [],
}


def a_row(**fields: Any) -> dict[str, Any]:
    """A row with every key; what is not given is empty."""
    known = {"family": "story", "form": "logbook", "persona": "human", "shape": "ask", "principles": ["honesty"]}
    return {"brief": "b1", **known, "words": 300, "outcome": "kept", **EMPTY, **fields}


def some_rows() -> list[dict[str, Any]]:
    """Nine rows of ordinary prose: every family, kept and rejected at every stage but the draft."""
    text = (Path(__file__).parent / "writing.yaml").read_text(encoding="utf-8")
    return [a_row(**fields) for fields in yaml.safe_load(text)]


def counts_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Counts that reconcile with the rows."""
    counts, left = {}, len(rows)
    for stage in STAGES:
        lost = sum(row["stage"] == stage for row in rows)
        counts[stage] = {"in": left, "kept": left - lost, "rejected": lost}
        left -= lost
    return counts
