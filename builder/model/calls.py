"""Answering many requests: from the ledger where it can, from the model where it must, each answer committed."""

import asyncio
from collections.abc import Callable, Sequence

from builder.model.ledger import Ledger
from builder.model.protocol import Arrived, Model, Reply, Request, RoundModel

Progress = Callable[[int, int], None]


class Caller:
    """A model with its ledger. `answer_all` is one round: it returns when every request has its answer."""

    def __init__(self, model: Model | RoundModel, ledger: Ledger, concurrency: int = 8) -> None:
        self.model, self._ledger, self._concurrency = model, ledger, concurrency

    def answer_all(self, requests: Sequence[Request], progress: Progress | None = None) -> list[Reply]:
        """Replies in the order of the requests. Interrupted, it keeps every answer that arrived.

        Raises:
            ExemplaError: what the model raised; `Incomplete` where some answers will only come later.
        """
        replies = [self._ledger.find(request) for request in requests]
        missing = [index for index, reply in enumerate(replies) if reply is None]
        done = len(requests) - len(missing)
        if progress:
            progress(done, len(requests))

        def arrived(position: int, reply: Reply) -> None:
            nonlocal done
            index = missing[position]
            self._ledger.commit(requests[index], reply)
            replies[index] = reply
            done += 1
            if progress:
                progress(done, len(requests))

        if missing:
            try:
                asyncio.run(self._round([requests[index] for index in missing], arrived))
            except* Exception as problems:  # noqa: BLE001 - a group holds what its tasks raised; the first one speaks
                raise problems.exceptions[0] from None
        return [reply for reply in replies if reply is not None]

    async def _round(self, requests: Sequence[Request], arrived: Arrived) -> None:
        model = self.model
        if isinstance(model, RoundModel):
            await model.answer_round(requests, arrived, self._ledger.knows)
            return
        slots = asyncio.Semaphore(self._concurrency)

        async def one(index: int) -> None:
            async with slots:
                reply = await model.answer(requests[index])
            arrived(index, reply)

        async with asyncio.TaskGroup() as group:
            for index in range(len(requests)):
                group.create_task(one(index))
