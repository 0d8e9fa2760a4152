"""Explanatory documents: pretraining-style texts of many genres in which the reasons can be read."""

from builder.write.family import COMMON_CRITERIA, Family
from builder.write.steps import DRAFT, REWRITE, review_of

_CRITERIA = (*COMMON_CRITERIA, "genre_true", "brief_kept")
_STEPS = (DRAFT, REWRITE, review_of(_CRITERIA))

EXPLANATORY = Family(
    name="explanatory",
    steps=lambda brief: _STEPS,
    criteria=_CRITERIA,
    prompts=("idea", "draft", "rewrite", "review"),
)
