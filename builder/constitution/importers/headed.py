"""Markdown with headings: one section per heading that has text of its own."""

import re
from dataclasses import dataclass
from pathlib import Path

from builder.constitution.importers.reading import Reading, Section
from builder.constitution.importers.sentences import is_link_line, plain

FORMAT = "headed Markdown"

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,})\s*$")
_ATTRIBUTES = re.compile(r"\s*\{([^{}]*)\}\s*$")


@dataclass(frozen=True, slots=True)
class Headed:
    """One heading and the text under it, up to the next heading of any level."""

    level: int
    title: str
    attributes: str
    text: str


def matches(path: Path, text: str) -> bool:
    """Whether at least two headings stand over text."""
    return sum(bool(part.text.strip()) for part in headed_parts(text)[1:]) >= 2


def read(path: Path, text: str) -> Reading:
    """Every heading's own text as a section, under the titles above it."""
    parts, skipped = without_contents(headed_parts(text))
    name, preamble, parts = document_title(parts)
    sections = [Section(path, part.text.strip("\n")) for path, part in with_paths(parts) if part.text.strip()]
    return Reading(tuple(sections), (without_titles(text),), name, preamble, skipped=skipped)


def without_titles(text: str) -> str:
    """The whole source without its heading lines, for counting what was kept."""
    return "\n\n".join(part.text for part in headed_parts(text))


def headed_parts(text: str) -> list[Headed]:
    """The text before the first heading (level 0), then every heading outside fences with its text."""
    parts: list[tuple[int, str, str, list[str]]] = [(0, "", "", [])]
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or (mark[1].startswith(fence) and not line.strip(" `~"))):
            fence = "" if fence else mark[1]
        heading = None if fence or mark else _HEADING.match(line)
        below = None if fence or mark else _UNDERLINE.match(line)
        body = parts[-1][3]
        if heading:
            parts.append((len(heading[1]), *_title(heading[2]), []))
        elif below and body and body[-1].strip() and (len(body) == 1 or not body[-2].strip()):
            parts.append((1 if below[1][0] == "=" else 2, *_title(body.pop().strip()), []))
        else:
            body.append(line.rstrip(" \t"))
    return [Headed(level, title, attributes, "\n".join(lines)) for level, title, attributes, lines in parts]


def without_contents(parts: list[Headed]) -> tuple[list[Headed], tuple[str, ...]]:
    """The parts without tables of contents (three or more link-only lines), and what was taken out."""
    kept, skipped = [], []
    for part in parts:
        links = [line for line in part.text.split("\n") if is_link_line(line)]
        if len(links) < 3:
            kept.append(part)
            continue
        skipped.append(f"table of contents under {part.title or 'the beginning'!r}: {len(links)} links")
        rest = "\n".join(line for line in part.text.split("\n") if not is_link_line(line))
        kept.append(Headed(part.level, part.title, part.attributes, rest.strip()))
    return kept, tuple(skipped)


def document_title(parts: list[Headed]) -> tuple[str, str, list[Headed]]:
    """The document's name, its preamble, and the parts below; a first heading over all others is the name."""
    before, rest = parts[0].text.strip(), parts[1:]
    first, others = rest[0], rest[1:]
    alone = all(part.level > first.level for part in others)
    over_all = first.level == 1 and not first.text.strip() and bool(others)
    if others and (alone or over_all):
        preamble = "\n\n".join(text for text in (before, first.text.strip()) if text)
        return first.title, preamble, others
    return "", before, rest


def with_paths(parts: list[Headed]) -> list[tuple[tuple[str, ...], Headed]]:
    """Every part with the titles it lies under."""
    stack: list[Headed] = []
    found = []
    for part in parts:
        while stack and stack[-1].level >= part.level:
            stack.pop()
        stack.append(part)
        found.append((tuple(one.title for one in stack), part))
    return found


def _title(raw: str) -> tuple[str, str]:
    """A heading's words without markup, and its `{...}` attributes."""
    attributes = _ATTRIBUTES.search(raw)
    words = raw[: attributes.start()] if attributes else raw
    return plain(words) or raw.strip(), attributes[1].strip() if attributes else ""
