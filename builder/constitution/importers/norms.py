"""Which of a section's sentences ask something (the statement) and which give reasons (the why).

The rules are plain. A norm says what the character should, must or is wanted to do; among several, early
ones that speak of the section's title and stand on their own are preferred. A reason is marked by because,
since, so that, in order to, or by what the authors want, worry about or believe. Nothing is reworded.
"""

import re

from builder.constitution.importers.sentences import blocks, marked_blocks, plain, sentences
from builder.constitution.words import stems

STATEMENT_WORDS = 90
_ITEM = 3.0  # how much less an item of a list counts: without its lead-in it may say the opposite
WHY_WORDS = 260
_LIST_BLOCKS = 2 * STATEMENT_WORDS + 1  # of a word at least each, so no list that is taken is longer

_DIRECT = re.compile(
    r"\b(?:should(?:n[’']t)?|must|ought to|(?:may|can|will|shall) (?:not|never|only)|cannot"
    r"|is (?:required|expected) to)\b",
    re.IGNORECASE,
)
_WANTED = re.compile(
    r"\bwe (?:generally |also |do |don[’']t |therefore )?(?:want|would like|ask|expect"
    r"|hope)\b(?! to )|\bwe[’']d like\b(?! to )"
    r"|\b(?:is|it[’']s) important that\b",
    re.IGNORECASE,
)
_WEAK = re.compile(
    r"\b(?:never|always|aims? to|tr(?:y|ies) to|avoid|prefer)\b|^(?:do not|don[’']t|be|act|provide)\b", re.I
)
_AUTHORS = re.compile(
    r"\b(?:we|[A-Z]\w+) (?:will |also )?(?:must|should|can(?:not)?|tries to|try to|aims? to)\b"
    r"|\bour models? should\b"
)
_REASON = re.compile(
    r"\b(?:because|since|so that|in order to|as a result|therefore|this is why|reasons?|otherwise"
    r"|given that|due to|that way"
    r"|this (?:helps|means|matters)|matters|we (?:want|think|believe|worry|hope|care|are concerned)"
    r"|we[’'](?:re|d) (?:concerned|worried|especially)|important (?:because|to|for)|risks?|trust"
    r"|would (?:undermine|harm|erode))\b",
    re.IGNORECASE,
)
_META = re.compile(
    r"\b(?:this section|this document|see below|discussed (?:above|below)|as (?:we have said|discussed)"
    r"|we (?:discuss|describe|use the term))\b",
    re.IGNORECASE,
)
_LEANING = re.compile(
    r"^(?:these|this|those|that(?! is)|but|and|it|they|given this|in order to avoid this|indeed"
    r"|instead|for (?:example|instance)|if\b"
    r"|in such|in (?:some|other|all)|however|also|more broadly|in addition|conversely|similarly"
    r"|such|he|she|despite)\b",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"\b(?:this|these|those|such|similar) (?:kinds?|sorts?|types?|contexts?|questions?|cases?|norms?)\b"
    r"|\bdo(?:es)? (?:this|so)\b|^examples?:",
    re.IGNORECASE,
)
_LIST_LEAD = re.compile(
    r"^(?!.*\b(?:examples?|questions?|reasons?|things)\b).*\b(?:never|always|not|must|should|be"
    r"|by default|include|are as follows|the following(?: \w+)?):$",
    re.IGNORECASE,
)
_FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*\s*$|\Z)", re.MULTILINE | re.DOTALL)


def statement_and_why(text: str, title: str = "", who: str = "") -> tuple[str, str]:
    """The norm and its reasons, both from the text and neither empty.

    A text of one sentence gives that sentence twice. `who` is the character's name where it is known: what it
    should do is a norm, what its authors must do is not.
    """
    prose = prose_of(text) or text
    pieces = sentences(prose)
    if len(pieces) < 2:
        whole = plain(prose)
        return whole, whole
    chosen = _statement(prose, pieces, set(stems(title)) - set(stems(who)), who)
    rest = [piece for piece in pieces if not any(piece in one for one in chosen)]
    if not rest:
        return plain(pieces[0]), plain(" ".join(pieces[1:]))
    reasons = [piece for piece in rest if _REASON.search(piece) and len(piece.split()) > 3 and not _META.search(piece)]
    return _joined(chosen), plain(" ".join(_within(reasons or rest, WHY_WORDS)))


