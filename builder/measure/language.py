"""Which language a text is in, from its scripts and from the stop words that spaCy lists per language; no models."""

import re
import runpy
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_SHORT = 20
_FEWEST_SIGNS = 3
# English prose has 18 % stop words and more in any passage, other languages in Latin letters at most 8 %.
_ENGLISH = 0.06
_PLAINLY_ENGLISH = 0.15
_OTHER = 0.12
_CHARACTERS_PER_WORD = 1.7
_CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_LATIN = "en af ca cs da de es et eu fi fr ga hr hu id is it lt lv nb nl pl pt ro sk sl sq sv tl tr vi yo"
_OWN_SCRIPTS = """
BENGALI bn GUJARATI gu TAMIL ta TELUGU te KANNADA kn MALAYALAM ml SINHALA si GURMUKHI pa THAI th LAO lo
KHMER km MYANMAR my TIBETAN bo HANGUL ko GREEK el HEBREW he ARMENIAN hy GEORGIAN ka ETHIOPIC am
"""
# The languages that one script may stand for; the first is the answer where stop words do not tell.
_SCRIPTS = {
    "LATIN": tuple(_LATIN.split()),
    "CYRILLIC": ("ru", "uk", "bg", "sr", "mk", "ky", "tt"),
    "ARABIC": ("ar", "fa", "ur"),
    "DEVANAGARI": ("hi", "mr", "ne", "sa"),
    **{script: (code,) for script, code in zip(_OWN_SCRIPTS.split()[::2], _OWN_SCRIPTS.split()[1::2], strict=True)},
}


@dataclass(frozen=True, slots=True)
class Reading:
    """`language` is an ISO 639-1 code or `und`; `english` says whether an English embedder can read the
    text.
    """

    language: str
    english: bool
    words: int


def reading(text: str) -> Reading:
    """The language that most of a text's words are in. A text of under 20 words counts as English unless
    its script or at least three different tell-tale words say otherwise; an empty one has no words and
    counts as English.
    """
    cjk = Counter("kana" if character < "\u3400" else "han" for character in _CJK.findall(text))
    plain = _CJK.sub(" ", text) if cjk else text
    by_script: dict[str, Counter[str]] = {}
    words = _WORD.findall(plain) if plain.isascii() else _marked_words(plain)
    for word, count in Counter(word.lower() for word in words).items():
        by_script.setdefault(_script(word[0]), Counter())[word] += count
    shares = {_named(script, found): found.total() for script, found in by_script.items() if script != "LATIN"}
    eastern = round(cjk.total() / _CHARACTERS_PER_WORD + 0.49)
    if eastern:
        shares["ja" if cjk["kana"] > 0.1 * cjk.total() else "zh"] = eastern
    latin = by_script.get("LATIN", Counter())
    total = sum(shares.values()) + latin.total()
    language = _latin_language(latin)
    shares[language] = shares.get(language, 0) + latin.total()
    most = max(sorted(shares), key=lambda code: shares[code])
    return Reading(most, most == "en", total)


def _latin_language(words: Counter[str]) -> str:
    """The Latin-script language with the most stop words, each weighing less the more languages have it."""
    english = _english()
    if sum(count for word, count in words.items() if word in english) >= max(_PLAINLY_ENGLISH * words.total(), _SHORT):
        return "en"  # spares loading three dozen other languages, which takes seconds
    weights = _weights("LATIN")
    scores: Counter[str] = Counter()
    signs: Counter[str] = Counter()
    different: Counter[str] = Counter()
    for word, count in words.items():
        known = weights.get(word.replace("\u2019", "'"))
        if known:
            for code in known:
                scores[code] += count / len(known)  # type: ignore[assignment]
                signs[code] += count
                different[code] += 1
    best = max(_SCRIPTS["LATIN"], key=lambda code: scores[code])
    if words.total() < _SHORT:
        return best if different[best] >= _FEWEST_SIGNS and scores[best] > 1.5 * scores["en"] else "en"
    if best == "en" or scores[best] <= 1.1 * scores["en"]:
        return "en" if signs["en"] >= _ENGLISH * words.total() else "und"
    return best if signs[best] >= _OTHER * words.total() else "und"


def _named(script: str, words: Counter[str]) -> str:
    """The language of words in one script that is not Latin."""
    codes = _SCRIPTS.get(script, ())
    if len(codes) < 2:
        return codes[0] if codes else "und"
    weights = _weights(script)
    scores: Counter[str] = Counter()
    for word, count in words.items():
        for code in (known := weights.get(word, ())):
            scores[code] += count / len(known)  # type: ignore[assignment]
    return max(codes, key=lambda code: scores[code])


@lru_cache(maxsize=1)
def _english() -> frozenset[str]:
    return _stop_words("en")


@lru_cache(maxsize=8)
def _weights(script: str) -> dict[str, tuple[str, ...]]:
    """For every stop word the languages of a script that list it."""
    found: dict[str, list[str]] = {}
    for code in _SCRIPTS[script]:
        for word in _stop_words(code):
            if len(word) > 1 or not word.isascii() or word in "aeioyu":
                found.setdefault(word.lower(), []).append(code)
    return {word: tuple(dict.fromkeys(codes)) for word, codes in found.items()}


def _stop_words(code: str) -> frozenset[str]:
    """A language's list, read without its spaCy package, whose tokenizer takes seconds to compile."""
    import spacy

    path = Path(spacy.__file__).parent / "lang" / code / "stop_words.py"
    return frozenset(runpy.run_path(str(path))["STOP_WORDS"])


def _marked_words(text: str) -> list[str]:
    """Words whose combining marks belong to them, as in Devanagari, where Python's letters leave them out."""
    return _marked_pattern().findall(unicodedata.normalize("NFC", text))


@lru_cache(maxsize=1)
def _marked_pattern() -> re.Pattern[str]:
    marks = "".join(chr(c) for c in range(0x300, 0x1100) if unicodedata.category(chr(c)) in ("Mn", "Mc"))
    return re.compile(rf"[^\W\d_][^\W\d_{marks}]*(?:[{marks}]+[^\W\d_]*)*(?:['\u2019][^\W\d_]+)*")


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    """The first word of a character's Unicode name, which is its script for letters."""
    return unicodedata.name(character, "UNKNOWN").split(" ")[0]
