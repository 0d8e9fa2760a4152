"""Reasoned demonstrations: transcripts that exist already, judged, their final answer rewritten with its reasons.

Every other turn stays as it was, to the byte, and is not trained on.
"""

from dataclasses import replace

from builder.model.protocol import Reply, Request
from builder.plan import Brief
from builder.records import Message, Transcript
from builder.write.content import Content, Piece
from builder.write.family import COMMON_CRITERIA, Family, Step
from builder.write.parse import parse_answer, parse_judgement
from builder.write.steps import review, room_for
from builder.write.tags import Unparsed
from builder.write.writer import Writer

_CRITERIA = (*COMMON_CRITERIA, "reasons_woven", "help_kept")
_JUDGEMENT_TOKENS = 800


def _ask_judge(writer: Writer, piece: Piece) -> Request:
    transcript = as_content(_transcript(piece)).tagged
    return writer.request("judge", piece.brief, _JUDGEMENT_TOKENS, {"transcript": transcript})


def _read_judge(writer: Writer, piece: Piece, reply: Reply) -> Piece:
    found = parse_judgement(reply.text, writer.planned)
    if isinstance(found, Unparsed):
        return piece.rejected(f"unjudged: {found.reason}")
    good, _, principles = found
    if not good:
        return piece.rejected("the judge found the final answer bad")
    if not principles:
        return piece.rejected("no principle bears on the final answer")
    return replace(piece, principles=principles, draft=as_content(_transcript(piece)))


def _ask_rewrite(writer: Writer, piece: Piece) -> Request:
    draft = piece.draft.messages[-1].content
    own = {"transcript": piece.draft.tagged, "draft": draft}
    room = room_for(2 * len(draft.split()))
    return writer.request("rewrite", piece.brief, room, own, principles=piece.principles)


def _read_rewrite(writer: Writer, piece: Piece, reply: Reply) -> Piece:
    found = parse_answer(reply.text)
    if isinstance(found, Unparsed):
        return piece.rejected(found.reason)
    problems, answer = found
    if answer is None:
        return replace(piece, content=replace(piece.draft, problems=problems, kept=True))
    *before, _ = piece.draft.messages
    last = Message("assistant", answer, train=True)
    return replace(piece, content=Content(messages=(*before, last), problems=problems))


def as_content(transcript: Transcript) -> Content:
    """A transcript as a dialogue of which the final answer alone is trained on."""
    *before, last = transcript.messages
    return Content(messages=(*before, replace(last, train=True)))


def _transcript(piece: Piece) -> Transcript:
    assert piece.transcript is not None  # a brief of this family has one
    return piece.transcript


_STEPS = (
    Step("judge", "draft", _ask_judge, _read_judge),
    Step("rewrite", "rewrite", _ask_rewrite, _read_rewrite),
    review(_CRITERIA, lambda piece: {"transcript": piece.finished.tagged}),
)


def _steps(brief: Brief) -> tuple[Step, ...]:
    return _STEPS


DEMONSTRATION = Family(
    name="demonstration",
    steps=_steps,
    criteria=_CRITERIA,
    prompts=("judge", "rewrite", "review"),
    dialogue=True,
    from_transcripts=True,
)