def _joined(chosen: list[str]) -> str:
    """Sentences as one paragraph; a lead-in and its list as Markdown."""
    if chosen[0].endswith(":") and len(chosen) > 1:
        return "\n".join([plain(chosen[0]), *(f"- {plain(item)}" for item in chosen[1:])])
    return plain(" ".join(chosen))


def prose_of(text: str) -> str:
    """A text without its fenced blocks."""
    return _FENCED.sub("", text).strip()


def _statement(text: str, pieces: list[str], topic: set[str], who: str) -> list[str]:
    """The best norm and what belongs to it: its list, or the norm that follows in the same paragraph."""
    scores = [_score(piece, place / len(pieces), topic, who) for place, piece in enumerate(pieces)]
    everything = marked_blocks(text)
    ends = {sentences(block)[-1]: place for place, (block, _) in reversed(list(enumerate(everything)))}
    lists = {
        place: _list_after(everything[ends.get(piece, len(everything)) + 1 :][:_LIST_BLOCKS])
        for place, piece in enumerate(pieces)
        if piece.endswith(":")
    }
    listed = [
        *(block for block, bullet in everything if bullet),
        *(one for found in lists.values() for one in found),
    ]
    items = {piece for block in listed for piece in sentences(block)}
    scores = [
        0.0 if lists.get(place) == [] else score - (_ITEM if piece in items else 0.0)
        for place, (piece, score) in enumerate(zip(pieces, scores, strict=True))
    ]
    best = max(range(len(pieces)), key=lambda place: (scores[place], -place))
    if scores[best] < 1:
        opening = next((piece for piece in pieces if not _META.search(piece) and not piece.endswith(":")), pieces[0])
        return [opening]
    first = pieces[best]
    if first.endswith(":"):
        return [first, *lists[best]]
    paragraph = next((block for block in blocks(text) if first in block), first)
    before = pieces[best - 1] if best else ""
    leads = bool(before) and bool(_LEANING.match(first)) and before in paragraph and not before.endswith(":")
    chosen = [before, first] if leads else [first]
    for piece, score in zip(pieces[best + 1 :], scores[best + 1 :], strict=True):
        words = sum(len(one.split()) for one in [*chosen, piece])
        if piece not in paragraph or score < 2 or words > STATEMENT_WORDS or piece.endswith(":"):
            break
        chosen.append(piece)
    return chosen


def _score(piece: str, place: float, topic: set[str], who: str) -> float:
    """How much a sentence looks like the norm; `place` is 0 for the first and near 1 for the last."""
    if piece.endswith("?"):
        return -5.0
    words = piece.split()
    subject = rf"\b{re.escape(who)}(?:\s\w+){{0,2}}\s(?:should|must|ought|needs to)"
    own = bool(who) and re.search(subject, piece) is not None
    on_topic = 1.0 * min(2, len(topic & set(stems(piece))))
    force = 3.0 if own or _WANTED.search(piece) else 2.5 if on_topic and _LIST_LEAD.search(piece) else 0.0
    if not force and not _AUTHORS.search(piece):
        force = 2.5 if _DIRECT.search(piece) else 1.0 if _WEAK.search(piece) else 0.0
    if not force:
        return 0.0
    score = force + on_topic + 1.5 * (1 - place)
    if piece.endswith(":") and force >= 2:
        score += 3.0 if _LIST_LEAD.search(piece) else 1.0
    if len(words) > 70 or (len(words) < 6 and not piece.endswith(":")):
        score -= 1.5
    score -= 1.0 if _LEANING.match(piece) else 0.0
    score -= 2.0 if _POINTING.search(piece) else 0.0
    return score - (2.0 if _META.search(piece) else 0.0)


def _list_after(following: list[tuple[str, bool]]) -> list[str]:
    """The list that begins the blocks after a lead-in: its items, or single-sentence blocks without bullets."""
    bulleted = bool(following) and following[0][1]
    items: list[str] = []
    for block, bullet in following:
        ended = not bullet if bulleted else len(sentences(block)) > 1
        if ended or sum(len(item.split()) for item in items) > 2 * STATEMENT_WORDS:
            break
        items.append(block)
    return items


def _within(pieces: list[str], words: int) -> list[str]:
    """The first pieces that fit into a number of words, at least one."""
    kept: list[str] = []
    for piece in pieces:
        if kept and sum(len(one.split()) for one in [*kept, piece]) > words:
            break
        kept.append(piece)
    return kept
