"""What a text shares with an eval word by word: longest run, coverage, names. Exact: hashes only nominate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from builder.measure.entities import entities_in
from builder.measure.ngrams import valid_grams
from builder.measure.words import BREAK, Words, windows_hash, words_of

SEED = 8
SHORTEST_MESSAGE = 5
_HALF_RUN = 20
_UNKNOWN = -1
_BORDER = -2


@dataclass(frozen=True, slots=True)
class Run:
    """The same words in a text and in an eval message. Offsets are characters; `key` is the message's."""

    words: int
    start: int
    end: int
    key: str
    item_start: int
    item_end: int


@dataclass(frozen=True, slots=True)
class LexicalMatch:
    """What a text shares with an eval: `score` in [0, 1] for ranking, the longest run in words with its
    places (characters; `key` is None where there is no run), the covered share of the best message, and
    the names.
    """

    score: float
    run_words: int
    coverage: float
    entities: tuple[str, ...] = ()
    key: str | None = None
    start: int = 0
    end: int = 0
    item_start: int = 0
    item_end: int = 0


class LexicalIndex:
    """The words of an eval. Messages that repeat one another word for word are held once, under the first
    key.
    """

    def __init__(self, items: Sequence[tuple[str, str]], background: Sequence[str]) -> None:
        """`items` are (key, message text); `background` are unrelated texts, which say which words are
        common.
        """
        self._vocabulary: dict[str, int] = {}
        self._keys: list[str] = []
        self._texts: list[Words] = []
        tokens: list[int] = []
        starts: list[int] = []
        seen: set[tuple[str, ...]] = set()
        for key, text in items:
            found = words_of(text)
            if not found.words or tuple(found.words) in seen:
                continue
            seen.add(tuple(found.words))
            self._keys.append(key)
            self._texts.append(found)
            starts.append(len(tokens))
            tokens += [self._number(word) for word in found.words] + [_BORDER]
        self._tokens = np.array(tokens, dtype=np.int32)
        self._starts = np.array(starts, dtype=np.int64)
        self._weights = self._rarity(background)
        self._total = self._sums(self._weights)
        self._seeds = {SEED: _Seeds(self._tokens, SEED, np.arange(len(self._tokens)))}
        self._short = self._short_messages()
        self._entities = entities_in([text for _, text in items], background)

    def measure(self, text: str) -> LexicalMatch:
        """What the text shares with the eval; a slow search over all pairs finds the same run."""
        words = words_of(text)
        numbers = self._numbers(words)
        runs = self._runs(numbers, SEED)
        whole = self._whole_messages(numbers)
        best = max(runs + whole, key=lambda run: (run[1], -run[0], -run[2]), default=None)
        coverage = self._coverage(numbers, whole) if best else 0.0
        names = self._entities.found_in(words.words)
        if best is None:
            return LexicalMatch(0.0, 0, 0.0, names)
        run = self._place(best, words)
        score = 1 - (1 - coverage) * (1 - run.words / (run.words + _HALF_RUN))
        return LexicalMatch(
            score,
            run.words,
            coverage,
            names,
            run.key,
            run.start,
            run.end,
            run.item_start,
            run.item_end,
        )

    def runs_of(self, text: str, at_least: int = SEED) -> list[Run]:
        """Every run of at least that many words that cannot be made longer, in text order.

        Raises:
            ValueError: if `at_least` is below 1.
        """
        if at_least < 1:
            raise ValueError(f"a run has at least one word, not {at_least}")
        words = words_of(text)
        seed = min(SEED, at_least)
        if seed not in self._seeds:
            self._seeds[seed] = _Seeds(self._tokens, seed, np.arange(len(self._tokens)))
        return [self._place(run, words) for run in self._runs(self._numbers(words), seed) if run[1] >= at_least]

    def _number(self, word: str) -> int:
        return _BORDER if word == BREAK else self._vocabulary.setdefault(word, len(self._vocabulary))

    def _numbers(self, words: Words) -> NDArray[np.int32]:
        known = self._vocabulary.get
        return np.array([known(word, _UNKNOWN) if word else _UNKNOWN for word in words.words], dtype=np.int32)

    def _rarity(self, background: Sequence[str]) -> NDArray[np.float64]:
        """Inverse document frequency in the background of every token of the eval, 0 for borders."""
        counts = np.zeros(len(self._vocabulary) + 1)
        for text in background:
            numbers = [self._vocabulary[w] for w in set(words_of(text).words) if w in self._vocabulary]
            counts[numbers] += 1
        weights = np.log((len(background) + 1) / (counts + 0.5)) + 0.1
        return np.where(self._tokens >= 0, np.maximum(weights, 0.01)[np.maximum(self._tokens, 0)], 0.0)

    def _sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.add.reduceat(values, self._starts) if len(self._starts) else np.empty(0)

    def _runs(self, numbers: NDArray[np.int32], seed: int) -> list[tuple[int, int, int]]:
        """Maximal runs as (text word, words, eval word), ascending; the eval word is the lowest possible."""
        index, eval_tokens = self._seeds[seed], self._tokens
        hits = index.hits(numbers)
        runs: list[tuple[int, int, int]] = []
        place = 0
        while place < len(hits):
            begin = hits[place]
            start, at = self._leftmost(numbers, begin, index.positions(numbers, begin), runs)
            length = 0
            while start + length < len(numbers):
                longer = (
                    at[eval_tokens[at + length] == numbers[start + length]] if numbers[start + length] >= 0 else at[:0]
                )
                if not len(longer):
                    break
                at, length = longer, length + 1
            runs.append((start, length, int(at[0])))
            # The next run must contain the word after this one, so its first possible seed begins here.
            following = start + length - seed + 1
            place = int(np.searchsorted(hits, max(following, begin + 1)))
        return runs

    def _leftmost(
        self, numbers: NDArray[np.int32], begin: int, at: NDArray[np.int64], runs: list[tuple[int, int, int]]
    ) -> tuple[int, NDArray[np.int64]]:
        """The earliest start of a run through the seed at `begin`: only an overlap with the last run can
        reach back.
        """
        floor = runs[-1][0] + 1 if runs else begin
        start = begin
        while start > floor:
            before = at[self._tokens[at - 1] == numbers[start - 1]] if numbers[start - 1] >= 0 else at[:0]
            if not len(before):
                break
            at, start = before - 1, start - 1
        return start, at

    def _short_messages(self) -> dict[int, "_Seeds"]:
        """Messages too short for a seed, to be found whole."""
        lengths = np.diff(np.append(self._starts, len(self._tokens))) - 1
        found = {}
        for n in range(SHORTEST_MESSAGE, SEED):
            starts = [s for s, length in zip(self._starts, lengths, strict=True) if length == n]
            starts = [s for s in starts if (self._tokens[s : s + n] >= 0).all()]
            if starts:
                found[n] = _Seeds(self._tokens, n, np.array(starts, dtype=np.int64))
        return found

    def _whole_messages(self, numbers: NDArray[np.int32]) -> list[tuple[int, int, int]]:
        return [
            (int(begin), n, int(seeds.positions(numbers, begin)[0]))
            for n, seeds in self._short.items()
            for begin in seeds.hits(numbers)
        ]

    def _coverage(self, numbers: NDArray[np.int32], whole: list[tuple[int, int, int]]) -> float:
        """The largest rarity-weighted share of a message's words that lie in seeds of the text."""
        index = self._seeds[SEED]
        covered = np.zeros(len(self._tokens) + 1, dtype=np.int64)
        shared = index.shared(numbers)
        np.add.at(covered, shared, 1)
        np.add.at(covered, shared + SEED, -1)
        inside = np.cumsum(covered[:-1]) > 0
        for _, n, at in whole:
            inside[at : at + n] = True
        shares = self._sums(self._weights * inside) / np.maximum(self._total, 1e-12)
        return float(min(1.0, shares.max()))

    def _place(self, run: tuple[int, int, int], words: Words) -> Run:
        start, length, at = run
        message = int(np.searchsorted(self._starts, at, side="right")) - 1
        first = at - int(self._starts[message])
        own, other = words, self._texts[message]
        last = start + length - 1
        return Run(
            length,
            own.starts[start],
            own.ends[last],
            self._keys[message],
            other.starts[first],
            other.ends[first + length - 1],
        )


