"""The pace against simulated rate limits over simulated minutes: near what is permitted, seldom refused, never impatient."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.model.pace import Pace
from tests.model.simulated import simulate, watch_pace

RATES = st.floats(0, 1).map(lambda x: round(2 * 100**x, 2))  # from 2 to 200 a second, as many slow as fast
BURSTS, SEEDS, LATENCIES = st.integers(1, 100), st.integers(0, 10**6), st.sampled_from([0.05, 0.3, 1.0])


def assert_kept_to(rate: float, burst: int, seed: int, latency: float, *, asks: bool) -> None:
    warm = max(60.0, 400 / rate)
    end = warm + max(90.0, 800 / rate)
    seen = watch_pace({0: rate}, burst, end, seed, latency=latency, asks=asks)
    assert 0.9 * rate <= seen.rate(warm, end) <= 1.1 * rate
    assert seen.share_refused(warm, end) < 0.01
    assert_left_alone(seen.starts, seen.pauses)


def assert_left_alone(starts: list[float], pauses: list[tuple[float, float]]) -> None:
    """Nothing started in a time that the service had asked for."""
    pending = sorted(pauses)
    for start in sorted(starts):
        assert not any(told < start < until for told, until in pending), start
        pending = [pause for pause in pending if pause[1] > start]


@settings(max_examples=5)
@given(rate=RATES, burst=BURSTS, seed=SEEDS, latency=LATENCIES, asks=st.booleans())
def test_it_settles_near_what_is_permitted(rate: float, burst: int, seed: int, latency: float, asks: bool) -> None:
    assert_kept_to(rate, burst, seed, latency, asks=asks)


@pytest.mark.slow
@settings(max_examples=60)
@given(rate=RATES, burst=BURSTS, seed=SEEDS, latency=LATENCIES, asks=st.booleans())
def test_it_settles_near_what_is_permitted_many_times(
    rate: float, burst: int, seed: int, latency: float, asks: bool
) -> None:
    assert_kept_to(rate, burst, seed, latency, asks=asks)


@pytest.mark.parametrize(
    ("rate", "burst"), [(2, 1), (2, 20), *(pytest.param(200, n, marks=pytest.mark.slow) for n in (1, 100))]
)
def test_it_settles_at_the_edges(rate: float, burst: int) -> None:
    assert_kept_to(rate, burst, 1, 0.2, asks=True)


@settings(max_examples=4)
@given(rate=st.floats(10, 150), burst=BURSTS, seed=SEEDS)
def test_it_comes_down_when_a_fifth_is_permitted(rate: float, burst: int, seed: int) -> None:
    before = max(60.0, 400 / rate)
    warm = before + max(60.0, 400 / (rate / 5))
    end = warm + max(60.0, 400 / (rate / 5))
    seen = watch_pace({0: rate, before: rate / 5}, burst, end, seed)
    assert 0.9 <= seen.rate(warm, end) / (rate / 5) <= 1.1
    assert seen.share_refused(warm, end) < 0.015
    assert sum(before <= time < before + 60 for time in seen.refused) < 40
    assert_left_alone(seen.starts, seen.pauses)


def assert_comes_up(rate: float, burst: int, seed: int) -> None:
    before = max(60.0, 400 / rate)
    warm = before + max(200.0, 800 / rate)
    seen = watch_pace({0: rate, before: 5 * rate}, burst, warm + 60, seed)
    assert 0.85 <= seen.rate(warm, warm + 60) / (5 * rate) <= 1.1
    assert seen.share_refused(warm, warm + 60) < 0.01


@settings(max_examples=4)
@given(rate=st.floats(2, 8), burst=BURSTS, seed=SEEDS)
def test_it_comes_up_when_five_times_as_much_is_permitted(rate: float, burst: int, seed: int) -> None:
    assert_comes_up(rate, burst, seed)


@pytest.mark.slow
@settings(max_examples=12)
@given(rate=st.floats(8, 40), burst=BURSTS, seed=SEEDS)
def test_it_comes_up_to_high_rates_too(rate: float, burst: int, seed: int) -> None:
    assert_comes_up(rate, burst, seed)


@pytest.mark.parametrize("a_minute", [5, 20, 50])
def test_a_limit_of_a_few_a_minute_is_used(a_minute: int) -> None:
    seen = watch_pace({0: a_minute / 60}, a_minute, 7200, 1)
    assert seen.rate(3600, 7200) * 60 >= 0.9 * a_minute
    assert seen.share_refused(3600, 7200) < 0.3


def test_what_is_never_refused_is_never_held_back() -> None:
    async def run(clock: Callable[[], float]) -> float:
        pace = Pace(Random(1), clock)
        for _ in range(5000):
            await pace.turn()
            pace.accepted()
        return clock()

    assert simulate(run) == 0


def test_a_pause_is_as_long_as_was_asked_for_and_a_little_longer_by_chance() -> None:
    def waited(seed: int) -> float:
        async def run(clock: Callable[[], float]) -> float:
            pace = Pace(Random(seed), clock)
            pace.refused(await pace.turn(), 7.0)
            assert pace.paused
            return await pace.turn()

        return float(simulate(run))

    pauses = [waited(seed) for seed in range(50)]
    assert all(7.0 <= pause <= 7.7 for pause in pauses)
    assert len(set(pauses)) == 50 and max(pauses) - min(pauses) > 0.5


def test_refusals_in_a_row_without_a_time_are_waited_for_longer_and_longer() -> None:
    async def run(clock: Callable[[], float]) -> list[float]:
        pace, gaps = Pace(Random(1), clock), []
        for _ in range(9):
            before = clock()
            started = await pace.turn()
            gaps.append(started - before)
            pace.refused(started, None)
        return gaps

    gaps = simulate(run)
    assert gaps[1] >= 1 and all(later > earlier * 1.5 for earlier, later in pairwise(gaps[1:7]))
    assert max(gaps) <= 66


def test_a_service_that_is_overloaded_by_others_costs_a_pause_and_no_rate() -> None:
    """Every tenth request comes at a bad time; between the pauses it goes on as fast as before."""

    async def run(clock: Callable[[], float]) -> float:
        pace = Pace(Random(1), clock)
        for number in range(1000):
            started = await pace.turn()
            if number % 10 == 9:
                pace.refused(started, None, limit=False)
            else:
                pace.accepted()
        return clock()

    assert simulate(run) <= 100 * 1.1


def test_time_without_requests_proves_nothing_about_the_rate() -> None:
    """As while finished texts are screened: what was learned about the limit holds after ten quiet minutes."""

    async def run(clock: Callable[[], float]) -> tuple[int, int]:
        pace, left, filled = Pace(Random(2), clock), 5.0, 0.0
        refused = [0, 0]
        for number in range(3000):
            if number == 2000:
                await asyncio.sleep(600)
            started = await pace.turn()
            left, filled = min(5.0, left + (clock() - filled) * 10), clock()
            if left >= 1:
                left -= 1
                pace.accepted()
            else:
                refused[number >= 2000] += 1
                pace.refused(started, 1.0)
        return refused[0], refused[1]

    before, after = simulate(run)
    assert after <= 8 and before <= 25


def test_a_thousand_that_wait_do_not_wake_one_another() -> None:
    async def run(clock: Callable[[], float]) -> float:
        asked = 0

        def counting() -> float:
            nonlocal asked
            asked += 1
            return clock()

        pace = Pace(Random(1), counting)
        pace.refused(await pace.turn(), 1.0)
        await asyncio.gather(*(pace.turn() for _ in range(1000)))
        return asked / 1000

    assert simulate(run) < 10
