"""How near unrelated text comes to an eval: a measured null for the semantic view, corrected for length.

The best of m passages is larger than one passage by chance alone, so a score is compared with the
distribution of the maximum of m: F(s) to the power of the effective number of passages, 1 + theta (m - 1).
theta is the extremal index (Leadbetter 1983): 1 for independent passages, less for overlapping ones and for
documents of one topic. Above its 90th percentile F is a generalised Pareto tail (Pickands 1975) fitted by
probability-weighted moments (Hosking and Wallis 1987), so that a long document can still reach a high
percentile.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from builder.errors import InputError

TAIL = 0.1
_FEWEST = 10
_SHAPES = (-0.15, 0.1)
_NARROWEST = 1e-6


class Background:
    """The null distribution of the best cosine of one passage against one eval."""

    def __init__(
        self,
        best_scores: NDArray[np.floating] | Sequence[float],
        offsets: NDArray[np.int64] | Sequence[int] | None = None,
    ) -> None:
        """`best_scores` [n] are the best cosines of background passages. With `offsets`, document i owning
        the scores `offsets[i]:offsets[i + 1]`, theta is estimated from the documents' maxima; without,
        it is 1.

        Raises:
            InputError: if a score is not a finite number.
        """
        scores = np.sort(np.asarray(best_scores, dtype=np.float64).ravel())
        if not np.isfinite(scores).all():
            raise InputError("the background holds a passage without a finite score; check the embedder")
        self.size = len(scores)
        self.theta = 1.0
        if self.size == 0:
            return
        beyond = min(self.size, max(_FEWEST, round(TAIL * self.size)))
        self._tail = min(beyond, self.size // 2 or 1) / (self.size + 1)
        self._start = float(np.quantile(scores, 1 - self._tail))
        self._shape, self._scale = _fit_tail(scores[scores > self._start] - self._start)
        values, last = np.unique(scores[scores < self._start], return_index=True)
        ranks = np.append(last[1:], np.count_nonzero(scores < self._start)) if len(values) else last
        levels = np.minimum(ranks / (self.size + 1), 1 - self._tail)
        self._values = np.r_[min(-1.0, self._start - 1), values, self._start]
        self._levels = np.r_[0.0, levels, 1 - self._tail]
        if offsets is not None:
            self.theta = self._estimate_theta(np.asarray(best_scores, dtype=np.float64), np.asarray(offsets))

    def percentile(self, score: float, passages: int = 1) -> float:
        """The share, 0 to 1, of unrelated documents of that many passages whose best score is lower.

        Raises:
            InputError: if the background is empty, so that nothing can be said.
        """
        self._refuse_empty()
        exact = float(np.exp(self._effective(passages) * self._log_cdf(np.array([score]))[0]))
        return round(exact, 12)  # beyond that it is rounding error, which need not rise with the score

    def threshold(self, level: float, passages: int = 1) -> float:
        """The score whose percentile for that many passages is `level`: the inverse of `percentile`.

        Raises:
            InputError: if the background is empty, or `level` is not strictly between 0 and 1.
        """
        self._refuse_empty()
        if not 0 < level < 1:
            raise InputError(f"a percentile must lie between 0 and 1, not {level}")
        above = -np.expm1(np.log(level) / self._effective(passages))
        if above >= self._tail:
            return float(np.interp(1 - above, self._levels, self._values))
        ratio = self._tail / above
        grown = np.log(ratio) if abs(self._shape) < 1e-9 else np.expm1(self._shape * np.log(ratio)) / self._shape
        return float(self._start + self._scale * grown)

    def _refuse_empty(self) -> None:
        if self.size == 0:
            raise InputError(
                "the background holds no passage that the embedder reads, so nothing can be compared with it"
            )

    def _effective(self, passages: int) -> float:
        return 1 + self.theta * (max(1, passages) - 1)

    def _log_cdf(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        beyond = np.maximum(scores - self._start, 0) / self._scale
        if abs(self._shape) < 1e-9:
            above = np.exp(-beyond)
        else:
            above = np.maximum(1 + self._shape * beyond, 0) ** (-1 / self._shape)
        body = np.interp(scores, self._values, self._levels, left=0.0)
        with np.errstate(divide="ignore"):
            return np.where(scores > self._start, np.log1p(-self._tail * above), np.log(body))

    def _estimate_theta(self, scores: NDArray[np.float64], offsets: NDArray[np.int64]) -> float:
        """The theta of largest likelihood: -log F(max) is exponential with the effective number as its
        rate.
        """
        counts = np.diff(offsets)
        filled = offsets[:-1][counts > 0]
        counts = counts[counts > 0]
        if len(counts) < _FEWEST or counts.max() < 2:
            return 1.0
        depth = -np.maximum(self._log_cdf(np.maximum.reduceat(scores, filled)), np.log(1e-300))
        candidates = np.linspace(0.05, 1, 96)
        effective = 1 + candidates[:, None] * (counts - 1)
        return float(candidates[np.argmax((np.log(effective) - effective * depth).sum(axis=1))])


def _fit_tail(excesses: NDArray[np.float64]) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution; exponential where there are too few to tell."""
    if len(excesses) == 0:
        return 0.0, _NARROWEST
    mean = float(excesses.mean())
    if len(excesses) < 3 * _FEWEST:
        return 0.0, max(mean, _NARROWEST)
    ordered = np.sort(excesses)
    weights = 1 - (np.arange(1, len(ordered) + 1) - 0.35) / len(ordered)
    weighted = float((ordered * weights).mean())
    slope = mean - 2 * weighted
    shape = 2 - mean / slope if slope > _NARROWEST else _SHAPES[0]
    shape = float(np.clip(shape, *_SHAPES))
    return shape, max(mean * (1 - shape), _NARROWEST)
