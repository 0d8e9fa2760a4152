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
_NO_ANSWER = ("errored", "expired", "canceled")
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_KINDS = {"str": "text", "dict": "an object", "list": "a list"}
_Kind = TypeVar("_Kind", str, dict[str, Any], list[Any])


class Malformed(Exception):
    """Something that is not of the API's shape; the message says what is wrong with it."""


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
        "system": system,
        "messages": [{"role": "user", "content": request.user}],
    }


def read_reply(message: dict[str, Any]) -> Reply:
    """A message as a reply; its model is empty where the message names none.

    Raises:
        Malformed: if it is no message, or stopped in a way that a request of ours cannot.
    """
    texts = []
    for block in field(message, "content", list, "message."):
        if not isinstance(block, dict):
            raise Malformed('message.content should be a list of objects such as {"type": "text", "text": ...}')
        if field(block, "type", str, "message.content.") == "text":  # others hold thinking, which is no answer
            texts.append(field(block, "text", str, "message.content."))
    stopped = field(message, "stop_reason", str, "message.")
    if stopped not in _OUTCOMES:
        raise Malformed(f"message.stop_reason {stopped[:80]!r} is unknown; known are {', '.join(_OUTCOMES)}")
    model = field(message, "model", str, "message.") if "model" in message else ""
    if not model.isprintable():
        raise Malformed("message.model holds characters that no name has")
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
            raise Malformed(f"message.usage.{name} should be a whole number of tokens")
    return Usage(*tokens)


def field(holder: dict[str, Any], name: str, kind: type[_Kind], inside: str = "") -> _Kind:
    """A field of an object, checked; `inside` is the path of the object, for the message.

    Raises:
        Malformed: if it is not there or of another kind.
    """
    value = holder.get(name)
    if isinstance(value, kind):
        return value
    raise Malformed(
        f"the row lacks {inside}{name}" if value is None else f"{inside}{name} should be {_KINDS[kind.__name__]}"
    )
