"""Stories: an AI acts admirably, and the reader is there while it decides."""

from builder.write.family import Family
from builder.write.parse import parse_document

STORY = Family(
    name="story",
    parse=parse_document,
    own_criteria=("decision_narrated", "ambiguity_left", "no_vindication"),
)
