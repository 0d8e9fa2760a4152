"""Simulated time and a simulated rate limit, for properties of the pace over minutes that take no time to test."""

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from builder.model.pace import Pace


class _NoWaiting(selectors.SelectSelector):
    """A selector that lets the loop's time pass instead of waiting."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout:
            self.passed += timeout
        return ready


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock moves only when everybody sleeps."""

    def __init__(self) -> None:
        self._simulated = _NoWaiting()
        super().__init__(self._simulated)

    def time(self) -> float:
        return self._simulated.passed


def simulate(coroutine: Callable[[Callable[[], float]], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine, made from the clock, in simulated time."""
    loop = SimulatedLoop()
    try:
        return loop.run_until_complete(coroutine(loop.time))
    finally:
        loop.close()


@dataclass
class Limit:
    """A token bucket which may change: `rates` are requests a second by the second from which each holds."""

    rates: Mapping[float, float]
    burst: int
    clock: Callable[[], float]
    asks: bool = True  # whether a refusal says how long to wait
    _left: float = field(init=False)
    _filled: float = 0.0

    def __post_init__(self) -> None:
        self._left = float(self.burst)

    @property
    def rate(self) -> float:
        """What is permitted now."""
        return self.rates[max(start for start in self.rates if start <= self.clock())]

    def take(self) -> float | None:
        """None if there was something left, or else after how many whole seconds to come back, at least one."""
        now = self.clock()
        self._left = min(self.burst, self._left + (now - self._filled) * self.rate)
        self._filled = now
        if self._left >= 1:
            self._left -= 1
            return None
        return float(max(1, math.ceil((1 - self._left) / self.rate)))


@dataclass
class Seen:
    """What a service saw: when requests started, when each was taken or refused, and until when it asked for peace."""

    starts: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    pauses: list[tuple[float, float]] = field(default_factory=list)

    def rate(self, start: float, end: float) -> float:
        """Requests taken a second between two times."""
        return sum(start <= time < end for time in self.taken) / (end - start)

    def share_refused(self, start: float, end: float) -> float:
        """The share of requests between two times that were refused."""
        refused = sum(start <= time < end for time in self.refused)
        return refused / max(refused + sum(start <= time < end for time in self.taken), 1)


def watch_pace(
    rates: Mapping[float, float],
    burst: int,
    seconds: float,
    seed: int,
    *,
    latency: float = 0.2,
    asks: bool = True,
) -> Seen:
    """What a limited service sees of a client with more to ask than is permitted, over so many simulated seconds."""

    async def run(clock: Callable[[], float]) -> Seen:
        pace, limit, seen = Pace(Random(seed), clock), Limit(rates, burst, clock), Seen()
        draw = Random(f"latency {seed}")
        clients = max(4, math.ceil(3 * max(rates.values()) * latency))

        async def client() -> None:
            while clock() < seconds:
                started = await pace.turn()
                seen.starts.append(clock())
                await asyncio.sleep(latency * 0.1)
                wait = limit.take()
                if wait is None:
                    seen.taken.append(clock())
                    await asyncio.sleep(latency * draw.uniform(0.5, 1.5))
                    pace.accepted()
                else:
                    seen.refused.append(clock())
                    await asyncio.sleep(latency * 0.1)
                    seen.pauses.append((clock(), clock() + wait if asks else clock()))
                    pace.refused(started, wait if asks else None)

        await asyncio.gather(*(client() for _ in range(clients)))
        return seen

    return simulate(run)
