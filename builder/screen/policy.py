"""What a build does about an eval row: keep, hold or drop (DESIGN section 5)."""

from collections.abc import Sequence
from dataclasses import dataclass

from builder.records import Action
from builder.screen.rows import DistanceRow

DROPPED_CLASSES = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Decision:
    """An action with the one reason behind it and the row that gave it."""

    action: Action
    reason: str
    row: DistanceRow | None


def decide(rows: Sequence[DistanceRow], policy: str) -> Decision:
    """The strictest action over all evals; what is unjudged is held back, never kept."""
    decisions = [_decide(row, policy) for row in rows]
    order = (Action.DROP, Action.HOLD, Action.KEEP)
    return min(decisions, key=lambda decision: order.index(decision.action), default=Decision(Action.KEEP, "", None))


def _decide(row: DistanceRow, policy: str) -> Decision:
    kept_rehearsal = policy == "production" and row.class_ == 2 and row.conduct == "aligned"
    if row.class_ in DROPPED_CLASSES and not kept_rehearsal:
        return Decision(Action.DROP, f"class {row.class_} against {row.eval}", row)
    if row.eval_discussion:
        return Decision(Action.DROP, f"discusses {row.eval}", row)
    if row.status != "measured":
        return Decision(Action.HOLD, f"unjudged against {row.eval}", row)
    if row.suspect:
        return Decision(Action.HOLD, f"suspect against {row.eval}", row)
    return Decision(Action.KEEP, "", row)
