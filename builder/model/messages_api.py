"""The shapes of the Messages API: a request's parameters, and reading a message as a reply."""

import re
from dataclasses import dataclass
from typing import Any, TypeVar

from builder.model.protocol import Outcome, Reply, Request, Usage

_OUTCOMES = {
    "end_turn": Outcome.COMPLETED,
    "stop_sequence": Outcome.COMPLETED,
    "max_tokens": Outcome.TRUNCATED,
    "model_context_window_exceeded": Outcome.TRUNCATED,
    "refusal": Outcome.REFUSED,
}
# Stops in the middle of an answer, for tools or for time: asked again, the model may come to its end.
_UNFINISHED = ("pause_turn", "tool_use")
_NO_ANSWER = ("errored", "expired", "canceled")
_MESSAGE = '{"content": [{"type": "text", "text": "..."}], "stop_reason": "end_turn"}'
_ROW = f'{{"custom_id": "...", "result": {{"type": "succeeded", "message": {_MESSAGE}}}}}'
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_KINDS = {"str": "text", "dict": "an object", "list": "a list"}
_Kind = TypeVar("_Kind", str, dict[str, Any], list[Any])


class Malformed(Exception):
    """Something that is not of the API's shape; the message says what is wrong with it."""


class Unfinished(Malformed):
    """A message that stopped before its answer was there; `stopped` says why."""

    def __init__(self, stopped: str) -> None:
        super().__init__(f"the message stopped with {stopped}, before its answer was there; ask again")
        self.stopped = stopped


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """What a batch result holds in place of an answer: `errored`, `expired` or `canceled`, and the error's words."""

    kind: str
    error: str = ""
    message: str = ""


def params(request: Request, *, cached: bool = False) -> dict[str, Any]:
    """What is sent for a request; `cached` marks the system prompt as the end of a prefix to be cached."""
    system: Any = request.system
    if cached and system:
        system = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
    return {
        "model": request.model,
        "max_tokens": request.max_tokens,
        **({"system": system} if system else {}),
        "messages": [{"role": role, "content": text} for role, text in request.turns],
    }


def read_reply(message: dict[str, Any]) -> Reply:
    """A message as a reply; its model is empty where the message names none.

    Raises:
        Malformed: if it is no message, or stopped in a way that a request of ours cannot; `Unfinished`, if too early.
    """
    stopped = field(message, "stop_reason", str, "message.")
    if stopped in _UNFINISHED:
        raise Unfinished(stopped)
    texts = []
    for block in field(message, "content", list, "message."):
        if not isinstance(block, dict):
            raise Malformed('message.content should be a list of objects such as {"type": "text", "text": ...}')
        if field(block, "type", str, "message.content.") == "text":  # others hold thinking, which is no answer
            texts.append(field(block, "text", str, "message.content."))
    if stopped not in _OUTCOMES:
        known = ", ".join((*_OUTCOMES, *_UNFINISHED))
        raise Malformed(f"message.stop_reason {stopped[:80]!r} is unknown; known are {known}")
    model = field(message, "model", str, "message.") if "model" in message else ""
    if not model.isprintable():
        raise Malformed("message.model holds characters that no name has; write the name, or leave the key out")
    return Reply("".join(texts), _OUTCOMES[stopped], model, _usage(message))


def read_result(row: object) -> tuple[str, Reply | NoAnswer]:
    """A row of batch results: its custom_id, and its answer or what came instead of one.

    Raises:
        Malformed: if it is no such row.
    """
    if not isinstance(row, dict):
        raise Malformed("the row is no JSON object; write one batch result a line")
    key = field(row, "custom_id", str)
    if not _CUSTOM_ID.fullmatch(key):
        raise Malformed(f"custom_id {key[:80]!r} is none; copy it from requests.jsonl")
    result = field(row, "result", dict)
    kind = field(result, "type", str, "result.")
    if kind in _NO_ANSWER:
        return key, NoAnswer(kind, *_error(result.get("error")))
    if kind != "succeeded":
        raise Malformed(f"result.type {kind[:80]!r} is unknown; known are succeeded, {', '.join(_NO_ANSWER)}")
    return key, read_reply(field(result, "message", dict, "result."))


def _error(given: object) -> tuple[str, str]:
    """An error's type and message, as far as it has them."""
    inner = given.get("error", given) if isinstance(given, dict) else None
    if not isinstance(inner, dict):
        return "", ""
    return str(inner.get("type", "")), str(inner.get("message", ""))


def _usage(message: dict[str, Any]) -> Usage:
    counted = field(message, "usage", dict, "message.") if message.get("usage") is not None else {}
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    tokens = [counted.get(name) or 0 for name in names]
    for name, count in zip(names, tokens, strict=True):
        if type(count) is not int or count < 0:
            raise Malformed(f"message.usage.{name} should be a whole number of tokens; write it, or leave usage out")
    return Usage(*tokens)


def field(holder: dict[str, Any], name: str, kind: type[_Kind], inside: str = "") -> _Kind:
    """A field of an object, checked; `inside` is the path of the object, for the message.

    Raises:
        Malformed: if it is not there or of another kind.
    """
    value = holder.get(name)
    if isinstance(value, kind):
        return value
    wrong = f"the row lacks {inside}{name}" if value is None else f"{inside}{name} should be {_KINDS[kind.__name__]}"
    raise Malformed(f"{wrong}; a row with an answer is {_ROW}")
