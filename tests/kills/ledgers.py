"""What a ledger holds at one moment, read from a copy of its files so that nothing mends them before the next writer."""

import json
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Attempt:
    """A row of the table of attempts."""

    id: int
    key: str
    model: str
    state: str
    reserved: int
    charged: int | None
    batch: int | None


@dataclass(frozen=True)
class Held:
    """A ledger's completed calls by key, as they are stored, with its attempts by id and its batches."""

    calls: dict[str, tuple[Any, ...]]
    attempts: dict[int, Attempt]
    batches: dict[int, tuple[str | None, str]]

    @property
    def open(self) -> list[Attempt]:
        """What was on the wire or in a batch."""
        return [attempt for attempt in self.attempts.values() if attempt.state == "open"]

    @property
    def taken(self) -> int:
        """What counts against the cap, in picodollars."""
        return sum(a.reserved if a.state == "open" else a.charged or 0 for a in self.attempts.values())

    def by_key(self) -> dict[str, list[Attempt]]:
        """The attempts at each call."""
        grouped = defaultdict(list)
        for attempt in self.attempts.values():
            grouped[attempt.key].append(attempt)
        return grouped

    def texts(self) -> dict[tuple[Any, ...], tuple[str, str, str]]:
        """Text, outcome and model of each call by brief, stage, attempt and key. What the cache saved is no text."""
        replies = {call: json.loads(call[-1]) for call in self.calls.values()}
        return {call[:-1]: (reply["text"], reply["outcome"], reply["model"]) for call, reply in replies.items()}


def read_ledger(ledger: Path) -> Held:
    """The ledger of a process that has ended, however it did; an empty one where there is none yet."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / ledger.name
        for path in (ledger, ledger.with_name(f"{ledger.name}-wal"), ledger.with_name(f"{ledger.name}-journal")):
            if path.exists():
                shutil.copy(path, copy.with_name(path.name))
        connection = sqlite3.connect(copy)
        try:
            return _read(connection)
        finally:
            connection.close()


def _read(db: sqlite3.Connection) -> Held:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if not version:
        return Held({}, {}, {})
    calls = db.execute("SELECT brief, stage, attempt, key, template, reply FROM calls").fetchall()
    attempts = db.execute("SELECT id, key, model, state, reserved, charged, batch FROM attempts").fetchall()
    batches = db.execute("SELECT id, service_id, state FROM batches").fetchall()
    return Held(
        {call[3]: call for call in calls},
        {row[0]: Attempt(*row) for row in attempts},
        {id_: (service_id, state) for id_, service_id, state in batches},
    )
