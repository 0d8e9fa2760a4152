"""Runs of n words as hashes: enough to scan for a text without holding it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from builder.measure.words import BREAK, windows_hash, word_hash, words_of


def valid_grams(tokens: NDArray[np.int32], n: int) -> NDArray[np.int64]:
    """Where n-grams begin that hold no border and no unknown word, both of which are negative: [m] places in
    `tokens` [k], ascending.
    """
    if len(tokens) < n:
        return np.empty(0, dtype=np.int64)
    bad = np.r_[0, np.cumsum(tokens < 0)]
    return np.flatnonzero(bad[n:] == bad[:-n])


def ngram_hashes(texts: Sequence[str], n: int = 13) -> NDArray[np.uint64]:
    """The sorted, different hashes of all n-grams of words in some texts: enough to scan for them without
    the texts.
    """
    parts = [_text_hashes(text, n) for text in texts]
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=np.uint64)


def shares_ngram(text: str, hashes: NDArray[np.uint64], n: int = 13) -> bool:
    """Whether a text has an n-gram whose hash is among the sorted `hashes`; wrong with a chance below 1e-9
    per text.
    """
    own = _text_hashes(text, n)
    if not len(own) or not len(hashes):
        return False
    place = np.minimum(np.searchsorted(hashes, own), len(hashes) - 1)
    return bool((hashes[place] == own).any())


def _text_hashes(text: str, n: int) -> NDArray[np.uint64]:
    words = words_of(text).words
    memo = {word: word_hash(word) for word in set(words)}
    values = windows_hash(np.array([memo[word] for word in words], dtype=np.uint64), n)
    return values[valid_grams(np.array([-1 if word == BREAK else 0 for word in words], dtype=np.int32), n)]
