"""Exact nearest pairs against a float64 oracle (DISTANCE, invariants 1, 4 and 5)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.measure import KeptIndex, best_pairs
from builder.measure import search as search_module


def unit(rng, n, d):
    rows = rng.standard_normal((n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clustered(rng, n, d, centres=3, spread=0.1):
    middle = rng.standard_normal((centres, d))
    rows = middle[rng.integers(centres, size=n)] + spread * rng.standard_normal((n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def dot(a, b):
    return float(np.einsum("ij,ij->i", a[None].astype(np.float64), b[None].astype(np.float64))[0])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_best_pairs_is_the_oracle_with_duplicates_and_any_block(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    d, q = data.draw(st.integers(2, 24)), data.draw(st.integers(1, 9))
    counts = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=8))
    references = clustered(rng, q, d, spread=0.01)
    references = references[rng.integers(q, size=q)]
    vectors = (
        references[rng.integers(q, size=sum(counts))] if data.draw(st.booleans()) else clustered(rng, sum(counts), d)
    )
    offsets = np.r_[0, np.cumsum(counts)]
    block, search_module._BLOCK = search_module._BLOCK, data.draw(st.sampled_from([1, 7, 64, 1 << 20]))
    try:
        scores, passages, nearest = best_pairs(vectors, offsets, references)
    finally:
        search_module._BLOCK = block
    for i in range(len(counts)):
        pairs = [(-dot(vectors[p], references[r]), p, r) for p in range(offsets[i], offsets[i + 1]) for r in range(q)]
        best, passage, reference = min(pairs)
        assert (scores[i], passages[i], nearest[i]) == (-best, passage, reference)


def test_best_pairs_with_no_documents():
    scores, passages, nearest = best_pairs(np.empty((0, 4), np.float32), [0], np.eye(4, dtype=np.float32))
    assert len(scores) == len(passages) == len(nearest) == 0


def test_more_passages_never_lower_the_best_pair():
    rng = np.random.default_rng(0)
    vectors, references = unit(rng, 40, 16), unit(rng, 7, 16)
    best = [best_pairs(vectors[:n], [0, n], references)[0][0] for n in range(1, 41)]
    assert best == sorted(best)


@pytest.mark.parametrize(
    ("vectors", "offsets", "words"),
    [
        (np.zeros((2, 4), np.float32), [0, 2], "row 0"),
        (np.full((1, 4), np.nan, np.float32), [0, 1], "row 0"),
        (np.ones((1, 4), np.float32), [0, 1], "length 2"),
        (np.eye(3, dtype=np.float32), [0, 3], r"\[n, 3\]"),
        (np.eye(4, dtype=np.float32), [0, 2], "offsets"),
        (np.eye(4, dtype=np.float32), [0, 2, 2, 4], "offsets"),
    ],
)
def test_best_pairs_refuses_what_is_not_unit_rows(vectors, offsets, words):
    with pytest.raises(ValueError, match=words):
        best_pairs(vectors, offsets, np.eye(4, dtype=np.float32))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 60), st.integers(1, 30), st.floats(-1, 1), st.integers(1, 7))
def test_kept_index_is_the_oracle(seed, n, m, threshold, step):
    rng = np.random.default_rng(seed)
    kept, asked = clustered(rng, n, 16), clustered(rng, m, 16)
    index = KeptIndex(16)
    for start in range(0, n, step):
        index.add(kept[start : start + step])
    assert len(index) == n
    expected = [[i for i in range(n) if dot(row, kept[i]) >= threshold] for row in asked]
    assert index.near(asked, threshold) == expected


def test_kept_index_decides_at_the_exact_score():
    rng = np.random.default_rng(1)
    kept, asked = clustered(rng, 200, 384), clustered(rng, 1, 384)
    index = KeptIndex(384)
    index.add(kept)
    for target in (0, 57, 199):
        score = dot(asked[0], kept[target])
        assert target in index.near(asked, score)[0]
        assert target not in index.near(asked, np.nextafter(score, 2))[0]


def test_kept_index_refuses_bad_rows_and_keeps_none_of_them():
    index = KeptIndex(4)
    for bad in (np.zeros((1, 4)), np.full((1, 4), np.nan), np.ones((1, 4)), np.eye(3), np.ones(4)):
        with pytest.raises(ValueError, match="vectors must"):
            index.add(bad.astype(np.float32))
        with pytest.raises(ValueError, match="vectors must"):
            index.near(bad.astype(np.float32), 0.5)
    assert len(index) == 0
    with pytest.raises(ValueError, match="threshold"):
        index.near(np.eye(4, dtype=np.float32), float("nan"))
