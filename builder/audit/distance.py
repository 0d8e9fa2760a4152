"""How close a whole corpus comes to one eval: counts with intervals, and the nearest pairs. Description, not proof."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from builder.audit.intervals import Interval, clopper_pearson
from builder.screen import DistanceRow

NEAREST = 20


@dataclass(frozen=True, slots=True)
class CorpusDistance:
    """One eval's summary. `flagged` counts class 0 to 2 or suspect; shares are of measured documents."""

    eval: str
    documents: int
    measured: int
    unjudged: int
    flagged: int
    flagged_share: Interval
    classes: Mapping[str, int]
    suspects: int
    eval_discussion: int
    not_run: Mapping[str, int]
    thresholds: Mapping[str, float]
    nearest: tuple[DistanceRow, ...]

    def json(self) -> dict[str, Any]:
        """The summary as JSON values, the nearest pairs as rows."""
        fields = asdict(self)
        fields["nearest"] = [row.json() for row in self.nearest]
        return fields


def summarise(rows: Sequence[DistanceRow], thresholds: Mapping[str, float]) -> CorpusDistance:
    """Summarise the rows of one eval (at least one row)."""
    measured = [row for row in rows if row.status == "measured"]
    flagged = [row for row in measured if row.suspect or (row.class_ is not None and row.class_ <= 2)]
    classes = Counter(str(row.class_) for row in measured)
    reasons = Counter(f"{view.view}: {view.reason}" for row in rows for view in row.not_run)
    ranked = sorted(rows, key=lambda row: (-row.closeness, row.id))
    return CorpusDistance(
        eval=rows[0].eval,
        documents=len(rows),
        measured=len(measured),
        unjudged=len(rows) - len(measured),
        flagged=len(flagged),
        flagged_share=clopper_pearson(len(flagged), len(measured)),
        classes={name: classes.get(name, 0) for name in ("0", "1", "2", "3", "4")},
        suspects=sum(row.suspect for row in measured),
        eval_discussion=sum(row.eval_discussion for row in rows),
        not_run=dict(sorted(reasons.items())),
        thresholds=dict(thresholds),
        nearest=tuple(ranked[:NEAREST]),
    )
