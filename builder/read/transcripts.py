"""Transcripts that demonstrations are made from: JSON lines of conversations that end with the assistant's answer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builder.errors import InputError, first_line
from builder.hashing import content_id
from builder.records import Message, Transcript

_ROLES = ("system", "user", "assistant", "tool")


def read_transcripts(path: Path) -> tuple[Transcript, ...]:
    """Read transcripts in the order of the file; one without an `id` gets the hash of its content.

    Raises:
        InputError: naming the line that is no such transcript, or repeats an id.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; correct `transcripts` in build.yaml") from None
    found: dict[str, Transcript] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip(b" \t\r\xef\xbb\xbf"):
            continue
        transcript = _transcript(line, f"{path}:{number}")
        if transcript.id in found:
            raise InputError(f"{path}:{number}: the id {transcript.id[:80]!r} stands twice; give each its own")
        found[transcript.id] = transcript
    if not found:
        raise InputError(f"{path} has no transcript; write one JSON object with `messages` a line")
    return tuple(found.values())


def _transcript(line: bytes, place: str) -> Transcript:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(f"{place}: the line is not UTF-8; save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: the line is not JSON ({first_line(error)})") from None
    given = row.get("messages") if isinstance(row, Mapping) else None
    if not isinstance(given, list) or not given:
        raise InputError(f"{place}: the transcript has no list of `messages`")
    messages = tuple(_message(message, f"{place}: message {index}") for index, message in enumerate(given, 1))
    _check_order(messages, place)
    tools = row.get("tools")
    kept = tools if tools is None or isinstance(tools, str) else json.dumps(tools, ensure_ascii=False)
    id_ = row.get("id")
    if id_ is not None and not isinstance(id_, str | int):
        raise InputError(f"{place}: `id` should be a text or a number")
    _check_characters(f"{id_} {kept}", f"{place}: its `id` or `tools`")
    name = content_id([[m.role, m.content] for m in messages]) if id_ is None else str(id_)
    return Transcript(name, messages, kept)


def _message(given: Any, place: str) -> Message:  # noqa: ANN401 - any JSON value
    if not isinstance(given, Mapping) or given.get("role") not in _ROLES:
        raise InputError(f"{place} should have a role, one of {', '.join(_ROLES)}")
    content = given.get("content")
    if given.get("tool_calls"):
        raise InputError(f"{place} calls tools, which a demonstration cannot keep as it is; leave that transcript out")
    if not isinstance(content, str) or not content.strip():
        raise InputError(f"{place} should have its `content` as text")
    _check_characters(content, place)
    return Message(given["role"], content)


def _check_characters(text: str, place: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError(f"{place} holds half of a surrogate pair, which UTF-8 cannot store; mend its text")


def _check_order(messages: tuple[Message, ...], place: str) -> None:
    roles = [message.role for message in messages]
    if roles[-1] != "assistant":
        raise InputError(f"{place}: the transcript ends with the {roles[-1]}; its last turn should be the assistant's")
    if "user" not in roles:
        raise InputError(f"{place}: the transcript has no turn of a user")
