"""Sending many requests to a remote model: paced, within the cap, each attempt on the account, each answer kept.

Workers take requests one after another, so that as many are on the wire as the concurrency says. What stops one stops
all, but nothing that is on the wire is thrown away: its answer is waited for and committed first.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random

from builder.errors import ExemplaError, Incomplete
from builder.model.account import Account
from builder.model.pace import Pace
from builder.model.protocol import Arrived, Busy, Fault, Outcome, RemoteModel, Reply, Request

TRIES = 5  # attempts at one call in one run; a call that failed as often in an earlier run is then given up
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
PATIENCE = 600.0  # seconds for which a service may refuse everything before the build stops and says so


class Dispatch:
    """Sends rounds of requests to one remote model."""

    def __init__(self, model: RemoteModel, account: Account, concurrency: int, *, patience: float = PATIENCE) -> None:
        self.name, self._model, self._concurrency = model.name, model, concurrency
        self.account: Account | None = account
        self._account = account
        self._pace, self._random, self._patience = Pace(), Random(), patience
        self._stop: ExemplaError | None = None
        self._unanswered: list[str] = []
        self.in_flight = 0

    async def answer_round(self, requests: Sequence[Request], arrived: Arrived, moved: Callable[[], None]) -> None:
        """Give `arrived(index, reply)` each answer once it is committed; `moved` is called when the flight changes.

        Raises:
            Incomplete: at the spend cap, or if a service refused or failed too often; what arrived is kept.
            ExemplaError: what the model says that the user must change.
        """
        self._stop, self._unanswered = None, []
        todo = iter(_together(requests))
        workers = min(self._concurrency, len(requests))
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work(todo, requests, arrived, moved))
        if self._stop:
            raise self._stop
        if self._unanswered:
            reasons = ", ".join(f"{n} times {reason}" for reason, n in Counter(self._unanswered).most_common(3))
            calls = "1 call" if len(self._unanswered) == 1 else f"{len(self._unanswered)} calls"
            raise Incomplete(
                f"{calls} got no answer after {TRIES} attempts each ({reasons}); everything else is kept, "
                "run the same command again later"
            )

    async def close(self) -> None:
        """Close the model's connections."""
        await self._model.close()

    async def _work(
        self, todo: Iterator[int], requests: Sequence[Request], arrived: Arrived, moved: Callable[[], None]
    ) -> None:
        for index in todo:
            if self._stop:
                return
            try:
                await self._model.ready(requests[index])
                reply = await self._answer(requests[index], moved)
            except ExemplaError as error:
                self._stop = self._stop or error
                return
            finally:
                self._model.done(requests[index])
            if reply:
                arrived(index, reply)

    async def _answer(self, request: Request, moved: Callable[[], None]) -> Reply | None:
        """The answer to one call, over as many attempts as it takes; None where they were used up or all is to stop."""
        account = self._account
        amount = account.worst_case(request, await self._model.input_bound(request))
        faults = 0
        while not self._stop:
            started = await self._pace.turn()
            await account.wait_to_take(amount)
            (attempt,) = await account.begin([request], [amount])
            self._fly(+1, moved)
            try:
                reply = await self._model.answer(request)
            except Busy as busy:
                await account.unanswered(attempt, "busy", str(busy), charged=False)
                self._pace.refused(started, busy.wait)
                self._lose_patience(busy)
            except Fault as fault:
                await account.unanswered(attempt, "fault", str(fault), charged=fault.charged)
                faults += 1
                if faults == TRIES:
                    return await self._given_up(request, fault)
                await asyncio.sleep(self._backoff(faults))
            except ExemplaError as error:
                await account.unanswered(attempt, "turned away", str(error), charged=False)
                raise
            else:
                self._pace.accepted()
                await account.answered(attempt, reply)
                return reply
            finally:
                self._fly(-1, moved)
        return None

    def _lose_patience(self, busy: Busy) -> None:
        waited = self._pace.refused_for
        if waited > self._patience:
            raise Incomplete(
                f"the service has refused every request for {waited:.0f} s ({busy}); finished work is kept, "
                "run the same command again later"
            )

    async def _given_up(self, request: Request, fault: Fault) -> Reply | None:
        """A call that fails in one run is left for the next; one that failed in an earlier run as well is settled."""
        if await self._account.faults(request.key) < 2 * TRIES:
            self._unanswered.append(str(fault))
            return None
        reply = Reply("", Outcome.FAILED, request.model)
        await self._account.given_up(request, reply)
        return reply

    def _fly(self, change: int, moved: Callable[[], None]) -> None:
        self.in_flight += change
        moved()

    def _backoff(self, faults: int) -> float:
        return float(min(_FIRST_WAIT * 2 ** (faults - 1), _LONGEST_WAIT)) * self._random.uniform(0.5, 1.0)


def _together(requests: Sequence[Request]) -> list[int]:
    """The order of sending: one call of each prefix first, which writes it to the cache; then prefix by prefix."""
    first: dict[str, int] = {}
    for index, request in enumerate(requests):
        first.setdefault(request.prefix, index)
    leaders = list(first.values())
    place = {prefix: rank for rank, prefix in enumerate(first)}
    others = sorted(set(range(len(requests))) - set(leaders), key=lambda i: (place[requests[i].prefix], i))
    return [*leaders, *others]
