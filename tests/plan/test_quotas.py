from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import InputError
from builder.hashing import rank_key
from builder.plan.quotas import Quota

weights = st.dictionaries(st.integers(0, 40).map(str), st.integers(1, 50), min_size=1, max_size=40)


@given(weights, st.integers(1, 300))
def test_every_prefix_stays_near_its_exact_share(weights: dict[str, int], draws: int) -> None:
    quota = Quota(weights)
    total = sum(weights.values())
    counts: Counter[str] = Counter()
    for drawn in range(1, draws + 1):
        counts[quota.draw(lambda name: (rank_key(name, drawn),))] += 1  # noqa: B023 - called at once
        worst = max(abs(counts[name] - weight / total * drawn) for name, weight in weights.items())
        assert worst <= 1 + 1e-9
    assert counts == Counter({name: count for name, count in quota.counts().items() if count})


@given(weights)
def test_a_full_cycle_is_exact(weights: dict[str, int]) -> None:
    quota = Quota(weights)
    for _ in range(sum(weights.values())):
        quota.draw(lambda name: (name,))
    assert all(abs(quota.counts()[name] - weight) <= 1 for name, weight in weights.items())


@given(weights, st.integers(1, 100), st.integers(0, 100))
def test_a_longer_draw_continues_a_shorter_one(weights: dict[str, int], few: int, more: int) -> None:
    def draw(times: int) -> list[str | None]:
        quota = Quota(weights)
        return [quota.draw(lambda name: (rank_key(name),)) for _ in range(times)]

    assert draw(few + more)[:few] == draw(few)


def test_a_restriction_is_obeyed_and_the_rest_catches_up() -> None:
    quota = Quota({"a": 1, "b": 1})
    assert [quota.draw(lambda name: (name,), {"a"}) for _ in range(4)] == ["a"] * 4
    assert [quota.draw(lambda name: (name,)) for _ in range(4)] == ["b"] * 4
    assert quota.draw(lambda name: (name,), set()) is None


def test_largest_remainder_is_no_more_exact_than_one_document() -> None:
    weights, places = {"a": 5, "b": 3, "c": 1}, 7
    total = sum(weights.values())
    exact = {name: weight * places / total for name, weight in weights.items()}
    remainder = {name: int(share) for name, share in exact.items()}
    for name in sorted(exact, key=lambda n: remainder[n] - exact[n])[: places - sum(remainder.values())]:
        remainder[name] += 1
    quota = Quota(weights)
    for _ in range(places):
        quota.draw(lambda name: (name,))
    assert all(abs(quota.counts()[name] - remainder[name]) <= 1 for name in weights)


def test_nothing_to_draw_from_is_an_error() -> None:
    with pytest.raises(InputError, match="positive weight"):
        Quota({"a": 0})