class _Seeds:
    """Where each n-gram of the eval stands: hashes sorted, with the lowest positions first."""

    def __init__(self, tokens: NDArray[np.int32], n: int, allowed: NDArray[np.int64]) -> None:
        self._tokens, self._n = tokens, n
        grams = valid_grams(tokens, n)
        grams = grams[np.isin(grams, allowed)]
        hashes = _hashes(tokens, n)[grams]
        order = np.argsort(hashes, kind="stable")
        self._positions, self._hashes = grams[order].astype(np.int64), hashes[order]

    def hits(self, numbers: NDArray[np.int32]) -> NDArray[np.int64]:
        """Words of a text at which an n-gram of the eval begins, verified word by word."""
        begins = valid_grams(numbers, self._n)
        if not len(begins) or not len(self._hashes):
            return np.empty(0, dtype=np.int64)
        hashes = _hashes(numbers, self._n)[begins]
        left = np.searchsorted(self._hashes, hashes)
        near = left < len(self._hashes)
        near[near] = self._hashes[left[near]] == hashes[near]
        return np.array([b for b in begins[near].tolist() if len(self.positions(numbers, b))], dtype=np.int64)

    def positions(self, numbers: NDArray[np.int32], begin: int) -> NDArray[np.int64]:
        """Where the n-gram that begins at a word stands in the eval, ascending."""
        gram = numbers[begin : begin + self._n]
        value = _hashes(gram, self._n)[0]
        left, right = np.searchsorted(self._hashes, value), np.searchsorted(self._hashes, value, side="right")
        found = self._positions[left:right]
        same = (self._tokens[found[:, None] + np.arange(self._n)] == gram).all(axis=1)
        exact: NDArray[np.int64] = found[same]
        return exact

    def shared(self, numbers: NDArray[np.int32]) -> NDArray[np.int64]:
        """Every place of the eval whose n-gram the text has."""
        first = {numbers[b : b + self._n].tobytes(): b for b in self.hits(numbers).tolist()}
        found = [self.positions(numbers, begin) for begin in first.values()]
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _hashes(tokens: NDArray[np.int32], n: int) -> NDArray[np.uint64]:
    return windows_hash(tokens.astype(np.int64).astype(np.uint64), n)
