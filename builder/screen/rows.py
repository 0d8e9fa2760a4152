"""One document measured against one eval: the row of `distance.jsonl` (DESIGN section 4)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NotRun:
    """A view that could not say anything, and why."""

    view: str
    reason: str


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest eval passage beside the document's own. `offsets` are characters: [start, end) in the document,
    then in the eval message.
    """

    eval_id: str
    message: int
    role: str
    eval_passage: str
    passage: str
    offsets: tuple[int, int, int, int]
    cosine: float | None


@dataclass(frozen=True, slots=True)
class DistanceRow:
    """Classes, views and evidence. `class_` is 0 verbatim, 1 paraphrase, 2 isomorph, 3 same theme, 4 unrelated,
    or None where nothing could be said; `closeness` is for ranking only.
    """

    id: str
    eval: str
    status: str
    class_: int | None
    text_class: int | None
    scenario_class: int | None
    suspect: bool
    conduct: str | None
    eval_discussion: bool
    closeness: float
    decided_by: str
    lexical: Mapping[str, Any]
    semantic: Mapping[str, Any] | None
    structural: Mapping[str, Any] | None
    judge: Mapping[str, Any] | None
    nearest: Nearest | None
    not_run: tuple[NotRun, ...]

    def json(self) -> dict[str, Any]:
        """The row in the order and with the names of the contract."""
        row = asdict(self)
        row["class"] = row.pop("class_")
        order = ("id", "eval", "status", "class")
        return {
            **{key: row[key] for key in order},
            **{key: value for key, value in row.items() if key not in order},
        }
