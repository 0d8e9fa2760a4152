"""Answering many requests: from the ledger where it can, from the backend where it must, each answer committed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from builder.model.account import Account
from builder.model.ledger import Ledger
from builder.model.prices import dollars
from builder.model.protocol import Arrived, Backend, Model, Outcome, Reply, Request
from builder.progress import Progress, Watch, unwatched

# What a whole build may come to, in dollars, from how many calls of each stage are answered and what they cost.
Projection = Callable[[Mapping[str, int], float], float | None]


class Caller:
    """A backend with its ledger. Use it as a context manager: connections live as long as it does."""

    def __init__(self, backend: Backend, ledger: Ledger, fallback: str | None = None) -> None:
        """`fallback` is the model that is asked what another refused."""
        self.backend, self._ledger, self._fallback = backend, ledger, fallback
        self.project: Projection | None = None
        self._answered: Counter[str] = Counter()
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._runner.run(self.backend.close())
        finally:
            self._runner.close()

    def answer_all(self, requests: Sequence[Request], watch: Watch = unwatched, step: str = "calls") -> list[Reply]:
        """Replies in the order of the requests; returns when every request has one. Interrupted, it keeps every answer
        that arrived.

        Raises:
            ExemplaError: what the backend raised; `Incomplete` where some answers will only come later.
        """
        replies = self._answers(requests, watch, step)
        if self._fallback is None:
            return replies
        asked = {
            index: replace(request, model=self._fallback)
            for index, (request, reply) in enumerate(zip(requests, replies, strict=True))
            if reply.outcome is Outcome.REFUSED and request.model != self._fallback
        }
        again = self._answers(list(asked.values()), watch, f"{step} by the fallback")
        for index, reply in zip(asked, again, strict=True):
            replies[index] = replace(reply, refused_by=(replies[index].model,))
        return replies

    def _answers(self, requests: Sequence[Request], watch: Watch, step: str) -> list[Reply]:
        replies = self._ledger.find_all(requests)
        missing: dict[str, list[int]] = {}  # a call that is asked for twice is made once
        for index, reply in enumerate(replies):
            if reply is None:
                missing.setdefault(requests[index].key, []).append(index)
        asking = [requests[places[0]] for places in missing.values()]
        done, refused = len(requests) - sum(map(len, missing.values())), 0
        self._answered.update(request.stage for request, reply in zip(requests, replies, strict=True) if reply)

        def moved() -> None:
            watch(self._progress(step, done, len(requests), refused))

        def arrived(position: int, reply: Reply) -> None:
            nonlocal done, refused
            if self.backend.account is None:
                self._ledger.commit(asking[position], reply)
            places = missing[asking[position].key]
            for index in places:
                replies[index] = reply
            done += len(places)
            self._answered[asking[position].stage] += 1
            refused += len(places) * (reply.outcome is Outcome.REFUSED)
            moved()

        if asking:
            moved()
            try:
                self._runner.run(self.backend.answer_round(asking, arrived, moved))
            except* Exception as problems:  # noqa: BLE001 - a group holds what its tasks raised; the first one speaks
                raise problems.exceptions[0] from None
        return [reply for reply in replies if reply is not None]

    def _progress(self, step: str, done: int, total: int, refused: int) -> Progress:
        account = self.backend.account
        if account is None:
            return Progress(step, done, total, self.backend.in_flight, refused)
        totals = account.totals
        tokens = (totals.read, totals.written)
        costs = dollars(totals.known), dollars(totals.uncertain)
        projected = self.project(self._answered, costs[0]) if self.project else None
        return Progress(step, done, total, self.backend.in_flight, refused, None, tokens, *costs, projected)


class OneByOne:
    """A local model as a backend: it is asked for one answer after another."""

    account: Account | None = None
    in_flight = 0

    def __init__(self, model: Model) -> None:
        self.name, self._model = model.name, model

    async def answer_round(self, requests: Sequence[Request], arrived: Arrived, moved: Callable[[], None]) -> None:
        """Ask for each answer."""
        for index, request in enumerate(requests):
            arrived(index, await self._model.answer(request))

    async def close(self) -> None:
        """Nothing is open."""
