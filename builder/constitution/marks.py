"""Where quotations begin and end in a text, whatever marks they are in: any opening one may be closed by any closing.

What a mark does is decided by what it is, by what stands beside it, and by what is open. An apostrophe opens nothing
and closes nothing, and neither does the sign of a foot or an inch.
"""

import re
from dataclasses import dataclass

_OPENING, _CLOSING, _EITHER = "“„‟‘‚‛「『〝❝《", "”」』〞〟❞》", "\"＂«»‹›'’＇´`"
_SINGLE = "‘’‚‛'＇´"
MARKS = _OPENING + _CLOSING + _EITHER
# A run of backticks and a pair of straight single marks each do what one double mark does.
_MARK = re.compile(rf"`+|''|[{re.escape(MARKS)}]")
_FEET = re.compile(r"\d\s?['’′]\s?\d+(?:\.\d+)?\s?(?:[\"”″]|'')(?!\w)")
_CLIPPED = re.compile(r"['’‘](?:\d\ds?|tis|twas|em|til|cause|round|bout|n)\b", re.IGNORECASE)
# Where one of these is open, the mark beside it closes, although it opens elsewhere.
_ALSO_CLOSES = {"“": "„‟»", "‘": "‚›"}
_BEFORE, _AFTER = "([{<—–-/\\*_", ".,;:!?…)]}>—–-/\\*_"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """The places of quotations with their marks, those inside others included, and of marks that nothing matches."""

    quotations: tuple[Span, ...]
    unmatched: tuple[Span, ...]


def find_quotations(text: str) -> Found:
    """Every quotation in a text, in the order in which they end."""
    opened: list[re.Match[str]] = []
    quotations: list[Span] = []
    unmatched: list[Span] = []
    for mark in _marks(text):
        if _measures(mark, opened):
            continue
        if not _closes(mark, opened):
            opened.append(mark)
            continue
        place = _matching(mark, opened)
        if place is not None:
            unmatched += [one.span() for one in opened[place + 1 :] if one[0] != "’"]
            quotations.append((opened[place].start(), mark.end()))
            del opened[place:]
        elif mark[0] not in _SINGLE:  # a single one is the apostrophe of a plural
            unmatched.append(mark.span())
    unmatched += [one.span() for one in opened if one[0] != "’"]
    return Found(tuple(quotations), tuple(sorted(unmatched)))


def inside(text: str, quotation: Span) -> str:
    """What stands between a quotation's marks."""
    marks = list(_MARK.finditer(text, *quotation))
    return text[marks[0].end() : marks[-1].start()].strip()


def _marks(text: str) -> list[re.Match[str]]:
    """The marks that may open or close, without those within a word, at a clipped one, or of feet and inches."""
    passed = {place for found in _FEET.finditer(text) for place in range(*found.span())}
    passed |= {found.start() for found in _CLIPPED.finditer(text) if not _before(found).isalnum()}
    found = [mark for mark in _MARK.finditer(text) if mark.start() not in passed]
    return [
        mark for mark in found if mark[0] not in _SINGLE or not (_before(mark).isalnum() and _after(mark).isalnum())
    ]


def _measures(mark: re.Match[str], opened: list[re.Match[str]]) -> bool:
    """Whether a mark after a figure stands for feet or inches, since nothing is open that it could close."""
    return mark[0] in "'’\"”" and _before(mark).isdigit() and not opened


def _closes(mark: re.Match[str], opened: list[re.Match[str]]) -> bool:
    one = mark[0]
    if one in _OPENING:
        return bool(opened) and opened[-1][0] in _ALSO_CLOSES.get(one, "")
    before, after = _before(mark), _after(mark)
    starts = not before or before.isspace() or before in _BEFORE or before in MARKS
    ends = not after or after.isspace() or after in _AFTER or after in MARKS
    if one in _CLOSING:
        return bool(opened) or not starts or ends
    if starts != ends:
        return ends
    return any((other[0] in _SINGLE) == (one in _SINGLE) for other in opened)


def _matching(mark: re.Match[str], opened: list[re.Match[str]]) -> int | None:
    """Which of the open marks a closing one matches: the last of its sort, a double one also the last at all."""
    if mark[0] in _SINGLE:
        return len(opened) - 1 if opened and opened[-1][0] in _SINGLE else None
    last = len(opened) - 1
    return next((place for place in range(last, -1, -1) if opened[place][0] not in _SINGLE), last if opened else None)


def _before(mark: re.Match[str]) -> str:
    return mark.string[max(mark.start() - 1, 0) : mark.start()]


def _after(mark: re.Match[str]) -> str:
    return mark.string[mark.end() : mark.end() + 1]
