"""Sentences of English prose with Markdown in it, by rule: enough for counting and for choosing."""

import re

_SHORT_FORMS = "e.g. i.e. etc. cf. vs. dr. mr. mrs. ms. st. no. u.s. a.m. p.m."
_ABBREVIATIONS = frozenset(_SHORT_FORMS.split())
_END = re.compile(
    r"(?<=[.!?])[\"'”’)\]*_]*(?:\[\^\w+\])*\s+(?=[\"'“‘(\[*_]*[A-Z0-9{])|(?<=[。！？])[”’」』）\"]*\s*(?=[^”’」』）\"\s])"
)
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s")
_LINK_LINE = re.compile(r"^\s*(?:[-*+]\s+|\d+[.)]\s+)?\[[^\]]*\]\(#[^)]*\)\s*$")
# Bounded, so that what is opened a thousand times and never closed costs no more than it is long.
_MARKUP = (
    (re.compile(r"\[\^\w+\]:?"), ""),
    (re.compile(r"!?\[([^\]]{0,1000})\]\([^)\s]{0,1000}\)"), r"\1"),
    (re.compile(r"(\*\*|__)(?=\S)(.{1,1000}?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])[*_](?=\S)([^*_]+?)(?<=\S)[*_](?![\w*])"), r"\1"),
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, white space collapsed, markup kept; headings and link-only lines are none."""
    return [sentence for block in blocks(text) for sentence in _split(block)]


def blocks(text: str) -> list[str]:
    """Paragraphs and single list items, whitespace collapsed and bullets dropped."""
    return [block for block, _ in marked_blocks(text)]


def marked_blocks(text: str) -> list[tuple[str, bool]]:
    """The same blocks, each with whether it is a list item."""
    found: list[tuple[list[str], bool]] = []
    fresh = True
    for line in text.split("\n"):
        if not line.strip() or _HEADING.match(line) or is_link_line(line):
            fresh = True
            continue
        bullet = bool(_BULLET.match(line))
        if fresh or bullet:
            found.append(([], bullet))
        found[-1][0].append(_BULLET.sub("", line))
        fresh = False
    return [(joined, bullet) for lines, bullet in found if (joined := squeeze(" ".join(lines)))]


def is_link_line(line: str) -> bool:
    """Whether a line is nothing but a link into the same document, as in a table of contents."""
    return bool(_LINK_LINE.match(line))


def squeeze(text: str) -> str:
    """A text with every run of white space as one space."""
    return " ".join(text.split())


def plain(text: str) -> str:
    """A text without Markdown links, footnote marks and emphasis."""
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return squeeze(text)


def _split(block: str) -> list[str]:
    pieces: list[str] = []
    start = 0
    for match in _END.finditer(block):
        piece = block[start : match.end()].strip()
        last = piece.lower().rstrip("\"'”’)]*_").split()[-1:]
        if last and last[0].lstrip("\"'“‘([*_") in _ABBREVIATIONS:
            continue
        pieces.append(piece)
        start = match.end()
    rest = block[start:].strip()
    return [*pieces, rest] if rest else pieces
