"""Scanning what is published: every string of a row, and the words of prompts that must not be in it."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any


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


RUN = 8
"""This many consecutive words of an injected prompt are a leak; of a shorter prompt, the whole."""

# An ideograph, a kana or a Hangul syllable counts as a word: these scripts put no space between words.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)


class InjectedScan:
    """Looks for runs of injected words, whatever their case, punctuation, breaks or invisible characters."""

    def __init__(self, injected: Sequence[str]) -> None:
        self._runs: dict[int, set[tuple[str, ...]]] = {}
        for prompt in injected:
            words = _words(prompt)
            length = min(RUN, len(words))
            if length:
                self._runs.setdefault(length, set()).update(_windows(words, length))

    def __bool__(self) -> bool:
        return bool(self._runs)

    def find(self, row: Mapping[str, Any]) -> tuple[str, str] | None:
        """The place and the words of the first injected run in a row, or None."""
        if not self._runs:
            return None
        for place, string in published_strings(row):
            words = _words(string)
            for length, runs in self._runs.items():
                found = next((window for window in _windows(words, length) if window in runs), None)
                if found:
                    return place, " ".join(found)
        return None


def _words(text: str) -> list[str]:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return _WORD.findall(text.casefold())


def _windows(words: list[str], length: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(length)), strict=False)
