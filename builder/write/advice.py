"""Difficult advice: the user owns a hard dilemma, and the answer helps by reasoning about it."""

from builder.write.family import Family
from builder.write.parse import parse_dialogue

ADVICE = Family(
    name="advice",
    parse=parse_dialogue,
    own_criteria=("dilemma_is_users", "reasons_woven", "opening_not_formulaic"),
)
