"""The registry of families: a new one is a file with a `Family` and a line here."""

from collections.abc import Iterable

from builder.write.advice import ADVICE
from builder.write.demonstration import DEMONSTRATION
from builder.write.explanatory import EXPLANATORY
from builder.write.family import Family
from builder.write.story import STORY

__all__ = ["FAMILIES", "Family", "with_decks", "with_transcripts"]

FAMILIES: dict[str, Family] = {family.name: family for family in (EXPLANATORY, STORY, ADVICE, DEMONSTRATION)}


def with_transcripts(names: Iterable[str]) -> tuple[str, ...]:
    """The families whose briefs begin with a transcript."""
    return tuple(name for name in names if FAMILIES[name].from_transcripts)


def with_decks(names: Iterable[str]) -> tuple[str, ...]:
    """The families whose briefs are drawn from decks."""
    return tuple(name for name in names if not FAMILIES[name].from_transcripts)
