"""The steps that families share: the draft of a text, its rewrite by a fresh context, the review."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from builder.model.offline import NAME as OFFLINE
from builder.model.protocol import Reply, Request
from builder.write.content import Content, Piece
from builder.write.family import Step
from builder.write.parse import parse_dialogue, parse_document, parse_review
from builder.write.tags import Unparsed
from builder.write.writer import Writer

_REVIEW_TOKENS = 2500


def room_for(words: int) -> int:
    """Tokens that an answer of so many words may take, with room for a writer who is carried away."""
    return words * 2 + 800


def _ask_draft(writer: Writer, piece: Piece) -> Request:
    return writer.request("draft", piece.brief, room_for(piece.brief.words), {"idea": piece.idea})


def _read_draft(writer: Writer, piece: Piece, reply: Reply) -> Piece:
    content = parse_document(reply.text)
    if isinstance(content, Unparsed):
        return piece.rejected(content.reason)
    if content.kept:
        return piece.rejected("the reply keeps a draft that is not there")
    return replace(piece, draft=content)


def _ask_rewrite(writer: Writer, piece: Piece) -> Request:
    return writer.request("rewrite", piece.brief, room_for(piece.brief.words) + 700, {"draft": piece.draft.tagged})


def _read_rewrite(writer: Writer, piece: Piece, reply: Reply) -> Piece:
    """It may keep the draft, whose title always stays; a dialogue keeps its turns."""
    content = parse_dialogue(reply.text) if piece.draft.messages else parse_document(reply.text)
    if isinstance(content, Unparsed):
        return piece.rejected(content.reason)
    if not content.kept and _roles(content) != _roles(piece.draft):
        return piece.rejected("the rewrite has other turns than the draft")
    finished = replace(piece.draft, problems=content.problems, kept=True) if content.kept else content
    return replace(piece, content=replace(finished, title=piece.draft.title))


def review(criteria: tuple[str, ...], shown: Callable[[Piece], Mapping[str, object]]) -> Step:
    """The review of a family: a verdict with evidence on each criterion of what `shown` gives the prompt."""

    def ask(writer: Writer, piece: Piece) -> Request:
        facts = {"criteria": list(criteria)}
        return writer.request("review", piece.brief, _REVIEW_TOKENS, shown(piece), facts=facts)

    def read(writer: Writer, piece: Piece, reply: Reply) -> Piece:
        return _judged(piece, reply, criteria)

    return Step("review", "review", ask, read)


def _judged(piece: Piece, reply: Reply, criteria: tuple[str, ...]) -> Piece:
    """A single no rejects the document, and so does a review that cannot be read or judged nothing."""
    found = parse_review(reply.text, criteria)
    if isinstance(found, Unparsed):
        return piece.rejected(f"unjudged: {found.reason}")
    piece = replace(piece, review=found)
    if not found.judged and reply.model != OFFLINE:
        return piece.rejected("unjudged: the review judged nothing")
    return piece.rejected(f"failed {found.failed[0]}") if found.failed else piece


def review_of(criteria: tuple[str, ...]) -> Step:
    """The review of a finished document as a whole."""
    return review(criteria, lambda piece: {"document": piece.finished.tagged})


def _roles(content: Content) -> list[str]:
    return [message.role for message in content.messages]


DRAFT = Step("draft", "draft", _ask_draft, _read_draft)
REWRITE = Step("rewrite", "rewrite", _ask_rewrite, _read_rewrite)
