"""Content words, crudely stemmed, for comparing one English sentence with another."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import ceil

_WORD = re.compile(r"[a-z]+(?:[’'][a-z]+)?")
_STOPWORDS = (
    "a about above after again all also am an and any are as at be because been before being below "
    "between both but by can could "
    "did do does doing down during each even ever every few for from further had has have having he "
    "her here hers him his how i if in "
    "into is it its itself just may me might more most much must my no nor not of off on once one "
    "only or other our out over own rather "
    "same shall she should so some such than that the their them then there these they this those "
    "through to too under until up upon "
    "very was we were what when where which while who whom why will with would you your always never"
)
_STOP = frozenset(_STOPWORDS.split())
_ENDINGS = (
    "ations",
    "ation",
    "ingly",
    "ities",
    "iness",
    "ness",
    "ments",
    "ment",
    "edly",
    "ies",
    "ing",
    "ity",
    "ers",
    "ed",
    "er",
    "es",
    "ly",
    "y",
    "s",
    "e",
)


def stems(text: str) -> list[str]:
    """The stems of a text's content words, in order, repeats kept."""
    words = [word.replace("’", "'").split("'")[0] for word in _WORD.findall(text.lower())]
    return [_stem(word) for word in words if word not in _STOP and len(word) > 1]


def alike(texts: Sequence[str], share: float) -> Iterator[tuple[int, int, float]]:
    """Every pair of texts with at least that share of their content stems in common (Jaccard): both positions, the
    earlier one first, and the share. Texts without any content word are like none.

    Sets that have so much in common share one of their few rarest stems, so only those are compared.
    """
    sets = [set(stems(text)) for text in texts]
    counts = Counter(stem for one in sets for stem in one)
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for later, words in enumerate(sets):
        rarest = sorted(words, key=lambda stem: (counts[stem], stem))[
            : len(words) - ceil(share * len(words) - 1e-9) + 1
        ]
        for earlier in sorted({one for stem in rarest for one in holders[stem]}):
            common = len(words & sets[earlier]) / len(words | sets[earlier])
            if common >= share:
                yield earlier, later, common
        for stem in rarest:
            holders[stem].append(later)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
