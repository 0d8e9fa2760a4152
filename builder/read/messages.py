"""Messages as they are found in the wild: lists of role and content, content in parts, marked text files."""

import json
import re
from typing import Any

from builder.records import EvalMessage, Message

_MARKER = re.compile(r"^\[(SYSTEM|USER|ASSISTANT|TOOL)\][ \t]*\r?$", re.MULTILINE)
_ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant", "function": "tool"}


def messages_in(value: Any) -> tuple[Message, ...] | None:  # noqa: ANN401 - whatever a JSON file holds
    """A list of messages, each with `role` and `content` (or `from` and `value`); None where it is not one.

    A table's cell may hold the list as JSON.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            return None
    if not isinstance(value, list) or not value:
        return None
    found = [_message(one) for one in value]
    return tuple(one for one in found if one) if all(found) else None


def _message(value: Any) -> Message | None:  # noqa: ANN401
    if not isinstance(value, dict):
        return None
    role = value.get("role", value.get("from"))
    content = content_of(value.get("content", value.get("value")))
    if not isinstance(role, str) or content is None:
        return None
    return Message(_ROLES.get(role.lower(), role.lower()), content)


def content_of(value: Any) -> str | None:  # noqa: ANN401
    """The text of a message's content: a string, nothing (a bare tool call), or a list of parts with
    `text`.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = [part.get("text", "") if isinstance(part, dict) else part for part in value]
        return "\n".join(part for part in parts if part) if all(isinstance(part, str) for part in parts) else None
    return None


def marked_messages(text: str) -> tuple[EvalMessage, ...]:
    """A text file as messages: `[SYSTEM]`, `[USER]`, `[ASSISTANT]` or `[TOOL]` alone on a line starts one;
    a text without markers is one user message, and so is what stands before the first marker. Empty ones
    are left out.
    """
    pieces = _MARKER.split(text)
    roles = ["user", *(role.lower() for role in pieces[1::2])]
    shown = [(role, piece.strip()) for role, piece in zip(roles, pieces[0::2], strict=True) if piece.strip()]
    return tuple(EvalMessage(index, role, piece) for index, (role, piece) in enumerate(shown))
