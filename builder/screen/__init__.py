"""Findings on documents: near-duplicates, distance from evals. What to do about them is `policy`."""

from builder.screen.eval_distance import EvalScreen
from builder.screen.near_duplicate import Duplicate, DuplicateScreen
from builder.screen.policy import Decision, decide
from builder.screen.rows import DistanceRow, Nearest, NotRun

__all__ = [
    "Decision",
    "DistanceRow",
    "Duplicate",
    "DuplicateScreen",
    "EvalScreen",
    "Nearest",
    "NotRun",
    "decide",
]
