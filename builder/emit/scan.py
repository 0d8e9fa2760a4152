"""Scanning what is published: every string of a row, and the words of prompts that must not be in it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from builder.injected import InjectedScan


def strings_in(value: Any, place: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    """Each string with its place, such as `provenance.models.model`; the keys of mappings too."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield place or "a column name", str(key)
            yield from strings_in(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings_in(inner, place)


def published_strings(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a scan reads of a row, so that no words hide in a cut or behind an escape.

    Every string, what is inside those that are JSON themselves, and a dialogue's turns run together.
    """
    for place, string in strings_in(row):
        yield place, string
        yield from _opened(string, place)
    messages = row.get("messages")
    if messages:
        yield "messages", "\n".join(message["content"] or "" for message in messages)


def _opened(text: str, place: str) -> Iterator[tuple[str, str]]:
    if not text.lstrip().startswith(("{", "[", '"')):
        return
    try:
        inside = list(strings_in(json.loads(text), place))
    except (ValueError, RecursionError):
        return
    for _, string in inside:
        # An escape may spell half a surrogate pair, which the text around it does not hold.
        whole = string.encode("utf-8", "replace").decode()
        yield place, whole
        yield from _opened(whole, place)


def find_injected(scan: InjectedScan, row: Mapping[str, Any]) -> tuple[str, str] | None:
    """The place and the words of the first injected run in a row, or None."""
    for place, string in published_strings(row) if scan else ():
        found = scan.find(string)
        if found:
            return place, found
    return None
