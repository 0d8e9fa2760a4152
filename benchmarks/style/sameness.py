"""What documents of one corpus share: openings, sentences, runs of eight words, names."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.style.texts import Text, first_words, is_ended, sentences_of, without_title
from builder.audit import Interval, clopper_pearson
from builder.measure.words import windows_hash, word_hash, words_of

GRAM = 8
_SHOWN = 5
_SHORTEST_SENTENCE = 5  # words
_OVERLAP = 4  # Words in common that make two runs one find when the commonest are shown.

# Words with a capital that name no person, place or body. Anything that a corpus also writes small is found by that.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_OTHERS = (
    "Mr",
    "Mrs",
    "Ms",
    "Dr",
    "Prof",
    "Sir",
    "Madam",
    "God",
    "Christmas",
    "Easter",
    "Internet",
    "Earth",
    "English",
)
ORDINARY = frozenset((*_DAYS, *(f"{day}s" for day in _DAYS), *_MONTHS, *_OTHERS))
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_BEGINS_ANEW = tuple("\"“‘'([:.!?…*_#|/")


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `of` things, by default documents."""

    hits: int
    of: int

    @property
    def interval(self) -> Interval:
        """The share with its 95 % interval."""
        return clopper_pearson(self.hits, self.of)


@dataclass(frozen=True, slots=True)
class Top:
    """The share of documents that have the commonest thing, and the commonest with their documents."""

    share: Share
    commonest: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Grams:
    """Runs of eight words: how many of the different ones are in several documents, and who has any of those."""

    shared: Share
    documents: Share
    commonest: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Names:
    """The commonest name, and apart from it the documents with the character's name."""

    any: Top
    character: dict[str, Share]


def openings(texts: Sequence[Text]) -> Top:
    """First three words of the documents as they stand, system prompts passed over."""
    return _top([{" ".join(first_words(text.spoken[0].text, 3))} for text in texts])


def openings_behind_titles(texts: Sequence[Text]) -> Top:
    """First three words behind the title, of the documents that have one: titles differ where openings may not."""
    bodies = [without_title(text.spoken[0].text) for text in texts if not text.is_dialogue]
    return _top([{" ".join(first_words(body, 3))} for body in bodies if body is not None])


def answers_openings(texts: Sequence[Text]) -> Top:
    """First three words of the first answer, of the dialogues."""
    return _top([{" ".join(first_words(text.answers[0], 3))} for text in texts if text.is_dialogue])


def repeated_sentences(texts: Sequence[Text]) -> Top:
    """Sentences of at least five words, the same but for case and quotes, that stand in several documents."""
    shown: dict[str, str] = {}
    found: list[set[str]] = []
    for text in texts:
        own: set[str] = set()
        for turn in text.turns:
            for sentence in sentences_of(turn.text):
                words = words_of(sentence).words
                if len(words) >= _SHORTEST_SENTENCE:
                    own.add(" ".join(words))
                    shown.setdefault(" ".join(words), sentence)
        found.append(own)
    top = _top(found, least=2)
    return Top(top.share, tuple((shown[key], count) for key, count in top.commonest))


def shared_grams(texts: Sequence[Text]) -> Grams:
    """Runs of eight words in every turn; a run crosses sentences and never turns. In Chinese and Japanese a
    character is a word, so there a run is only a phrase.
    """
    read = [[words_of(turn.text).words for turn in text.turns] for text in texts]
    own = [np.unique(np.concatenate([_hashes(words) for words in turns])) for turns in read]
    if not own:
        return Grams(Share(0, 0), Share(0, 0), ())
    different, counts = np.unique(np.concatenate(own), return_counts=True)
    shared = different[counts > 1]
    having = sum(bool(np.isin(hashes, shared, assume_unique=True).any()) for hashes in own)
    order = np.lexsort((shared, -counts[counts > 1]))[:400]
    wanted = {int(shared[i]): int(counts[counts > 1][i]) for i in order}
    return Grams(Share(len(shared), len(different)), Share(having, len(texts)), _spelt(read, wanted))


def names(texts: Sequence[Text], characters: Collection[str] = ()) -> Names:
    """Names by the documents that have them.

    A name is a word with a capital and small letters, inside a sentence that is ended by a full stop or the like (so
    neither in headings nor in signatures), not at its start, nor after a quotation mark, bracket or colon, not in
    `ORDINARY`, and in the whole corpus at least three times as often with its capital as without. A first name and
    a family name are two; nationalities and firms are names too. A name that is also a common word (Will, Grace) is
    missed where the word is in use, and in a language that writes nouns large any noun may be taken for one.
    """
    capital: Counter[str] = Counter()
    small: Counter[str] = Counter()
    found: list[set[str]] = []
    for text in texts:
        own: set[str] = set()
        for word in _inner_words(text):
            if word[0].isupper() and word[1:2].islower():
                own.add(word)
                capital[word] += 1
            elif word.islower():
                small[word] += 1
        found.append(own)
    apart = set(characters) | ORDINARY
    kept = {word for word, count in capital.items() if word not in apart and count >= 3 * small[word.lower()]}
    whole = {name: re.compile(rf"\b{re.escape(name)}\b") for name in characters}
    shares = {
        name: Share(sum(any(pattern.search(turn.text) for turn in text.turns) for text in texts), len(texts))
        for name, pattern in whole.items()
    }
    return Names(_top([own & kept for own in found]), shares)


def _inner_words(text: Text) -> Iterator[str]:
    """The words inside sentences, without a possessive's ending."""
    for turn in text.turns:
        for sentence in sentences_of(turn.text):
            if not is_ended(sentence):
                continue
            for place, match in enumerate(_WORD.finditer(sentence)):
                if place and not sentence[: match.start()].rstrip().endswith(_BEGINS_ANEW):
                    yield re.sub(r"['’]s$", "", match.group())


def _top(found: Sequence[Iterable[str]], least: int = 1) -> Top:
    counts = Counter(key for own in found for key in own if key)
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    commonest = tuple(entry for entry in ranked[:_SHOWN] if entry[1] >= least)
    return Top(Share(commonest[0][1] if commonest else 0, len(found)), commonest)


def _hashes(words: Sequence[str]) -> NDArray[np.uint64]:
    return windows_hash(np.array([word_hash(word) for word in words], dtype=np.uint64), GRAM)


def _spelt(read: Sequence[Sequence[Sequence[str]]], wanted: dict[int, int]) -> tuple[tuple[str, int], ...]:
    """The commonest runs in words, only the first of those that overlap."""
    spelt: dict[int, tuple[str, ...]] = {}
    for turns in read:
        for words in turns:
            for place, value in enumerate(_hashes(words).tolist()):
                if value in wanted and value not in spelt:
                    spelt[value] = tuple(words[place : place + GRAM])
    taken: set[tuple[str, ...]] = set()
    shown: list[tuple[str, int]] = []
    for value, count in wanted.items():
        words = spelt[value]
        parts = {words[i : i + _OVERLAP] for i in range(GRAM - _OVERLAP + 1)}
        if len(shown) < _SHOWN and not parts & taken:
            shown.append((" ".join(words), count))
        taken |= parts
    return tuple(shown)
