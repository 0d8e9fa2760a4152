"""What ends a round before its time: whoever waits to send is woken, and what is on the wire is left to arrive."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from builder.errors import ExemplaError


class Stopped(Exception):
    """The round is ending; nothing more is to be sent."""


class Stop:
    """The first error that ends a round, and the tasks that it has to wake."""

    def __init__(self) -> None:
        self.error: ExemplaError | None = None
        self._waiting: set[asyncio.Task[Any]] = set()

    def end(self, error: ExemplaError) -> None:
        """End the round; the first error is the one that counts."""
        if self.error is None:
            self.error = error
            for task in self._waiting:
                task.cancel()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around a wait of the current task that the end of the round cuts short.

        Raises:
            Stopped: if the round ends or has ended.
        """
        if self.error:
            raise Stopped
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if self.error and task.uncancel() == 0:
                raise Stopped from None
            raise  # somebody else cancelled it, such as an interrupt
        finally:
            self._waiting.discard(task)
