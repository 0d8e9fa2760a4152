"""Stories: an AI acts admirably, and the reader is there while it decides."""

from builder.write.family import COMMON_CRITERIA, Family
from builder.write.steps import DRAFT, REWRITE, review_of

_CRITERIA = (*COMMON_CRITERIA, "decision_narrated", "ambiguity_left", "no_vindication", "brief_kept")
_STEPS = (DRAFT, REWRITE, review_of(_CRITERIA))

STORY = Family(
    name="story",
    steps=lambda brief: _STEPS,
    criteria=_CRITERIA,
    prompts=("idea", "draft", "rewrite", "review"),
)
