"""The registry of families: a new one is a file with a `Family` and a line here."""

from builder.write.advice import ADVICE
from builder.write.demonstration import DEMONSTRATION
from builder.write.explanatory import EXPLANATORY
from builder.write.family import Family
from builder.write.story import STORY

__all__ = ["FAMILIES", "Family"]

FAMILIES: dict[str, Family] = {family.name: family for family in (EXPLANATORY, STORY, ADVICE, DEMONSTRATION)}
