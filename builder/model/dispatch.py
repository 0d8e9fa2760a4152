"""Sending many requests to a remote model: paced, within the cap, each attempt on the account, each answer kept.

Workers take requests one after another, so that as many are on the wire as the concurrency says. What stops one stops
all, but nothing that is on the wire is thrown away: its answer is waited for and committed first.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random

from builder.errors import ExemplaError, Incomplete
from builder.model.account import Account, Attempt
from builder.model.pace import Pace
from builder.model.patience import Patience
from builder.model.protocol import Arrived, Busy, Fault, Outcome, RemoteModel, Reply, Request, Withheld
from builder.model.stopping import Stop, Stopped


class Dispatch:
    """Sends rounds of requests to one remote model."""

    def __init__(self, model: RemoteModel, account: Account, concurrency: int, patience: Patience) -> None:
        self.name, self._model, self._concurrency = model.name, model, concurrency
        self.account: Account | None = account
        self._account = account
        self._pace, self._random, self._patience = Pace(), Random(), patience
        self._stop = Stop()
        self._unanswered: list[str] = []
        self._silent_since: float | None = None
        self.in_flight = 0

    async def answer_round(self, requests: Sequence[Request], arrived: Arrived, moved: Callable[[], None]) -> None:
        """Give `arrived(index, reply)` each answer once it is committed; `moved` is called when the flight changes.

        Raises:
            Incomplete: at the spend cap, or if a service refused or failed too often; what arrived is kept.
            ExemplaError: what the model says that the user must change.
        """
        self._stop, self._unanswered, self._silent_since = Stop(), [], None
        todo = iter(_together(requests))
        workers = min(self._concurrency, len(requests))
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work(todo, requests, arrived, moved))
        if self._stop.error:
            raise self._stop.error
        if self._unanswered:
            reasons = ", ".join(f"{n} times {reason}" for reason, n in Counter(self._unanswered).most_common(3))
            calls = "1 call" if len(self._unanswered) == 1 else f"{len(self._unanswered)} calls"
            raise Incomplete(
                f"{calls} got no answer after {self._patience.tries} attempts each (the last: {reasons}); everything "
                "else is kept, run the same command again later"
            )

    async def close(self) -> None:
        """Close the model's connections."""
        await self._model.close()

    async def _work(
        self, todo: Iterator[int], requests: Sequence[Request], arrived: Arrived, moved: Callable[[], None]
    ) -> None:
        for index in todo:
            try:
                with self._stop.waiting():
                    await self._model.ready(requests[index])
                reply = await self._answer(requests[index], moved)
            except Stopped:
                return
            except ExemplaError as error:
                self._stop.end(error)
                return
            finally:
                self._model.done(requests[index])
            if reply:
                arrived(index, reply)

    async def _answer(self, request: Request, moved: Callable[[], None]) -> Reply | None:
        """The answer to one call, over as many attempts as it takes; None where they were used up."""
        account, faults = self._account, 0
        with self._stop.waiting():
            amount = account.worst_case(request, await self._model.input_bound(request))
        while True:
            attempt, started = await self._attempt(request, amount)
            try:
                reply, free = await self._sent(request, moved)
            except Busy as busy:
                self._pace.refused(started, busy.wait, limit=busy.limit)  # before the disk makes this task wait
                await account.unanswered(attempt, "busy", str(busy), charged=False)
                self._lose_patience(str(busy), busy.wait or 0.0)
            except Fault as fault:
                await account.unanswered(attempt, _state(fault), str(fault), charged=fault.charged)
                self._lose_patience(str(fault))
                faults += 1
                if faults == self._patience.tries:
                    return await self._given_up(request, fault)
                with self._stop.waiting():
                    await asyncio.sleep(self._patience.wait(faults, self._random))
            except ExemplaError as error:
                await account.unanswered(attempt, "turned away", str(error), charged=False)
                raise
            else:
                self._pace.accepted()
                self._silent_since = None
                await account.answered(attempt, reply, free=free)
                return reply

    async def _sent(self, request: Request, moved: Callable[[], None]) -> tuple[Reply, bool]:
        """What comes of one request on the wire, and whether it is free."""
        self._fly(+1, moved)
        try:
            return await self._model.answer(request), False
        except Withheld:
            return Reply("", Outcome.REFUSED, request.model), True
        finally:
            self._fly(-1, moved)

    async def _attempt(self, request: Request, amount: int) -> tuple[Attempt, float]:
        """An attempt that is on the account and whose turn has come, and when that was.

        Raises:
            Stopped: if the round ended before; nothing is charged then.
            CapReached, InputError: as the account says.
        """
        with self._stop.waiting():
            await self._account.wait_to_take(amount)
            try:
                started = await self._pace.turn()
            except asyncio.CancelledError:
                self._account.give_back(amount)
                raise
        (attempt,) = await self._account.begin([request], [amount])
        try:
            with self._stop.waiting():
                while self._pace.paused:  # since the turn came
                    started = await self._pace.turn()
        except Stopped:
            await self._account.unanswered(attempt, "unsent", "the round had ended", charged=False)
            raise
        return attempt, started

    def _lose_patience(self, reason: str, wait: float = 0.0) -> None:
        """Note that the service gave no answer and wants to be left alone for so many seconds.

        Raises:
            Incomplete: if it gave none for too long, or asks for too much.
        """
        now = time.monotonic()
        self._silent_since = self._silent_since or now
        silent = now - self._silent_since
        if max(silent, wait) <= self._patience.silence:
            return
        said = (
            f"asks to be left alone for {wait:.0f} s" if wait > silent else f"has answered nothing for {silent:.0f} s"
        )
        raise Incomplete(f"the service {said} ({reason}); finished work is kept, run the same command again later")

    async def _given_up(self, request: Request, fault: Fault) -> Reply | None:
        """A call that fails in one run is left for the next; one that failed in an earlier run as well is settled."""
        if not await self._account.hopeless(request.key, self._patience.tries):
            self._unanswered.append(str(fault))
            return None
        reply = Reply("", Outcome.FAILED, request.model)
        await self._account.given_up(request, reply)
        return reply

    def _fly(self, change: int, moved: Callable[[], None]) -> None:
        self.in_flight += change
        moved()


def _state(fault: Fault) -> str:
    """The state of an attempt that failed; what never began says nothing about the call and is not held against it."""
    return "fault" if fault.charged else "away"


def _together(requests: Sequence[Request]) -> list[int]:
    """The order of sending: one call of each prefix first, which writes it to the cache; then prefix by prefix."""
    first: dict[str, int] = {}
    for index, request in enumerate(requests):
        first.setdefault(request.prefix, index)
    leaders = list(first.values())
    place = {prefix: rank for rank, prefix in enumerate(first)}
    others = sorted(set(range(len(requests))) - set(leaders), key=lambda i: (place[requests[i].prefix], i))
    return [*leaders, *others]
