"""Markdown that is a list of principles: bullets, numbers, or paragraphs that begin with a title in bold."""

import re
from dataclasses import dataclass
from pathlib import Path

from builder.constitution.importers.headed import headed_parts
from builder.constitution.importers.kinds import propose_kind
from builder.constitution.importers.norms import statement_and_why
from builder.constitution.importers.prose import asks, is_prose, words_in
from builder.constitution.importers.reading import Reading, Section, short_title
from builder.constitution.importers.sentences import is_link_line, plain

FORMAT = "list of principles"

_ITEM = re.compile(r"^( {0,3})(?:[-*+•]|\(?\d{1,3}[.)])[ \t]+(?=\S)")
_BOLD = re.compile(r"^(?:\*\*|__)(?=\S)(.{1,150}?)(?<=\S)(?:\*\*|__)(?!\w)[ \t]*(?:[:.–—-][ \t]*)?")
_NAMED = re.compile(
    r"\b(?:principles?|constitution|values|rules|guidelines|commandments|commitments|tenets|laws|charter|norms|creed)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Entries:
    """A text as a list: its name, the paragraphs outside the list, and each entry verbatim."""

    name: str
    outside: str
    entries: tuple[str, ...]


def matches(path: Path, text: str) -> bool:
    """Whether most of the text is a list of two entries or more, and its entries ask something or say that they do."""
    return path.suffix.lower() in ("", ".txt", ".md", ".markdown", ".text") and is_list_of_principles(entries_of(text))


def is_list_of_principles(found: Entries) -> bool:
    """Whether a list plainly states principles: half of it asks something, or nearly all is prose under such a name."""
    bodies = [_parts(entry) for entry in found.entries]
    if len(bodies) < 2 or sum(map(words_in, found.entries)) < words_in(found.outside):
        return False
    asking = sum(asks(body) or asks(title) for title, body in bodies)
    stated = sum(is_prose(body) or bool(title and body) for title, body in bodies)
    named = _NAMED.search(f"{found.name}\n{found.outside}") is not None
    return asking >= len(bodies) / 2 or (named and stated > 0.8 * len(bodies))


def read(path: Path, text: str) -> Reading:
    """One section per entry, titled by its words in bold or by its first ones."""
    found = entries_of(text)
    sections = tuple(_section(entry, found.name) for entry in found.entries)
    said = [part for entry in found.entries for part in _parts(entry)]
    return Reading(sections, (found.outside, *said), found.name, found.outside)


def entries_of(text: str) -> Entries:
    """A text cut at its bullets, numbers and titles in bold; lines that are indented belong to the entry above."""
    parts = [part for part in headed_parts(text) if part.title or part.text.strip()]
    name = parts[0].title if parts and parts[0].level else ""
    lines = "\n".join(part.text if part.title == name else f"{part.title}\n{part.text}" for part in parts).split("\n")
    entries: list[list[str]] = []
    outside: list[str] = []
    current, bold = outside, False
    items = [item for line in lines if (item := _ITEM.match(line))]
    indent = items[0][1] if items else ""
    for number, line in enumerate(lines):
        item = _ITEM.match(line)
        begins = item is not None and len(item[1]) <= len(indent) and not is_link_line(line)
        titled = bool(_BOLD.match(line))
        goes_on = bold or line.startswith((" ", "\t")) or not line.strip() or bool(lines[number - 1].strip())
        if begins or titled:
            entries.append([line])
            current, bold = entries[-1], titled and not begins
        elif current is not outside and not goes_on:
            current, bold = outside, False
            outside.append(line)
        else:
            current.append(line)
    kept = tuple("\n".join(entry).strip("\n") for entry in entries)
    return Entries(name, "\n".join(outside).strip(), kept)


def _section(entry: str, name: str) -> Section:
    title, body = _parts(entry)
    statement, why = statement_and_why(body or title, title)
    named = (name, title) if title and body else (name,)
    kind = propose_kind(named, "", statement)
    return Section(
        (title if title and body else short_title(statement),), entry, kind=kind, statement=statement, why=why
    )


def _parts(entry: str) -> tuple[str, str]:
    """An entry's title in bold, if it has one, and the rest."""
    text = _ITEM.sub("", entry)
    bold = _BOLD.match(text)
    return (plain(bold[1]).rstrip(".:"), text[bold.end() :].strip()) if bold else ("", text.strip())
