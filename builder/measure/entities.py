"""Rare names of an eval: e-mail addresses, full names, names with a capital inside."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.measure.words import words_of

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_CAMEL = re.compile(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b")
_CAPITALS = re.compile(r"\b[A-Z][a-z]+(?:[ \t][A-Z][a-z]+)+\b")
_LONGEST_NAME = 3


@dataclass(frozen=True, slots=True)
class Entities:
    """Names by their first word; each is the words to look for and how the eval writes it."""

    by_first: dict[str, list[tuple[tuple[str, ...], str]]]

    def found_in(self, words: Sequence[str]) -> tuple[str, ...]:
        """The names that a text's words contain, sorted; a name inside a longer one that was found is left
        out.
        """
        found: dict[tuple[str, ...], str] = {}
        for place, word in enumerate(words):
            for name, shown in self.by_first.get(word, ()):
                if tuple(words[place : place + len(name)]) == name:
                    found[name] = shown
        alone = [
            shown
            for name, shown in found.items()
            if not any(len(name) < len(other) and _inside(name, other) for other in found)
        ]
        return tuple(sorted(alone))


def entities_in(texts: Sequence[str], background: Sequence[str]) -> Entities:
    """The rare names of some texts: none occurs in the background, and no word of a full name is ever
    written small.
    """
    different = list(dict.fromkeys(texts))
    small = {word for text in (*different, *background) for word in re.findall(r"\b[a-z]+\b", _EMAIL.sub(" ", text))}
    common = _runs_of_background(background)
    names: dict[tuple[str, ...], str] = {}
    for text in different:
        for shown in (*_EMAIL.findall(text), *_CAMEL.findall(text), *_full_names(text, small)):
            words = tuple(words_of(shown).words)
            if words and words not in common:
                names.setdefault(words, shown)
    by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for words, shown in sorted(names.items()):
        by_first.setdefault(words[0], []).append((words, shown))
    return Entities(by_first)


def _full_names(text: str, small: set[str]) -> Iterator[str]:
    """Two or three capitalised words in a row, none of which is ever written small."""
    for capitals in _CAPITALS.findall(text):
        stretch: list[str] = []
        for word in (*capitals.split(), ""):
            if word and word.lower() not in small:
                stretch.append(word)
                continue
            if 2 <= len(stretch) <= _LONGEST_NAME:
                yield " ".join(stretch)
            stretch = []


def _runs_of_background(background: Sequence[str]) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for text in background:
        words = words_of(text).words
        for n in (1, 2, 3):
            found.update(zip(*(words[i:] for i in range(n)), strict=False))
    return found


def _inside(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    return any(whole[i : i + len(part)] == part for i in range(len(whole) - len(part) + 1))
