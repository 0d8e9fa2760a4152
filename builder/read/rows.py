"""A row of any file, with its place in words, so that every error can name it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.errors import InputError

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """The fields of one record and where it stands: `place` is a file with a line or a row."""

    fields: Mapping[str, Any]
    path: Path
    place: str


def given_id(row: Row) -> str | None:
    """The row's own `id`, where it has one that is a filled string or a whole number."""
    value = row.fields.get("id")
    usable = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    return str(value) if usable else None


class Ids:
    """The ids of one input, each used once."""

    def __init__(self) -> None:
        self._places: dict[str, str] = {}

    def given(self, id_: str, place: str) -> str:
        """An id that the input gives, as text that can be written.

        Raises:
            InputError: if it was used before; both places are named.
        """
        id_ = whole_text(id_)
        if id_ in self._places:
            raise InputError(f"{place}: the id {id_!r} was already used at {self._places[id_]}; ids must differ")
        self._places[id_] = place
        return id_

    def made(self, id_: str, place: str) -> str:
        """An id made from the content; where the same content comes again it gets a number."""
        number, free = 1, id_
        while free in self._places:
            number += 1
            free = f"{id_}-{number}"
        self._places[free] = place
        return free


def whole_text(text: str) -> str:
    """A text that can be written as UTF-8: half a surrogate pair, which scraped JSON may hold, becomes U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)
