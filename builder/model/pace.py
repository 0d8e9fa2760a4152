"""The pace: how fast requests may start, so that a service that limits its rate is used to its limit and not beyond.

Requests start as fast as the concurrency lets them until the service refuses one. From then on starts are spaced. A
refusal lowers the rate; without one it climbs back along a cubic curve (after CUBIC, Ha, Rhee and Xu 2008): fast at
first, flat near the rate that was refused last, then probing beyond it. A rate that stays near the limit meets a
refusal once in many requests, where doubling and halving would meet one in every few.
"""

import asyncio
import time
from collections.abc import Callable
from random import Random

_CUT, _GENTLE_CUT = 0.7, 0.95
_SETTLED = 5.0  # seconds without a refusal after which the rate counts as nearly right
_CLIMB = 20.0  # seconds from a cut back to the rate that was refused
_WAIT, _LONGEST_WAIT = 1.0, 60.0
_JITTER = 0.1


class Pace:
    """Spaces the starts of requests. One for each service; it is used from one event loop."""

    def __init__(self, random: Random | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._random, self._clock = random or Random(), clock
        self._began = self._resume = self._cut = self._next = clock()
        self._rate: float | None = None
        self._ceiling = self._floor = 0.0
        self._accepted = self._refusals = 0
        self._refused_since: float | None = None

    @property
    def refused_for(self) -> float:
        """For how many seconds the service has refused everything; 0 where it has accepted something since."""
        return 0.0 if self._refused_since is None else self._clock() - self._refused_since

    async def turn(self) -> float:
        """Wait until a request may start; returns when it started, for `accepted` and `refused`."""
        while True:
            now = self._clock()
            ready = max(self._next, self._resume)
            if ready <= now:
                break
            await asyncio.sleep(ready - now)
        if self._rate_now(now) is not None:
            gap = (1 + _JITTER * self._random.uniform(-1, 1)) / (self._rate_now(now) or 1)
            self._next = max(self._next, now - gap) + gap
        return now

    def accepted(self) -> None:
        """The service took a request."""
        self._accepted += 1
        self._refusals = 0
        self._refused_since = None

    def refused(self, started: float, wait: float | None) -> None:
        """The service refused a request that started then; `wait` is the seconds it asked for, if it said so."""
        now = self._clock()
        if self._refused_since is None:
            self._refused_since = now
        news = started >= self._cut  # what started before the last cut says nothing about the rate since
        if news:
            self._refusals += 1
            self._lower(now)
        if wait is None:
            wait = min(_WAIT * 2 ** max(self._refusals - 1, 0), _LONGEST_WAIT) if news else 0.0
        pause = wait * (1 + _JITTER * self._random.random())
        self._resume = max(self._resume, now + pause)
        if news:
            self._cut = self._resume  # the climb begins when requests start again

    def _lower(self, now: float) -> None:
        rate = self._rate_now(now)
        if rate is None:
            rate = max(self._accepted, 1) / max(now - self._began, 0.1)
        recent = now - self._cut < _SETTLED
        self._ceiling, self._floor = rate, rate * (_CUT if recent or self._rate is None else _GENTLE_CUT)
        self._rate = self._floor

    def _rate_now(self, now: float) -> float | None:
        if self._rate is None:
            return None
        passed = max(now - self._cut, 0.0)
        return self._ceiling + (self._ceiling - self._floor) * ((passed - _CLIMB) / _CLIMB) ** 3
