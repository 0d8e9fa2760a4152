"""The pace: how fast requests may start, so that a service that limits its rate is used to its limit and not beyond.

Requests start as fast as the concurrency lets them until the service refuses one. From then on starts are spaced. What
was taken between two refusals says which rate is permitted. After one the rate starts a little below that and climbs
back along a cubic curve (after CUBIC, Ha, Rhee and Xu 2008), fast at first and flat near the rate that was refused;
once it has gone well beyond, it doubles. A climb takes so many requests that refusals stay below one in a hundred.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from random import Random

_GENTLE_CUT, _CUT = 0.97, 0.7
_CLIMB, _CLIMB_REQUESTS, _LONGEST_CLIMB = 30.0, 400.0, 240.0  # from a cut back to the rate that was refused
_BEYOND, _DOUBLE = 1.5, 15.0  # climbs after which a rate is free to double, and the seconds in which it does
_SETTLED = 0.2  # the part of a climb after which a refusal says that the rate was nearly right
_TELLING = 5  # requests taken between two refusals from which a rate can be reckoned
_LATEST, _PROVED = 20, 1.1  # starts by which the rate of asking is measured, and what it proves of the rate
_FIRST, _LEAST, _SEARCH = 2.0, 2.0, 2.0  # seconds and rate of a first guess, and the seconds in which it doubles
_IDLE = 1.0  # seconds without a start that prove nothing about the rate
_WAIT, _LONGEST_WAIT = 1.0, 60.0
_JITTER = 0.1  # of pauses, so that many builds do not come back together


class Pace:
    """Spaces the starts of requests. One for each service; it is used from one event loop."""

    def __init__(self, random: Random | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._random, self._clock = random or Random(), clock
        self._gate = asyncio.Lock()
        self._resume = self._cut = self._next = self._last = self._refused = self._heard = clock()
        self._floor: float | None = None  # the rate after the last cut; None until something was refused
        self._ceiling: float | None = None  # the rate to climb back to; None while it is searched for
        self._climb = _CLIMB
        self._taken = self._refusals = 0
        self._latest: deque[float] = deque(maxlen=_LATEST)

    @property
    def paused(self) -> bool:
        """Whether nothing may start just now, because the service asked to be left alone."""
        return self._resume > self._clock()

    async def turn(self) -> float:
        """Wait until a request may start; returns when it started, for `refused`."""
        async with self._gate:  # one at a time waits for the clock, the others for their place
            while (ready := max(self._next, self._resume)) > (now := self._clock()):
                await asyncio.sleep(ready - now)
            self._cut += max(now - max(self._last, self._next, self._cut) - _IDLE, 0.0)
            self._taken += 1  # until it is refused
            self._latest.append(now)
            self._last = now
            rate = self._rate(now)
            if rate is not None:
                on_time = now < self._next + 1 / rate
                self._next = (self._next if on_time else now) + 1 / rate
            return now

    def accepted(self) -> None:
        """The service took a request."""
        self._refusals = 0

    def refused(self, started: float, wait: float | None, *, limit: bool = True) -> None:
        """The service refused a request that started then; `wait` is the seconds it asked for, if it said so.

        Without `limit` it had too much to do for others: that asks for a pause and says nothing about the rate.
        """
        now = self._clock()
        self._taken -= 1
        news = started >= self._heard  # what started before says nothing new
        if news:
            self._refusals += 1
            if limit:
                self._lower(now)
        if wait is None:
            wait = min(_WAIT * 2 ** max(self._refusals - 1, 0), _LONGEST_WAIT) if news else 0.0
        before = max(self._resume, now)
        self._resume = max(self._resume, now + wait * (1 + _JITTER * self._random.random()))
        self._next = max(self._next, self._resume)
        if news:
            self._heard = max(self._resume, now)
        if news and limit:
            self._cut, self._refused, self._taken = self._heard, now, 0  # the climb begins when requests start again
            self._latest.clear()
        else:
            self._cut += max(self._resume - before, 0.0)  # the climb stands still

    def _lower(self, now: float) -> None:
        rate = self._rate(now)
        # What was taken since the last refusal, of which the time of the pause may have gone unused.
        reckoned = self._taken / max(now - self._refused, _FIRST if rate is None else 0.001)
        if rate is None:
            self._floor = max(reckoned, _LEAST)
        elif self._ceiling is not None and now - self._cut > _SETTLED * self._climb:
            # Whoever asks for less than the rate has not proved it.
            asked = len(self._latest) / max(now - self._latest[0], 0.001)
            self._ceiling = min(rate, _PROVED * asked)
            self._floor = self._ceiling * _GENTLE_CUT
            self._climb = min(max(_CLIMB, _CLIMB_REQUESTS / self._ceiling), _LONGEST_CLIMB)
        elif self._taken:  # who takes nothing at all says nothing about the rate
            proved = reckoned if self._taken >= _TELLING else 0.0
            self._ceiling, self._climb = rate, _CLIMB
            self._floor = min(max(rate * _CUT, proved), rate * _GENTLE_CUT)

    def _rate(self, now: float) -> float | None:
        if self._floor is None:
            return None
        passed = max(now - self._cut, 0.0)
        if self._ceiling is None:
            return float(self._floor * 2 ** min(passed / _SEARCH, 100.0))
        along = min(passed / self._climb, _BEYOND) - 1
        beyond = max(passed - _BEYOND * self._climb, 0.0) / _DOUBLE
        return float((self._ceiling + (self._ceiling - self._floor) * along**3) * 2 ** min(beyond, 100.0))
