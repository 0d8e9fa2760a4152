"""How much of a source stands in a constitution, sentence by sentence: anywhere in it, and where writers see it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from builder.constitution.importers.sentences import plain, sentences, squeeze
from builder.constitution.schema import Constitution, Principle


class Held:
    """Texts in which sentences are looked up by their rarest word, so that a long source takes no longer for each."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = list(dict.fromkeys(texts))
        self._whole = set(self._texts)
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        for number, text in enumerate(self._texts):
            for word in set(text.split()):
                self._holders[word].append(number)
        self._known: dict[str, bool] = {}

    def has(self, sentence: str) -> bool:
        """Whether the sentence stands in one of the texts."""
        if sentence not in self._known:
            self._known[sentence] = sentence in self._whole or any(
                sentence in text for text in self._candidates(sentence)
            )
        return self._known[sentence]

    def _candidates(self, sentence: str) -> Iterable[str]:
        inner = sentence.split()[1:-1]  # the first and the last word may be part of a longer one
        if not inner:
            return self._texts
        return (self._texts[number] for number in min((self._holders.get(word, []) for word in inner), key=len))


def wanted_sentences(prose: Iterable[str]) -> tuple[str, ...]:
    """Every sentence of a source."""
    return tuple(sentence for text in prose for sentence in sentences(text))


def lost_sentences(wanted: Sequence[str], constitution: Constitution) -> tuple[str, ...]:
    """The sentences that stand nowhere in the constitution word for word."""
    verbatim = [constitution.preamble, *(one.source.quote for one in constitution.principles if one.source)]
    said = [text for principle in constitution.principles for text in _shown(principle)]
    held = Held([*(" ".join(sentences(text)) for text in verbatim), *map(squeeze, [constitution.name, *said])])
    return tuple(sentence for sentence in wanted if not held.has(sentence))


def shown_share(wanted: Sequence[str], constitution: Constitution) -> float:
    """The share (0 to 1) of the sentences that stand word for word, markup aside, in what a writer is shown."""
    said = [constitution.preamble, *(text for principle in constitution.principles for text in _shown(principle))]
    held = Held(" ".join(_bare(sentence) for sentence in sentences(text)) for text in said)
    return sum(held.has(_bare(sentence)) for sentence in wanted) / len(wanted) if wanted else 1.0


def _shown(principle: Principle) -> list[str]:
    resolutions = [f"{one.resolution} {one.exceptions}" for one in principle.tensions]
    own = [principle.title, principle.statement, principle.why, principle.misuse]
    return [*own, *principle.situations, *resolutions]


def _bare(sentence: str) -> str:
    return plain(sentence).casefold()
