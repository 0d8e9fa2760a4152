"""One thread that owns the database: what is asked of it at the same time is committed together."""

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
_Action = Callable[[sqlite3.Connection], Any]
_MOST = 500


class Commits:
    """Runs actions on a connection in the order in which they were given, in groups of one transaction each.

    The future of an action is done when its group is on the disk. A disk takes as long for a group as for one action,
    so that many callers at once do not wait for one another.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        """Open the connection in the thread that will use it.

        Raises:
            Exception: what `connect` raises.
        """
        self._waiting: queue.SimpleQueue[tuple[_Action, Future[Any]] | None] = queue.SimpleQueue()
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(connect, opened), name="ledger", daemon=True)
        self._thread.start()
        opened.result()

    def ask(self, action: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """Have an action run; the future brings what it returns, once that is durable.

        It runs even if whoever asked is cancelled meanwhile, as an interrupted build's last answers have to be kept.
        """
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from here on it cannot be cancelled
        self._waiting.put((action, future))
        return future

    def do(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Have an action run and wait until what it did is durable."""
        return self.ask(action).result()

    def close(self) -> None:
        """Finish what was asked for and close the connection."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self, connect: Callable[[], sqlite3.Connection], opened: Future[None]) -> None:
        try:
            connection = connect()
        except BaseException as error:  # noqa: BLE001 - whoever opened the ledger is told
            opened.set_exception(error)
            return
        opened.set_result(None)
        closing = False
        while not closing:
            group, closing = self._next()
            if group:
                _commit(connection, group)
        connection.close()

    def _next(self) -> tuple[list[tuple[_Action, Future[Any]]], bool]:
        """Wait for something to do, then take what else has come in meanwhile; True when it is the last."""
        group: list[tuple[_Action, Future[Any]]] = []
        while len(group) < _MOST:
            try:
                asked = self._waiting.get(block=not group)
            except queue.Empty:
                break
            if asked is None:
                return group, True
            group.append(asked)
        return group, False


def _commit(connection: sqlite3.Connection, group: list[tuple[_Action, Future[Any]]]) -> None:
    """Run a group in one transaction; where that fails, each on its own, so that one cannot take others down."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        results = [action(connection) for action, _ in group]
        connection.execute("COMMIT")
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if len(group) == 1:
            group[0][1].set_exception(error)
            return
        for alone in group:
            _commit(connection, [alone])
        return
    for (_, future), result in zip(group, results, strict=True):
        future.set_result(result)
