"""What the ledger knows of batches: the intent before one is submitted, its id at the service, and its entries.

If the process ends between the intent and the service's answer, the intent is what tells the next run to look for the
batch at the service before it submits the same calls again.
"""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from builder.errors import ExemplaError
from builder.model.account import Account, Attempt, enter
from builder.model.ledger import Ledger
from builder.model.protocol import Request


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that is not closed; `entries` are its open attempts by the key of their request."""

    id: int
    service_id: str | None
    began: float
    size: int
    entries: dict[str, Attempt]


class Intents:
    """The ledger's table of batches."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def open(self) -> list[Batch]:
        """Batches whose results were not all taken in, oldest first."""

        def read(db: sqlite3.Connection) -> list[Batch]:
            rows = db.execute("SELECT id, service_id, began FROM batches WHERE state = 'open' ORDER BY id").fetchall()
            return [_batch(db, *row) for row in rows]

        return await self._account.do(read)

    async def intend(self, requests: Sequence[Request], amounts: Sequence[int]) -> Batch:
        """Write down a batch that is about to be submitted; its amounts were taken."""
        began = time.time()

        def write(db: sqlite3.Connection) -> Batch:
            add = "INSERT INTO batches (began, state) VALUES (?, 'open') RETURNING id"
            id_ = db.execute(add, (began,)).fetchone()[0]
            attempts = enter(db, requests, amounts, id_)
            return Batch(id_, None, began, len(attempts), {attempt.key: attempt for attempt in attempts})

        try:
            batch = await self._account.do(write)
        except ExemplaError:
            for amount in amounts:
                self._account.give_back(amount)
            raise
        self._account.totals.attempts += batch.size
        return batch

    async def submitted(self, batch: Batch, service_id: str) -> Batch:
        """Write down the service's id of a batch."""
        name = "UPDATE batches SET service_id = ? WHERE id = ?"
        await self._account.do(lambda db: db.execute(name, (service_id, batch.id)) and None)
        return Batch(batch.id, service_id, batch.began, batch.size, batch.entries)

    async def close(self, batch: Batch) -> None:
        """Nothing more is to come of a batch."""
        close = "UPDATE batches SET state = 'closed' WHERE id = ?"
        await self._account.do(lambda db: db.execute(close, (batch.id,)) and None)

    async def service_ids(self) -> set[str]:
        """The service's ids of all batches that this ledger knows."""
        read = "SELECT service_id FROM batches WHERE service_id IS NOT NULL"
        return await self._account.do(lambda db: {row[0] for row in db.execute(read)})


def has_open_batches(ledger: Ledger) -> bool:
    """Whether batches were submitted whose results were not all taken in."""
    return ledger.do(lambda db: db.execute("SELECT 1 FROM batches WHERE state = 'open'").fetchone() is not None)


def _batch(db: sqlite3.Connection, id_: int, service_id: str | None, began: float) -> Batch:
    entries = "SELECT id, key, model, reserved FROM attempts WHERE batch = ? AND state = 'open'"
    attempts = [Attempt(*row) for row in db.execute(entries, (id_,))]
    size = db.execute("SELECT count(*) FROM attempts WHERE batch = ?", (id_,)).fetchone()[0]
    return Batch(id_, service_id, began, size, {attempt.key: attempt for attempt in attempts})
