"""The measured null: monotone, its own inverse, and flat in the length of documents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import InputError
from builder.measure import Background

SCORES = st.lists(st.floats(-1, 1, allow_nan=False), min_size=1, max_size=120)


@settings(max_examples=100, deadline=None)
@given(SCORES, st.lists(st.floats(-1, 1), min_size=2, max_size=20), st.integers(1, 80))
def test_percentile_rises_with_the_score_and_falls_with_the_length(scores, points, passages):
    null = Background(scores)
    found = [null.percentile(point, passages) for point in sorted(points)]
    assert found == sorted(found)
    assert all(0 <= value <= 1 for value in found)
    assert all(null.percentile(p, passages + 1) <= null.percentile(p, passages) for p in points)


@settings(max_examples=100, deadline=None)
@given(SCORES, st.floats(0.01, 0.999), st.integers(1, 80))
def test_threshold_is_the_inverse(scores, level, passages):
    null = Background(scores)
    threshold = null.threshold(level, passages)
    assert null.percentile(threshold + 1e-9, passages) >= level - 1e-6
    assert null.threshold(level, passages + 1) >= threshold - 1e-12
    # Steps of the empirical body are jumps: just below the threshold the percentile may not be higher.
    assert null.percentile(threshold - 1e-6, passages) <= level + 1e-6


@pytest.mark.parametrize("shape", ["normal", "beta", "exponential"])
def test_unrelated_documents_are_flagged_at_the_nominal_rate_at_any_length(shape):
    rng = np.random.default_rng(7)
    draw = {
        "normal": lambda n: 0.2 + 0.08 * rng.standard_normal(n),
        "beta": lambda n: rng.beta(2, 6, n),
        "exponential": lambda n: rng.exponential(0.05, n),
    }[shape]
    rates = {m: [] for m in (1, 5, 20, 60)}
    for _ in range(20):
        null = Background(draw(2000))
        for m, found in rates.items():
            found.append(np.mean(draw(200 * m).reshape(200, m).max(axis=1) >= null.threshold(0.95, m)))
    assert all(0.025 <= np.mean(found) <= 0.085 for found in rates.values()), rates


def test_an_uncorrected_score_flags_long_documents():
    rng = np.random.default_rng(3)
    null = Background(rng.normal(0.2, 0.08, 2000))
    longest = rng.normal(0.2, 0.08, (500, 60)).max(axis=1)
    assert np.mean(longest >= null.threshold(0.95, 1)) > 0.8
    assert np.mean(longest >= null.threshold(0.95, 60)) < 0.12


def test_theta_learns_that_passages_overlap():
    rng = np.random.default_rng(5)

    def document(m):
        halves = rng.standard_normal(m + 1)
        return 0.2 + 0.08 * (halves[1:] + halves[:-1]) / np.sqrt(2)

    lengths = rng.integers(1, 61, 300)
    scores = [document(m) for m in lengths]
    null = Background(np.concatenate(scores), np.r_[0, np.cumsum(lengths)])
    assert 0.5 < null.theta < 1
    rates = [np.mean([document(m).max() >= null.threshold(0.95, m) for _ in range(400)]) for m in (1, 10, 60)]
    assert all(0.02 <= rate <= 0.09 for rate in rates), rates
    same = np.repeat(rng.normal(0.2, 0.08, 300), 20)
    assert Background(same, np.arange(0, 6001, 20)).theta < 0.2


def test_a_long_document_can_still_reach_a_high_percentile():
    null = Background(np.random.default_rng(0).normal(0.2, 0.08, 300))
    assert null.percentile(0.9, 60) > 0.99
    assert null.percentile(-2) == 0


def test_an_empty_background_says_so_and_a_bad_score_is_refused():
    empty = Background([])
    with pytest.raises(InputError, match="background holds no passage"):
        empty.percentile(0.5)
    with pytest.raises(InputError, match="background holds no passage"):
        empty.threshold(0.99)
    with pytest.raises(InputError, match="finite"):
        Background([0.1, float("nan")])
    with pytest.raises(InputError, match="between 0 and 1"):
        Background([0.1]).threshold(1.0)
