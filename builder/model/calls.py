"""Answering many requests: from the ledger where it can, from the model where it must, each answer committed."""

import asyncio
from collections.abc import Callable, Sequence

from builder.model.ledger import Ledger
from builder.model.protocol import Model, Reply, Request

Progress = Callable[[int, int], None]


class Caller:
    """A model with its ledger. `answer_all` is one round: it returns when every request has its answer."""

    def __init__(self, model: Model, ledger: Ledger, concurrency: int = 8) -> None:
        self.model, self._ledger, self._concurrency = model, ledger, concurrency

    def answer_all(self, requests: Sequence[Request], progress: Progress | None = None) -> list[Reply]:
        """Replies in the order of the requests. Interrupted, it keeps every answer that arrived."""
        replies = [self._ledger.find(request) for request in requests]
        missing = [index for index, reply in enumerate(replies) if reply is None]
        done = len(requests) - len(missing)
        if progress:
            progress(done, len(requests))

        async def ask() -> None:
            nonlocal done
            slots = asyncio.Semaphore(self._concurrency)

            async def one(index: int) -> None:
                nonlocal done
                async with slots:
                    reply = await self.model.answer(requests[index])
                self._ledger.commit(requests[index], reply)
                replies[index] = reply
                done += 1
                if progress:
                    progress(done, len(requests))

            async with asyncio.TaskGroup() as group:
                for index in missing:
                    group.create_task(one(index))

        if missing:
            try:
                asyncio.run(ask())
            except* Exception as problems:  # noqa: BLE001 - a group holds what its tasks raised; the first one speaks
                raise problems.exceptions[0] from None
        return [reply for reply in replies if reply is not None]
