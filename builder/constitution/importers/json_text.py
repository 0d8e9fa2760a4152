"""JSON that somebody else wrote: numbers stay as they are written, and what is wrong has a sentence with its line."""

import json
import re
from pathlib import Path
from typing import Any

from builder.errors import InputError, first_line
from builder.placed_yaml import DEPTH_LIMIT

_HALF = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]..")


class _Repeated(Exception):
    """A key that stands twice in one object; the message is the key."""


def glance(text: str) -> Any:  # noqa: ANN401 - a list, an object or None
    """The list or object that a text is as JSON, whatever may be wrong with it otherwise; None if it is neither."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None


def parse_json(path: Path, text: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a JSON text, with its numbers as text.

    Raises:
        InputError: if it is not JSON, repeats a key, is nested deeply or holds half a character.
    """
    try:
        value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        reason = first_line(error).split(": line")[0]
        raise InputError(f"{path}:{error.lineno}:{error.colno}: not JSON: {reason}; mend it there") from None
    except RecursionError:
        raise _deep(path) from None
    except _Repeated as error:
        raise InputError(_repeated(path, text, str(error))) from None
    if _depth(value) > DEPTH_LIMIT:
        raise _deep(path)
    if half := _HALF.search(text):
        line = text.count("\n", 0, half.start()) + 1
        raise InputError(f"{path}:{line}: {half[0]} is half a character; write the whole one, or take it out")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Repeated(key)
        found[key] = value
    return found


def _repeated(path: Path, text: str, key: str) -> str:
    places = [found.start() for found in re.finditer(rf"{re.escape(json.dumps(key, ensure_ascii=False))}\s*:", text)]
    line = f":{text.count(chr(10), 0, places[1]) + 1}" if len(places) == 2 else ""
    return f"{path}{line}: key {key!r} stands twice in one object, so one of the two would be lost; rename one"


def _deep(path: Path) -> InputError:
    return InputError(f"{path} is nested more than {DEPTH_LIMIT} levels deep; flatten it")


def _depth(value: Any) -> int:  # noqa: ANN401
    """How deeply lists and objects lie in each other, found without recursion."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [child for one in level for child in (one.values() if isinstance(one, dict) else one)]
    return depth
