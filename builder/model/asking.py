"""Asking a service something besides calls: again while it is busy, and a few times while it fails."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from builder.errors import Incomplete
from builder.model.patience import Patience
from builder.model.protocol import Busy, Fault

T = TypeVar("T")


class Asking:
    """Questions about batches to one host."""

    def __init__(self, host: str, patience: Patience) -> None:
        self._host, self._patience, self._random = host, patience, Random()

    async def patiently(self, ask: Callable[[], Awaitable[T]], *, once: bool = False) -> T:
        """What `ask` brings, asked as often as patience allows.

        Raises:
            Fault: if this is to be done `once` and the service may have done it.
            Incomplete: if the service was busy for too long, or failed too often.
        """
        began, asked, faults = time.monotonic(), 0, 0
        while True:
            asked += 1
            try:
                return await ask()
            except Busy as busy:
                wait = max(busy.wait or 0.0, self._patience.wait(asked, self._random))
                if time.monotonic() - began + wait > self._patience.silence:
                    raise self.no_answer(busy) from None
            except Fault as fault:
                if once and fault.charged:
                    raise
                faults += 1
                if faults >= self._patience.tries:
                    raise self.no_answer(fault) from None
                wait = self._patience.wait(asked, self._random)
            await asyncio.sleep(wait)

    async def pause(self) -> None:
        """Wait as after a first failure."""
        await asyncio.sleep(self._patience.wait(1, self._random))

    def no_answer(self, problem: Busy | Fault) -> Incomplete:
        """The error for a service that does not answer."""
        return Incomplete(
            f"{self._host} gives no answer about a batch ({problem}); finished work is kept, run the same command "
            "again later"
        )
