"""What makes a family: the steps in which its documents are written, and what its review asks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from builder.model.protocol import Reply, Request
from builder.plan import Brief
from builder.write.content import Piece

if TYPE_CHECKING:
    from builder.write.writer import Writer

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
class Step:
    """One call on the way to a document.

    `name` is the prompt's file and the ledger's name for the call, `stage` the stage of DESIGN section 2 that it is
    part of: it is counted there, and can be left out with it. `read` returns the piece with what the reply
    brought, or as rejected.
    """

    name: str
    stage: Literal["draft", "rewrite", "review"]
    ask: "Callable[[Writer, Piece], Request]"
    read: "Callable[[Writer, Piece, Reply], Piece]"


@dataclass(frozen=True, slots=True)
class Family:
    """A family of documents. `steps` are those of one brief, once its idea is settled.

    Families `from_transcripts` have no deck and no idea: their briefs begin with a transcript that exists already.
    """

    name: str
    steps: Callable[[Brief], tuple[Step, ...]]
    criteria: tuple[str, ...]
    prompts: tuple[str, ...]
    dialogue: bool = False
    from_transcripts: bool = False

    def steps_left(self, brief: Brief, ablate: Sequence[str]) -> list[Step]:
        """The steps of a brief without the stages that a build leaves out."""
        return [step for step in self.steps(brief) if step.stage not in ablate]
