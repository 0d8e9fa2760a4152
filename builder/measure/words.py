"""Words that stay the same under Unicode form, case, white space, invisible characters, quotes and
homoglyphs.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BREAK = ""
_CJK = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_NON_ASCII = re.compile("[\x00-\x7f]?[^\x00-\x7f]+")
# Cyrillic, Greek and a few Latin letters that look like another Latin one, in lower case.
_LOOKALIKES = str.maketrans(
    "авеікмнорстухһјѕԁԛԝүαβεζηικμνορτυχϲϳıɑɡɩʏɴʀᴀᴄᴇᴏᴛᴜ",
    "abeikmhopctyxhjsdqwyabezhikmvoptyxcjiagiynraceotu",
)
_QUOTES = str.maketrans(dict.fromkeys("\u2018\u2019\u201a\u201b\u02b9\u02bb\u02bc\u02bd\u2032\u00b4\uff07\u0060", "'"))


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text with their places in it; a template slot `${...}` is the word `BREAK`."""

    words: list[str]
    starts: list[int]
    ends: list[int]


def words_of(text: str) -> Words:
    """The words of a text: folded runs of letters and digits, or single Chinese and Japanese characters."""
    folded, places = _folded(text)
    words: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in _word_pattern().finditer(folded):
        word = match.group()
        words.append(BREAK if word[0] == "$" else word.replace("'", ""))
        starts.append(match.start())
        ends.append(match.end() - 1)
    if places is None:
        return Words(words, starts, [end + 1 for end in ends])
    begin, finish = places
    return Words(words, [begin[i] for i in starts], [finish[i] for i in ends])


@lru_cache(maxsize=1 << 17)
def word_hash(word: str) -> int:
    """A 64-bit hash of a word, the same in every process."""
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def windows_hash(values: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """Hashes [max(0, len - n + 1)] of every window of n word hashes."""
    if len(values) < n:
        return np.empty(0, dtype=np.uint64)
    total = np.zeros(len(values) - n + 1, dtype=np.uint64)
    for place in range(n):
        factor = np.uint64(word_hash(f"place {place}") | 1)
        total += _mixed(values[place : len(values) - n + 1 + place] * factor)
    return _mixed(total)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _folded(text: str) -> tuple[str, tuple[list[int], list[int]] | None]:
    """The folded text and, unless it is ASCII, where each of its characters begins and ends in the
    original.
    """
    if text.isascii():
        return text.lower().replace("`", "'"), None
    parts: list[str] = []
    begin: list[int] = []
    finish: list[int] = []
    done = 0
    clusters = _cluster_pattern()
    for stretch in _NON_ASCII.finditer(text):
        start, end = stretch.span()
        parts.append(text[done:start].lower().replace("`", "'"))
        begin.extend(range(done, start))
        finish.extend(range(done + 1, start + 1))
        for cluster in clusters.finditer(text, start, end):
            plain = _plain(cluster.group())
            parts.append(plain)
            begin.extend([cluster.start()] * len(plain))
            finish.extend([cluster.end()] * len(plain))
        done = end
    parts.append(text[done:].lower().replace("`", "'"))
    begin.extend(range(done, len(text)))
    finish.extend(range(done + 1, len(text) + 1))
    return "".join(parts), (begin, finish)


@lru_cache(maxsize=65536)
def _plain(cluster: str) -> str:
    """One character with its marks, folded: accents and invisible characters go, lookalikes become Latin."""
    shown = unicodedata.normalize("NFKD", cluster.translate(_QUOTES)).casefold()
    shown = unicodedata.normalize("NFKD", shown)
    kept = "".join(c for c in shown if not ("\u0300" <= c <= "\u036f" or _invisible(c)))
    return unicodedata.normalize("NFKC", kept).translate(_LOOKALIKES).translate(_QUOTES)


def _invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"


@lru_cache(maxsize=1)
def _marks() -> str:
    """Every combining mark and joining jamo as the inside of a character class."""
    codes = (*range(0x300, 0x1E000 + 0x1000), *range(0xE0100, 0xE01F0))
    marks = [c for c in codes if unicodedata.category(chr(c)) in ("Mn", "Mc", "Me") or 0x1160 <= c <= 0x11FF]
    ranges: list[list[int]] = []
    for code in marks:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in ranges)


@lru_cache(maxsize=1)
def _cluster_pattern() -> re.Pattern[str]:
    return re.compile(f"(?s:.[{_marks()}\u200b-\u200f\u2060-\u2064\ufeff\u00ad]*)")


@lru_cache(maxsize=1)
def _word_pattern() -> re.Pattern[str]:
    letter = rf"(?:(?![{_CJK}])[^\W_]|[{_marks()}])"
    return re.compile(rf"\$\{{[^{{}}\n]*\}}|[{_CJK}]|{letter}+(?:'{letter}+)*")
