"""Difficult advice: the user owns a hard dilemma, and the answer helps by reasoning about it.

After the study's difficult advice (Teaching Claude Why, appendix): the person's message is written, tried on a model
that sees nothing else, and revised by what the trial showed; the answer is sampled under a prompt of values that is
then taken out; a fresh context rewrites it with the section of the constitution that bears on it.
"""

from dataclasses import replace
from functools import partial

from builder.model.protocol import Reply, Request
from builder.plan import Brief
from builder.records import Message
from builder.write.content import Content, Piece
from builder.write.family import COMMON_CRITERIA, Family, Step
from builder.write.parse import parse_bare, parse_opening, parse_turn
from builder.write.steps import REWRITE, review_of, room_for
from builder.write.tags import Unparsed
from builder.write.writer import Writer

EXCHANGES = {"single": 1, "two_exchanges": 2, "three_exchanges": 3}
_CRITERIA = (*COMMON_CRITERIA, "dilemma_is_users", "reasons_woven", "opening_not_formulaic", "brief_kept")
_REVIEW = review_of(_CRITERIA)
_OPENING_TOKENS, _TRIAL_TOKENS = 2000, 1500


def exchanges_of(brief: Brief) -> int:
    """How many exchanges a brief asks for."""
    return EXCHANGES.get(brief.options.get("turns", "single"), 1)


def _ask_prompt(writer: Writer, piece: Piece) -> Request:
    return writer.request("prompt", piece.brief, _OPENING_TOKENS, {"idea": piece.idea})


def _read_prompt(writer: Writer, piece: Piece, reply: Reply) -> Piece:
    opening = parse_opening(reply.text)
    if isinstance(opening, Unparsed):
        return piece.rejected(opening.reason)
    if opening.kept:
        return piece.rejected("the reply keeps a message that is not there")
    return replace(piece, opening=opening, draft=opening)


def _ask_trial(writer: Writer, piece: Piece) -> Request:
    operator, turns = _split(piece.opening)
    return writer.bare("trial", piece.brief, operator, turns, _TRIAL_TOKENS)


def _read_trial(writer: Writer, piece: Piece, reply: Reply) -> Piece:
    return replace(piece, trial=reply.text.strip())


def _ask_revise(writer: Writer, piece: Piece) -> Request:
    own = {"idea": piece.idea, "opening": piece.opening.tagged, "trial": piece.trial}
    return writer.request("revise", piece.brief, _OPENING_TOKENS + 500, own)


def _read_revise(writer: Writer, piece: Piece, reply: Reply) -> Piece:
    revised = parse_opening(reply.text)
    if isinstance(revised, Unparsed):
        return piece.rejected(revised.reason)
    draft = piece.opening if revised.kept else replace(revised, problems=None)
    return replace(piece, revision=revised.problems, draft=draft)


def _ask_answer(exchange: int, writer: Writer, piece: Piece) -> Request:
    operator, turns = _split(piece.draft)
    count = exchanges_of(piece.brief)
    own = {"idea": piece.idea, "operator": operator, "exchange": exchange, "exchanges": count}
    return writer.under("answer", piece.brief, turns, room_for(piece.brief.words), own, attempt=exchange - 1)


def _read_answer(writer: Writer, piece: Piece, reply: Reply) -> Piece:
    answer = parse_bare(reply.text)
    if isinstance(answer, Unparsed):
        return piece.rejected(answer.reason)
    return _with(piece, Message("assistant", answer, train=True))


def _ask_follow_up(exchange: int, writer: Writer, piece: Piece) -> Request:
    own = {"idea": piece.idea, "dialogue": piece.draft.tagged, "exchange": exchange}
    own["exchanges"] = exchanges_of(piece.brief)
    return writer.request("follow_up", piece.brief, 1000, own, attempt=exchange - 1)


def _read_follow_up(writer: Writer, piece: Piece, reply: Reply) -> Piece:
    message = parse_turn(reply.text)
    if isinstance(message, Unparsed):
        return piece.rejected(message.reason)
    return _with(piece, Message("user", message))


def _with(piece: Piece, message: Message) -> Piece:
    return replace(piece, draft=replace(piece.draft, messages=(*piece.draft.messages, message)))


def _split(dialogue: Content) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The operator's system prompt, empty where there is none, and the turns after it."""
    operator = next((message.content for message in dialogue.messages if message.role == "system"), "")
    return operator, tuple((m.role, m.content) for m in dialogue.messages if m.role != "system")


def _steps(brief: Brief) -> tuple[Step, ...]:
    steps = [
        Step("prompt", "draft", _ask_prompt, _read_prompt),
        Step("trial", "draft", _ask_trial, _read_trial),
        Step("revise", "draft", _ask_revise, _read_revise),
    ]
    for exchange in range(1, exchanges_of(brief) + 1):
        if exchange > 1:
            steps.append(Step("follow_up", "draft", partial(_ask_follow_up, exchange), _read_follow_up))
        steps.append(Step("answer", "draft", partial(_ask_answer, exchange), _read_answer))
    return (*steps, REWRITE, _REVIEW)


ADVICE = Family(
    name="advice",
    steps=_steps,
    criteria=_CRITERIA,
    prompts=("idea", "prompt", "revise", "answer", "follow_up", "rewrite", "review"),
    dialogue=True,
)
