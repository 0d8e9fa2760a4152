"""`{character}` and `{developer}` in a constitution's prose; every other brace is left alone."""

import re
from collections.abc import Mapping
from typing import Any

DEFAULT_CHARACTER = "the AI"
DEFAULT_DEVELOPER = "its developer"

_PLACE = re.compile(r"\{(character|developer)\}")
_SENTENCE_START = re.compile(r"(?:^|\n\s*(?:[-*]\s+)?|[.!?][\"'”’)]*\s+)[\"'“‘(]*$")


def fill(data: Mapping[str, Any]) -> dict[str, Any]:
    """A raw constitution with both names filled in everywhere but in `character` itself.

    A name that starts with a small letter ("the AI") gets a capital where a sentence begins.
    """
    character = data.get("character")
    block = character if isinstance(character, Mapping) else {}
    names = {
        "character": _name(block.get("name"), DEFAULT_CHARACTER),
        "developer": _name(block.get("developer"), DEFAULT_DEVELOPER),
    }
    return {key: value if key == "character" else _filled(value, names) for key, value in data.items()}


def hides_names(text: str, names: Mapping[str, str]) -> str:
    """A text with its names replaced by their places: the inverse of `fill`, for whole words only."""
    for place, name in names.items():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", f"{{{place}}}", text)
    return text


def _name(value: object, default: str) -> str:
    return value.strip() or default if isinstance(value, str) else default


def _filled(value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - any YAML value
    if isinstance(value, str):
        return _PLACE.sub(lambda match: _in_case(names[match[1]], value[: match.start()]), value)
    if isinstance(value, Mapping):
        # a source quote stays verbatim
        return {key: child if key == "source" else _filled(child, names) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(child, names) for child in value]
    return value


def _in_case(name: str, before: str) -> str:
    return name[0].upper() + name[1:] if _SENTENCE_START.search(before[-12:]) else name
