"""When to kill: each aim waits for its moment and says whether the process lived to see it."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

from tests.kills.folders import LEDGER
from tests.kills.processes import Running, Service

# Given a build's folder, the server and the process.
Aim = Callable[[Path, Service, Running], bool]


def anywhere(random: Random, longest: float) -> Aim:
    """Some time after the process began."""
    delay = random.uniform(0, longest)
    return lambda folder, server, running: running.ended(delay) is None


def in_flight(random: Random, longest: float, latency: float) -> Aim:
    """Some time after the first request of this run came in, while the next one is answered."""
    delay, later = random.uniform(0, longest), random.uniform(0, latency)

    def aim(folder: Path, server: Service, running: Running) -> bool:
        if not came(server, "message", running) or running.ended(delay) is not None:
            return False
        server.mark()
        return came(server, "message", running) and running.ended(later) is None

    return aim


def at_the_end(calls: int, delay: float) -> Aim:
    """Some time after the last of so many calls was completed, or while the corpus is written if that comes first."""

    def aim(folder: Path, server: Service, running: Running) -> bool:
        late = float("inf")  # for a build that had all its answers before
        while _number(folder, "SELECT count(*) FROM calls") < calls:
            if running.ended(0.01) is not None:
                return False
            late = time.monotonic() + delay
        while running.ended(0.001) is None:
            if time.monotonic() > late or any((folder / ".build").glob("emission.*")):
                return True
        return False

    return aim


def never(folder: Path, server: Service, running: Running) -> bool:
    """Not at all."""
    return False


def batch_aims(random: Random) -> Sequence[Aim]:
    """Anywhere, after an intent, after the service took a batch, while results are read: each after a short while."""
    whiles = [random.uniform(0, longest) for longest in (0.04, 0.0, 0.04)]

    def results(folder: Path, server: Service, running: Running) -> bool:
        return came(server, "batch_results", running) and running.ended(whiles[2]) is None

    return (
        anywhere(random, 2.0),
        lambda folder, server, running: _intended(folder, running) and running.ended(whiles[0]) is None,
        lambda folder, server, running: came(server, "batch_create", running),
        results,
    )


def came(server: Service, kind: str, running: Running) -> bool:
    """Whether the process lives to see a request of this kind come in."""
    while running.ended(0.0005) is None:
        if server.came(kind):
            return True
    return False


def _intended(folder: Path, running: Running) -> bool:
    """Whether the process lives to write down a batch that it is about to submit."""
    began = time.time()
    while running.ended(0.001) is None:
        if _number(folder, f"SELECT count(*) FROM batches WHERE service_id IS NULL AND began > {began}"):
            return True
    return False


def _number(folder: Path, query: str) -> int:
    """A number from the ledger of a build that is running."""
    try:
        with closing(sqlite3.connect(f"file:{folder / LEDGER}?mode=ro", uri=True)) as db:
            return int(db.execute(query).fetchone()[0])
    except sqlite3.OperationalError:  # it is not made yet
        return 0
