"""Choosing which of the screened documents make up the corpus."""

from builder.selection.budget import within_budget

__all__ = ["within_budget"]
