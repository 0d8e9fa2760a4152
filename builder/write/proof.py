"""Every prompt rendered once before anything is spent, so that a mistake in one shows early."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from builder.model.protocol import Request
from builder.plan import Brief
from builder.records import Message, Transcript
from builder.write.content import Content, Piece
from builder.write.families import FAMILIES
from builder.write.writer import Writer

_LONG = "word " * 40


def prove_prompts(briefs: Iterable[Brief], writer: Writer) -> None:
    """Render every prompt of the first brief of each family.

    Raises:
        InputError: naming the prompt and what is wrong with it.
    """
    first: dict[str, Brief] = {}
    for brief in briefs:
        first.setdefault(brief.family, brief)
    for brief in first.values():
        for _ in sample_requests(brief, writer):
            pass


def sample_requests(brief: Brief, writer: Writer, ablate: Sequence[str] = ()) -> Iterable[Request]:
    """A brief's requests in their order, each answered with words alone: what can be rendered before anything is."""
    family = FAMILIES[brief.family]
    if not family.from_transcripts:
        yield writer.ideas([brief], 1, ["an idea"], {brief.id: "a reason"})
    piece = _sample(brief)
    for step in family.steps_left(brief, ablate):
        yield step.ask(writer, piece)


def _sample(brief: Brief) -> Piece:
    """A piece that has everything that a step may ask about."""
    words = "word " * brief.words
    user, answer = Message("user", _LONG), Message("assistant", words, train=True)
    dialogue = Content(messages=(user, answer))
    opening = Content(messages=(user,))
    transcript = Transcript("a transcript", (user, answer))
    family = FAMILIES[brief.family]
    draft = dialogue if family.dialogue else Content(text=words)
    piece = Piece(brief, _LONG, transcript=transcript, opening=opening, trial="A trial answer.")
    return replace(piece, draft=draft, content=draft)
