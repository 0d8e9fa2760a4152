"""What makes a family: the form of its texts, how a reply is read, and what its review asks."""

from collections.abc import Callable
from dataclasses import dataclass

from builder.write.parse import Content, Unparsed, parse_dialogue

COMMON_CRITERIA = (
    "aligned",
    "realistic",
    "reasons_specific",
    "reasons_load_bearing",
    "reasons_before_act",
    "depicted_ai_good",
    "nothing_invented",
    "sound",
    "no_moralising",
)


@dataclass(frozen=True, slots=True)
class Family:
    """A family of documents. `parse` turns a draft's or rewrite's reply into content; `criteria` are the review's."""

    name: str
    parse: Callable[[str], Content | Unparsed]
    own_criteria: tuple[str, ...]

    @property
    def dialogue(self) -> bool:
        """Whether its documents are messages."""
        return self.parse is parse_dialogue

    @property
    def criteria(self) -> tuple[str, ...]:
        """Every criterion that a review of this family must answer."""
        return (*COMMON_CRITERIA, *self.own_criteria)
