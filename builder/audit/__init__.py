"""Whole corpora: how close they come to an eval, as plain result objects."""

from builder.audit.distance import CorpusDistance, summarise
from builder.audit.intervals import Interval, clopper_pearson

__all__ = ["CorpusDistance", "Interval", "clopper_pearson", "summarise"]
