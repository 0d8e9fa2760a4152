"""The near-duplicate screen: greedy over documents in one explicit order, each rejection with its kept witness.

Two documents are compared passage by passage. Their score is the larger of the two containments: the mean, over
the passages of one, of the best cosine among the passages of the other. It reaches the threshold only if some
pair of passages does, so the index of kept passages nominates every candidate and the decision is exact. A score
within `BAND` of the threshold, the measured error of fp32 embeddings, is decided again from float64 embeddings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from builder.measure import KeptIndex
from builder.measure.instrument import Instrument

BAND = 1e-5


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A document that repeats a kept one: the witness's id and the score."""

    witness: str
    score: float


class DuplicateScreen:
    """Holds what is kept. Offer documents in priority order; the order decides, nothing else does."""

    def __init__(self, instrument: Instrument, threshold: float) -> None:
        self._instrument, self._threshold = instrument, threshold
        self._index = KeptIndex(instrument.embedder.dimension)
        self._ids: list[str] = []
        self._texts: list[tuple[str, ...]] = []
        self._vectors: list[NDArray[np.float32]] = []
        self._owner: list[int] = []

    def offer(self, id_: str, passages: Sequence[str], vectors: NDArray[np.float32]) -> Duplicate | None:
        """Keep a document (passages as texts and unit rows [m, d]) or return the kept one that it repeats.

        A document without passages, such as one that the embedder cannot read, is kept and never a witness.
        """
        if len(vectors) == 0:
            return None
        near = self._index.near(vectors, self._threshold - BAND)
        candidates = sorted({self._owner[row] for rows in near for row in rows})
        best: Duplicate | None = None
        for other in candidates:
            score = containment(vectors, self._vectors[other])
            if abs(score - self._threshold) < BAND:
                encode = self._instrument.embedder.encode64
                score = containment(encode(list(passages)), encode(list(self._texts[other])))
            if score >= self._threshold and (best is None or score > best.score):
                best = Duplicate(self._ids[other], score)
        if best is None:
            self._owner += [len(self._ids)] * len(vectors)
            self._ids.append(id_)
            self._texts.append(tuple(passages))
            self._vectors.append(vectors)
            self._index.add(vectors)
        return best and Duplicate(best.witness, round(best.score, 4))


def containment(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """The larger mean of best cosines between two sets of unit rows [m, d] and [n, d], in float64."""
    cosines = a.astype(np.float64) @ b.astype(np.float64).T
    return float(max(cosines.max(axis=1).mean(), cosines.max(axis=0).mean()))
