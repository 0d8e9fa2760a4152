"""Flat text whose section titles are bare lines: short, without a full stop, over running text."""

import re
from pathlib import Path

from builder.constitution.importers.headed import document_title, headed_parts
from builder.constitution.importers.reading import Reading, Section
from builder.constitution.importers.sentences import sentences

FORMAT = "flat text with title lines"

_NAVIGATION = re.compile(
    r"^(?:read|show|see|learn|view) (?:more|less|all)$|^back to top$|^(?:copy|share|print)(?: link)?$", re.I
)
_CONTENTS_RUN = 4
_TITLE_WORDS = 12
_TITLE_CHARACTERS = 90


def matches(path: Path, text: str) -> bool:
    """Whether at least two title lines stand over text."""
    return path.suffix.lower() in ("", ".txt", ".md", ".markdown", ".text") and len(read(path, text).sections) >= 2


def read(path: Path, text: str) -> Reading:
    """Every title line's text as a section; lines of navigation are passed over."""
    name, lines, skipped = _cleaned(text)
    titles = _title_lines(lines)
    contents = _contents(lines, titles)
    skipped += [f"table of contents: {len(contents)} lines"] if contents else []
    titles -= contents
    sections, current, preamble = [], "", ""
    body: list[str] = []
    for number, line in enumerate([*lines, ""]):
        last = number == len(lines)
        if number in titles or last:
            prose = "\n".join(body).strip()
            if prose and current:
                sections.append(Section((current,), prose))
            elif prose:
                preamble = prose
            current, body = line.strip(), []
        elif number not in contents:
            body.append(line)
    passed = titles | contents
    everything = "\n".join("" if number in passed else line for number, line in enumerate(lines))
    return Reading(tuple(sections), (everything,), name, preamble, skipped=tuple(skipped))


def _cleaned(text: str) -> tuple[str, list[str], list[str]]:
    """The name in a first heading, the lines below without navigation, and what was passed over."""
    parts = headed_parts(text)
    name = ""
    if len(parts) == 2 and not parts[0].text.strip():
        name, text = parts[1].title, parts[1].text
    elif len(parts) > 2:
        name, preamble, below = document_title(parts)
        text = "\n\n".join([preamble, *(f"{part.title}\n{part.text}" for part in below)])
    lines, skipped = [], []
    for line in text.split("\n"):
        if _NAVIGATION.match(line.strip()):
            skipped.append(f"navigation: {line.strip()!r}")
        else:
            lines.append(line.rstrip(" \t"))
    return name, lines, skipped


def _title_lines(lines: list[str]) -> set[int]:
    """The title lines; in a list that a colon opened, a bare line is one only if a paragraph follows."""
    titles: set[int] = set()
    listing = opened = False
    following = _next_lines(lines)
    for number, line in enumerate(lines):
        if not line.strip():
            listing = opened
            continue
        if _looks_like_title(line):
            below = following[number]
            if below and (not (listing or opened) or len(sentences(below)) > 1):
                titles.add(number)
                listing = opened = False
                continue
        opened = line.rstrip().endswith(":") or (opened and _looks_like_title(line))
        listing = listing or opened
    return titles


def _next_lines(lines: list[str]) -> list[str]:
    """For each line the next one that is not blank."""
    below, found = "", []
    for line in reversed(lines):
        found.append(below)
        below = line if line.strip() else below
    return found[::-1]


def _looks_like_title(line: str) -> bool:
    text = line.strip()
    if not 0 < len(text) <= _TITLE_CHARACTERS or len(text.split()) > _TITLE_WORDS or text[-1] in ".:;,!?…":
        return False
    first = text.lstrip("\"“‘'(")[:1]
    return (first.isupper() or first.isdigit()) and not re.match(r"[-*•>|]", text) and not line.startswith((" ", "\t"))


def _contents(lines: list[str], titles: set[int]) -> set[int]:
    """Title lines in a run of four or more with nothing between them, all of which come again below."""
    found: set[int] = set()
    run: list[int] = []
    last = {lines[number].strip(): number for number in sorted(titles)}
    for number in [*range(len(lines)), -1]:
        if number in titles:
            run.append(number)
        elif number == -1 or lines[number].strip():
            if len(run) >= _CONTENTS_RUN:
                found |= {one for one in run if last[lines[one].strip()] > run[-1]}
            run = []
    return found
