"""Reading what a language model proposes for one principle. What cannot be read or verified is left out and noted."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.constitution.importers.prose import words_in
from builder.constitution.quotations import Source

FIELDS = ("statement", "why", "situations", "tensions", "misuse")
_KEYS = (*FIELDS, "conflicts", "quotes")
_SHORTEST_QUOTE = 4
_ANSWER = re.compile(r"<principle>(.*?)</principle>", re.DOTALL)
# Halves of characters, and what steers a terminal.
_BROKEN = re.compile("[\ud800-\udfff\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f]")
_FENCE = re.compile(r"^```[a-z]*\s*\n(.*?)\n```$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What may be taken over for one principle.

    `fields` holds the accepted ones as a YAML file would; `conflicts` pairs of another principle's id and a
    question; `notes` say what was left out and why. `quotations` counts those that stand in the source and
    those that do not. `unread` says that the answer could not be read at all, so that another may be asked for.
    """

    fields: Mapping[str, Any]
    conflicts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    quotations: tuple[int, int] = (0, 0)
    unread: bool = False


class _Unread(Exception):
    """A part of an answer that is not as it was asked for."""


def read_proposal(reply: str, section: str, document: Source, others: Collection[str]) -> Proposal:
    """A language model's answer about one principle.

    `section` is what it was shown, against which its list of quotations is held; other quotations may come
    from anywhere in the `document`. `others` are the ids that tensions and conflicts may name.
    """
    try:
        answer = _answer(reply)
    except _Unread as problem:
        return Proposal({}, notes=(str(problem),), unread=True)
    return _Reader(answer, Source(section), document, others).proposal()


class _Reader:
    """Reads one answer, field by field, gathering notes."""

    def __init__(self, answer: Mapping[str, Any], section: Source, document: Source, others: Collection[str]) -> None:
        self._answer, self._section, self._document, self._others = answer, section, document, others
        self._notes = [f"unknown key {key[:40]!r} was left out" for key in answer if key not in _KEYS]
        self._standing = self._failed = 0

    def proposal(self) -> Proposal:
        quotes = self._quotes()
        readers: dict[str, Callable[[Any], Any]] = {
            "statement": self._text,
            "why": self._text,
            "situations": self._texts,
            "tensions": self._tensions,
            "misuse": self._text,
        }
        read = {name: self._read(name, readers[name]) for name in FIELDS}
        silent = [name for name in FIELDS if name in self._answer and self._answer[name] in (None, [])]
        if silent:
            self._notes.append(f"the source gives no {_listed(silent)}, says the model")
        if read["why"] and not quotes:
            self._notes.append("why rests on no quotation that stands in the section, so it stays as imported")
            read["why"] = None
        conflicts = self._read("conflicts", self._conflicts) or []
        fields = {name: value for name, value in read.items() if value}
        return Proposal(fields, tuple(conflicts), tuple(self._notes), (self._standing, self._failed))

    def _read(self, name: str, reader: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - any YAML value
        """A field's value; None where the answer says there is none, or where it could not be read."""
        if name not in self._answer:
            self._notes.append(f"the answer lacks {name}")
            return None
        value = self._answer[name]
        if value is None and name not in ("situations", "tensions", "conflicts"):
            return None
        try:
            return reader(value)
        except _Unread as problem:
            self._notes.append(f"{name} could not be read ({problem})")
            return None

    def _quotes(self) -> list[str]:
        try:
            quotes = _strings(self._answer.get("quotes"))
        except _Unread as problem:
            self._notes.append(f"quotes could not be read ({problem})")
            return []
        found = [quote for quote in quotes if words_in(quote) >= _SHORTEST_QUOTE and self._section.has(quote)]
        self._drop("quotes", [quote for quote in quotes if quote not in found])
        self._standing += len(found)
        return found

    def _text(self, value: Any) -> str:  # noqa: ANN401
        return self._clean(_string(value))

    def _texts(self, value: Any) -> list[str]:  # noqa: ANN401
        return [text for one in _strings(value) if (text := self._clean(one))]

    def _tensions(self, value: Any) -> list[dict[str, str]]:  # noqa: ANN401
        found: dict[str, dict[str, str]] = {}
        for one in _objects(value, "resolution", optional="exceptions"):
            resolution = self._clean(one["resolution"])
            exceptions = self._clean(one.get("exceptions", ""))
            if self._known("tension", one["with"]) and resolution and one["with"] not in found:
                found[one["with"]] = {"with": one["with"], "resolution": resolution, "exceptions": exceptions}
        return [{key: text for key, text in tension.items() if text} for tension in found.values()]

    def _conflicts(self, value: Any) -> list[tuple[str, str]]:  # noqa: ANN401
        pairs = [(one["with"], self._clean(one["question"])) for one in _objects(value, "question")]
        return [(other, question) for other, question in pairs if question and self._known("conflict", other)]

    def _known(self, what: str, other: str) -> bool:
        if other not in self._others:
            self._notes.append(f"a {what} with {other[:60]!r} was left out, since no other principle has that id")
        return other in self._others

    def _clean(self, text: str) -> str:
        cleaned, failed, standing = self._document.cleaned(text)
        self._drop("the text, with its sentence", failed)
        self._standing += standing
        return cleaned

    def _drop(self, place: str, quotations: Collection[str]) -> None:
        self._failed += len(quotations)
        self._notes += [f"not in the source and taken out of {place}: “{_short(one)}”" for one in quotations]


def _answer(reply: str) -> dict[str, Any]:
    found = _ANSWER.findall(reply)
    if len(found) != 1 or reply.count("<principle>") != 1:
        raise _Unread("the answer has no single <principle>…</principle>")
    inside = found[0].strip()
    fenced = _FENCE.match(inside)
    try:
        answer = json.loads(fenced[1] if fenced else inside)
        broken = any(map(_BROKEN.search, _texts_in(answer)))
    except (ValueError, RecursionError):
        raise _Unread("the answer is not JSON") from None
    if not isinstance(answer, dict):
        raise _Unread("the answer is no JSON object")
    if broken:
        raise _Unread("the answer holds broken characters")
    return answer


def _texts_in(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for one in pair for text in _texts_in(one))
    elif isinstance(value, list):
        yield from (text for one in value for text in _texts_in(one))


def _string(value: Any) -> str:  # noqa: ANN401
    if not isinstance(value, str) or not re.search(r"\w", value):
        raise _Unread("text was expected")
    return value.strip()


def _strings(value: Any) -> list[str]:  # noqa: ANN401
    if not isinstance(value, list):
        raise _Unread("a list was expected")
    return [_string(one) for one in value]


def _objects(value: Any, text: str, optional: str = "") -> list[dict[str, str]]:  # noqa: ANN401
    """A list of objects with `with` and one text, and perhaps another that may be empty."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise _Unread("a list of objects was expected")
    if any(not {"with", text} <= set(one) <= {"with", text, optional} for one in value):
        raise _Unread(f"each object should have with and {text}")
    found = [{key: one[key] or "" if key == optional else _string(one[key]) for key in one} for one in value]
    if any(not isinstance(one.get(optional, ""), str) for one in found):
        raise _Unread(f"{optional} should be text")
    return found


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 100 else f"{text[:97]}..."
