"""Interrupted builds keep what they were told, and a change of backend between two runs does not hold one up."""

import asyncio
import threading
from pathlib import Path
from signal import SIGKILL

import pytest

from builder.model import Ledger, Outcome, Reply, Request
from builder.model.ledger import store
from tests.kills.aims import came
from tests.kills.folders import LEDGER, SAID, lay_down
from tests.kills.ledgers import read_ledger
from tests.kills.processes import Nursery, service, stop


def test_an_answer_is_kept_though_nobody_waits_for_its_commit_any_more(tmp_path: Path) -> None:
    request, reply = Request("draft", "b", 0, "m", "s", "u", 9), Reply("A text.", Outcome.COMPLETED, "m")
    disk = threading.Event()

    async def interrupted(ledger: Ledger) -> None:
        slow = ledger.ask(lambda db: disk.wait(10))
        asyncio.wrap_future(ledger.ask(lambda db: store(db, request, reply))).cancel()
        await asyncio.sleep(0)
        disk.set()
        assert await asyncio.wrap_future(slow)

    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(interrupted(ledger))
        assert ledger.find(request) == reply


@pytest.mark.slow
def test_a_batch_of_another_backend_is_taken_in_and_the_cap_holds(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    with Nursery() as nursery, service(folder, {}, batch_seconds=4) as server:
        lay_down(folder, server.url, {"backend": "anthropic-batches", "batch_minimum": 1}, 100)
        server.mark()
        running = nursery.start(folder)
        assert came(server, "batch_poll", running) and stop(running, SIGKILL) == -SIGKILL
        held = read_ledger(folder / LEDGER)
        assert held.open and held.taken == sum(attempt.reserved for attempt in held.open)

        cap = held.taken / 10**12 + 0.2
        lay_down(folder, server.url, {"backend": "anthropic"}, cap)
        running = nursery.start(folder)
        code = running.ended(60)
        if code is None:
            stop(running, SIGKILL)
    assert code in (0, 3), (folder / SAID).read_text()
    after = read_ledger(folder / LEDGER)
    assert len(after.calls) > len(held.open) and after.taken <= cap * 10**12
    assert not after.open, "the batch was taken in, and nothing of it waits any more"
