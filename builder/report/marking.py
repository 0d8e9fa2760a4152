"""How a text is shown: in turns, with the words marked that a rewrite changed, cut where a page must stay small."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

LONGEST_MARKED = 4000
"""Words on either side above which nothing is marked: comparing grows faster than the text."""

_OPEN = re.compile(r"\s*<(system|user|assistant)>")
_WORD = re.compile(r"\S+")
# A browser drops or swallows these; their pictures (U+2400 and up) show that they were there.
_CONTROLS = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A, 0x0D)} | {0x7F: 0x2421}

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of text, with whether it is marked as changed."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a dialogue, or a whole text with no role; `cut` is how many words are not shown."""

    role: str | None
    parts: tuple[Part, ...]
    cut: int = 0


def printable(text: str) -> str:
    """The text with control characters as their pictures and halves of characters as U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text.translate(_CONTROLS))


def turns(tagged: str) -> list[tuple[str | None, str]]:
    """The turns of a tagged dialogue as role and content; any other text is one turn without a role."""
    found: list[tuple[str | None, str]] = []
    at = 0
    while opened := _OPEN.match(tagged, at):
        role = opened.group(1)
        end = tagged.find(f"</{role}>", opened.end())
        if end < 0:
            return [(None, tagged)]
        found.append((role, tagged[opened.end() : end].strip("\n")))
        at = end + len(role) + 3
    return found if found and not tagged[at:].strip() else [(None, tagged)]


def spoken(tagged: str) -> str:
    """The text without its tags, the turns set apart: what `changes` compares and `laid_out` cuts."""
    return "\n\n".join(content for _, content in turns(tagged))


def changes(draft: str, final: str) -> tuple[list[Span], list[Span]] | None:
    """Where words of the draft were taken out and words of the final text came in; None where that is too long."""
    old, new = list(_WORD.finditer(draft)), list(_WORD.finditer(final))
    if max(len(old), len(new)) > LONGEST_MARKED:
        return None
    matcher = SequenceMatcher(None, [word.group() for word in old], [word.group() for word in new])
    gone: list[Span] = []
    come: list[Span] = []
    for kind, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        if old_end > old_start:
            gone.append((old[old_start].start(), old[old_end - 1].end()))
        if new_end > new_start:
            come.append((new[new_start].start(), new[new_end - 1].end()))
    return gone, come


def words_in(text: str, spans: Sequence[Span]) -> int:
    """How many words the spans hold."""
    return sum(len(text[start:end].split()) for start, end in spans)


def laid_out(tagged: str, spans: Sequence[Span] = (), limit: int | None = None) -> list[Turn]:
    """The turns of a text with the spans of `spoken(tagged)` marked, as far as the limit of characters reaches."""
    shown: list[Turn] = []
    offset = 0
    for role, content in turns(tagged):
        room = len(content) if limit is None else limit - offset
        if room <= 0 < len(content):
            shown.append(Turn(role, (), len(content.split())))
        else:
            kept = excerpt(content, room)
            cut = len(content[len(kept) :].split())
            shown.append(Turn(role, tuple(_parts(kept, spans, offset)), cut))
        offset += len(content) + 2
    return shown


def excerpt(text: str, limit: int) -> str:
    """The text up to the last end of a word within the limit; a single longer word is cut inside."""
    if len(text) <= limit:
        return text
    head = text[: limit + 1]
    end = max(head.rfind(" "), head.rfind("\n"))
    return head[:end].rstrip() if end > 0 and head[:end].strip() else text[:limit]


def _parts(text: str, spans: Sequence[Span], offset: int) -> list[Part]:
    parts: list[Part] = []
    at = 0
    for start, end in spans:
        low, high = max(start - offset, at), min(end - offset, len(text))
        if low >= high:
            continue
        parts += [Part(text[at:low], marked=False), Part(text[low:high], marked=True)]
        at = high
    parts.append(Part(text[at:], marked=False))
    return [part for part in parts if part.text]
