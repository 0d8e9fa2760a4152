"""Decks, exact quotas, briefs and the coverage of the plan. Planning is free: no model is asked anything."""

from builder.plan.briefs import Brief
from builder.plan.coverage import PlanCoverage, plan_coverage
from builder.plan.decks import Deck, Decks, Option, load_decks
from builder.plan.planner import TOKENS_PER_WORD, make_plan
from builder.plan.quotas import Quota

__all__ = [
    "TOKENS_PER_WORD",
    "Brief",
    "Deck",
    "Decks",
    "Option",
    "PlanCoverage",
    "Quota",
    "load_decks",
    "make_plan",
    "plan_coverage",
]
