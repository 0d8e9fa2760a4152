"""Exact nearest pairs of unit vectors. fp32 nominates, float64 dot products of the nominated pairs decide,
so the answer depends on the vectors alone and not on block sizes, threads or the BLAS in use.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNIT_TOLERANCE = 1e-3
_BLOCK = 1 << 22


def margin(dimension: int) -> float:
    """A bound on how far an fp32 dot product of two unit rows lies from the exact one: 2 d eps."""
    return 2 * dimension * float(np.finfo(np.float32).eps)


def check_unit_rows(vectors: NDArray[np.floating], dimension: int | None = None, name: str = "vectors") -> None:
    """Refuse anything but finite unit rows [n, d].

    Raises:
        ValueError: for another shape, NaN or infinity, a zero row, or a row that is not normalised; it
            names the row.
    """
    if vectors.ndim != 2 or (dimension is not None and vectors.shape[1] != dimension):
        raise ValueError(f"{name} must have the shape [n, {dimension or 'd'}], not {list(vectors.shape)}")
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    wrong = np.flatnonzero(~(np.abs(norms - 1) <= UNIT_TOLERANCE))
    if len(wrong):
        raise ValueError(f"{name} must have unit rows, but row {wrong[0]} has the length {norms[wrong[0]]:.6g}")


def best_pairs(
    vectors: NDArray[np.float32], offsets: NDArray[np.int64] | Sequence[int], references: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The best passage pair of every document: score, passage row and reference row, each [documents].

    Document i owns the rows `offsets[i]:offsets[i + 1]` of `vectors` [n, d]; none may be empty.
    `references` is [q, d]. Scores are float64 cosines; ties go to the lowest passage, then to the lowest
    reference.

    Raises:
        ValueError: for rows that are not unit, offsets that do not cover the rows in order, or no
            references.
    """
    bounds = np.asarray(offsets, dtype=np.int64)
    check_unit_rows(vectors)
    check_unit_rows(references, vectors.shape[1], "references")
    if len(references) == 0:
        raise ValueError("references must hold at least one row")
    if (
        len(bounds) == 0
        or bounds[0] != 0
        or bounds[-1] != len(vectors)
        or (len(bounds) > 1 and np.diff(bounds).min() < 1)
    ):
        raise ValueError(f"offsets must rise from 0 to {len(vectors)} without an empty document")
    scores, nearest = _best_of_rows(vectors, references)
    if len(bounds) == 1:
        return scores, nearest, nearest
    best = np.maximum.reduceat(scores, bounds[:-1])
    counts = np.diff(bounds)
    rows = np.arange(len(vectors), dtype=np.int64)
    attained = np.where(scores == np.repeat(best, counts), rows, len(vectors))
    first = np.minimum.reduceat(attained, bounds[:-1])
    return best, first, nearest[first]


def _best_of_rows(
    vectors: NDArray[np.float32], references: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For every row its best float64 cosine and the lowest reference that attains it."""
    slack = np.float32(2 * margin(vectors.shape[1]))
    scores = np.empty(len(vectors), dtype=np.float64)
    nearest = np.empty(len(vectors), dtype=np.int64)
    step = max(1, _BLOCK // len(references))
    for start in range(0, len(vectors), step):
        block = vectors[start : start + step]
        products = block @ references.T
        row, column = np.nonzero(products >= products.max(axis=1, keepdims=True) - slack)
        exact = _dots(block, row, references, column)
        first = np.flatnonzero(np.r_[True, row[1:] != row[:-1]])
        best = np.maximum.reduceat(exact, first)
        attained = np.where(exact == best[row], column, len(references))
        scores[start : start + step] = best
        nearest[start : start + step] = np.minimum.reduceat(attained, first)
    return scores, nearest


def _dots(
    left: NDArray[np.float32], rows: NDArray[np.intp], right: NDArray[np.float32], columns: NDArray[np.intp]
) -> NDArray[np.float64]:
    """float64 dot products of named row pairs, a bounded number at a time."""
    out = np.empty(len(rows), dtype=np.float64)
    step = max(1, _BLOCK // left.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        a, b = left[rows[part]].astype(np.float64), right[columns[part]].astype(np.float64)
        out[part] = np.einsum("ij,ij->i", a, b)
    return out


class KeptIndex:
    """Unit rows that were kept, in the order of adding, searched exactly through `faiss.IndexFlatIP`."""

    def __init__(self, dimension: int) -> None:
        import faiss

        self.dimension = dimension
        self._index: Any = faiss.IndexFlatIP(dimension)
        self._rows = np.empty((0, dimension), dtype=np.float32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Append unit rows [n, d]; they get the next n indices.

        Raises:
            ValueError: as `check_unit_rows`; nothing is added then.
        """
        check_unit_rows(vectors, self.dimension)
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        if self._count + len(rows) > len(self._rows):
            grown = np.empty((max(256, 2 * self._count, self._count + len(rows)), self.dimension), dtype=np.float32)
            grown[: self._count] = self._rows[: self._count]
            self._rows = grown
        self._rows[self._count : self._count + len(rows)] = rows
        self._count += len(rows)
        self._index.add(rows)

    def near(self, vectors: NDArray[np.float32], threshold: float) -> list[list[int]]:
        """For every row of `vectors` [m, d] the indices, ascending, whose float64 inner product with it is
        at least `threshold`.

        Raises:
            ValueError: as `check_unit_rows`, or if the threshold is not a number.
        """
        check_unit_rows(vectors, self.dimension)
        if not np.isfinite(threshold):
            raise ValueError(f"threshold must be a finite number, not {threshold}")
        if self._count == 0 or len(vectors) == 0:
            return [[] for _ in range(len(vectors))]
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        limits, _, found = self._index.range_search(rows, float(threshold) - margin(self.dimension))
        owners = np.repeat(np.arange(len(rows)), np.diff(limits.astype(np.int64)))
        exact = _dots(rows, owners, self._rows, found)
        near: list[list[int]] = [[] for _ in range(len(rows))]
        for row, index in sorted(
            zip(owners[exact >= threshold].tolist(), found[exact >= threshold].tolist(), strict=True)
        ):
            near[row].append(index)
        return near
