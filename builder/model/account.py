"""The account: what every request on the wire may cost and did cost, and the cap that it never passes.

A request's worst case is reserved, durably, before it is sent, and settled by what its answer says it used. Where no
answer came, the service may have done the work all the same, so the worst case stays charged. Money is in picodollars.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from builder.errors import ExemplaError, Incomplete
from builder.model.ledger import Ledger, store, stored
from builder.model.ledger_file import sentences
from builder.model.prices import Prices, dollars
from builder.model.protocol import Reply, Request, Usage

T = TypeVar("T")


@dataclass(slots=True)
class Totals:
    """Sums over all runs of a build: picodollars `known` from answers and `uncertain` where none came, and tokens.

    `reserved` is set aside for what is on the wire.
    """

    known: int = 0
    uncertain: int = 0
    reserved: int = 0
    attempts: int = 0
    read: int = 0
    written: int = 0

    @property
    def taken(self) -> int:
        """What counts against the cap."""
        return self.known + self.uncertain + self.reserved


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request on the wire: its row in the ledger, and what is reserved for it, in picodollars."""

    id: int
    key: str
    model: str
    reserved: int


class CapReached(Incomplete):
    """The next request might pass the cap, and nothing is under way that could make room."""


class Account:
    """Prices, a cap and the ledger's table of attempts. `cap` is in picodollars; None is for what costs nothing."""

    def __init__(self, ledger: Ledger, prices: Prices, cap: int | None) -> None:
        self.ledger, self._prices, self._cap = ledger, prices, cap
        self.totals = ledger.do(_resumed)
        self._open = 0
        self._earlier = ledger.do(_left_open)
        self._room = asyncio.Event()

    @property
    def under_way(self) -> bool:
        """Whether anything is on the wire or in an open batch."""
        return bool(self._open or self._earlier)

    def worst_case(self, request: Request, tokens: int, *, batch: bool = False) -> int:
        """The most that a request with at most so many tokens of input can cost."""
        return self._prices.price_of(request.model).worst_case(tokens, request.max_tokens, batch=batch)

    def take(self, amount: int) -> bool:
        """Set an amount aside, if the cap has room for it; `begin` or `give_back` follows."""
        if self._cap is not None and self.totals.taken + amount > self._cap:
            return False
        self.totals.reserved += amount
        self._open += 1
        return True

    def give_back(self, amount: int) -> None:
        """Release an amount that was set aside and not used."""
        self.totals.reserved -= amount
        self._open -= 1
        self._room.set()

    async def wait_to_take(self, amount: int) -> None:
        """Set an amount aside as soon as the cap has room for it.

        Raises:
            CapReached: if it has none, and nothing that this run has sent could make some. A batch of an earlier run
                may never be taken in by this one, whose backend may be another.
        """
        while not self.take(amount):
            if not self._open:
                raise self.cap_reached(amount)
            self._room.clear()
            await self._room.wait()

    def cap_reached(self, amount: int) -> CapReached:
        """The error that says how much is missing."""
        return CapReached(
            f"the spend cap of {_money(self._cap or 0)} is reached: {_money(self.totals.taken)} is charged and the "
            f"next call may cost up to {_money(amount)}; raise `spend: {{dollars: ...}}` in build.yaml and run again, "
            "finished work is kept"
        )

    async def begin(
        self, requests: Sequence[Request], amounts: Sequence[int], batch: int | None = None
    ) -> list[Attempt]:
        """Enter attempts whose amounts were taken; when this returns they are durable, and may be sent.

        Raises:
            InputError: if the ledger cannot be written; the amounts are then given back.
        """
        try:
            attempts = await self.do(lambda db: enter(db, requests, amounts, batch))
        except ExemplaError:
            for amount in amounts:
                self.give_back(amount)
            raise
        self.totals.attempts += len(attempts)
        return attempts

    async def answered(self, attempt: Attempt, reply: Reply, *, batch: bool = False, free: bool = False) -> None:
        """Settle an attempt by its answer, in the transaction that completes the call.

        An answer that does not say what it used is charged with the worst case, unless it is `free`.
        """
        usage = reply.usage
        price = self._prices.price_of(attempt.model)
        untold = 0 if free else attempt.reserved
        charged = untold if usage == Usage() else price.cost(usage, batch=batch)
        values = (charged, reply.outcome, usage.input, usage.output, usage.cache_read, usage.cache_write)

        def settle(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT OR IGNORE INTO calls (key, stage, brief, attempt, template, reply) "
                "SELECT key, stage, brief, attempt, template, ? FROM attempts WHERE id = ?",
                (stored(reply), attempt.id),
            )
            db.execute(
                "UPDATE attempts SET state = 'answered', charged = ?, reason = ?, input = ?, output = ?, "
                "cache_read = ?, cache_write = ?, seconds = ? - began WHERE id = ?",
                (*values, time.time(), attempt.id),
            )

        await self.do(settle)
        self.totals.known += charged
        self.totals.read += usage.read
        self.totals.written += usage.output
        self._settled(attempt)

    async def unanswered(self, attempt: Attempt, state: str, reason: str, *, charged: bool) -> None:
        """Settle an attempt that brought no answer; `charged` keeps its worst case charged."""
        cost = attempt.reserved if charged else 0

        def settle(db: sqlite3.Connection) -> None:
            close = "UPDATE attempts SET state = ?, reason = ?, charged = ?, seconds = ? - began WHERE id = ?"
            db.execute(close, (state, reason, cost, time.time(), attempt.id))

        await self.do(settle)
        self.totals.uncertain += cost
        self._settled(attempt)

    async def hopeless(self, key: str, tries: int) -> bool:
        """Whether a call has failed in two runs' attempts while others were answered, or in four runs' whatever else.

        What failed because nobody could reach the service says nothing about the call.
        """
        count = (
            "WITH failed AS (SELECT count(*) AS n, min(began) AS first FROM attempts WHERE key = ? AND state = 'fault')"
            " SELECT n, EXISTS (SELECT 1 FROM attempts WHERE state = 'answered' AND began + seconds > first)"
            " FROM failed"
        )
        failed, others = await self.do(lambda db: db.execute(count, (key,)).fetchone())
        return bool(failed >= (2 if others else 4) * tries)

    async def given_up(self, request: Request, reply: Reply) -> None:
        """Complete a call that will not be made again, without an answer."""
        await self.do(lambda db: store(db, request, reply))

    def _settled(self, attempt: Attempt) -> None:
        self._open += attempt.id in self._earlier  # which this run has not counted so far
        self._earlier.discard(attempt.id)
        self.give_back(attempt.reserved)

    async def do(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Run an action on the ledger without blocking the event loop, and wait until it is durable."""
        with sentences(self.ledger.path):
            return await asyncio.wrap_future(self.ledger.ask(action))


def enter(
    db: sqlite3.Connection, requests: Sequence[Request], amounts: Sequence[int], batch: int | None
) -> list[Attempt]:
    """Write attempts into the ledger's table, open."""
    add = (
        "INSERT INTO attempts (key, stage, brief, attempt, template, model, batch, began, reserved, state) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open') RETURNING id"
    )
    now = time.time()
    attempts = []
    for r, amount in zip(requests, amounts, strict=True):
        row = (r.key, r.stage, r.brief, r.attempt, " ".join(r.template), r.model, batch, now, amount)
        attempts.append(Attempt(db.execute(add, row).fetchone()[0], r.key, r.model, amount))
    return attempts


def _resumed(db: sqlite3.Connection) -> Totals:
    """What earlier runs left. What was on the wire when one ended stays charged; a batch goes on at the service."""
    db.execute("UPDATE attempts SET state = 'lost', charged = reserved WHERE state = 'open' AND batch IS NULL")
    row = db.execute(
        "SELECT coalesce(sum(charged) FILTER (WHERE state = 'answered'), 0),"
        " coalesce(sum(charged) FILTER (WHERE state NOT IN ('answered', 'open')), 0),"
        " coalesce(sum(reserved) FILTER (WHERE state = 'open'), 0), count(*),"
        " coalesce(sum(input + cache_read + cache_write), 0), coalesce(sum(output), 0) FROM attempts"
    ).fetchone()
    return Totals(*row)


def _left_open(db: sqlite3.Connection) -> set[int]:
    """The entries of batches that earlier runs submitted and whose results were not taken in."""
    return {row[0] for row in db.execute("SELECT id FROM attempts WHERE state = 'open'")}


def _money(amount: int) -> str:
    """Picodollars with as many of six decimals as it takes, and at least two."""
    text = f"{dollars(amount):.6f}".rstrip("0")
    whole, _, part = text.partition(".")
    return f"${whole}.{part:0<2}"
