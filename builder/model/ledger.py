"""The ledger: every answer that was given, in SQLite, so that no call is ever made twice.

A call is completed when its answer is committed here. The ledger belongs to one process at a time; its lock is
the kernel's, so it ends with the process however that ends.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from builder.errors import ExemplaError
from builder.model.commits import Commits
from builder.model.ledger_file import connect, damaged, lock, sentences
from builder.model.protocol import Outcome, Reply, Request, Usage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A completed call as a recording keeps it; `template` is the prompt's file and its sha256."""

    stage: str
    brief: str
    attempt: int
    key: str
    template: tuple[str, str]
    reply: Reply


class Ledger:
    """An open ledger. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open or create the ledger at `path` and lock it.

        Raises:
            InputError: if another build holds it, it is damaged, newer than this program, or cannot be written.
        """
        self.path = path
        with sentences(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = lock(path)
        try:
            with sentences(path):
                self._commits = Commits(lambda: connect(path))
        except ExemplaError:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._commits.close()
        os.close(self._lock)

    def do(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Run an action on the database and wait until it is durable."""
        with sentences(self.path):
            return self._commits.do(action)

    def ask(self, action: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """Run an action on the database together with others; await the future through `sentences`."""
        return self._commits.ask(action)

    def find(self, request: Request) -> Reply | None:
        """The completed answer to exactly this request, or None."""
        return self.find_all([request])[0]

    def find_all(self, requests: Sequence[Request]) -> list[Reply | None]:
        """The completed answer to each of these requests, or None."""
        keys = [request.key for request in requests]

        def read(db: sqlite3.Connection) -> list[str | None]:
            rows = (db.execute("SELECT reply FROM calls WHERE key = ?", (key,)).fetchone() for key in keys)
            return [row[0] if row else None for row in rows]

        return [self._reply(text) if text else None for text in self.do(read)]

    def knows(self, key: str) -> bool:
        """Whether the call with this key is completed."""
        return self.do(lambda db: db.execute("SELECT 1 FROM calls WHERE key = ?", (key,)).fetchone() is not None)

    def commit(self, request: Request, reply: Reply) -> None:
        """Store an answer durably; after this the call is never sent again."""
        self.do(lambda db: store(db, request, reply))

    def counts(self) -> dict[str, int]:
        """Completed calls by stage."""
        grouped = "SELECT stage, count(*) FROM calls GROUP BY stage ORDER BY stage"
        return self.do(lambda db: dict(db.execute(grouped).fetchall()))

    def calls(self) -> list[Call]:
        """Every completed call, by brief, stage and attempt."""
        columns = "SELECT stage, brief, attempt, key, template, reply FROM calls ORDER BY brief, stage, attempt, key"
        rows = self.do(lambda db: db.execute(columns).fetchall())
        return [
            Call(stage, brief, attempt, key, _template(template), self._reply(reply))
            for stage, brief, attempt, key, template, reply in rows
        ]

    def _reply(self, text: str) -> Reply:
        """A reply as the table keeps it.

        Raises:
            InputError: if it is none.
        """
        try:
            return reply_from(text)
        except (ValueError, KeyError, TypeError):
            raise damaged(self.path) from None

    def note(self, key: str, value: str | None = None) -> str | None:
        """Read a fact that the ledger keeps about its build, or store it where `value` is given."""
        if value is not None:
            self.note_all({key: value})
            return value
        row = self.do(lambda db: db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone())
        return row[0] if row else None

    def note_all(self, notes: Mapping[str, str]) -> None:
        """Store several facts, all of them or none."""
        rows = list(notes.items())
        self.do(lambda db: db.executemany("INSERT OR REPLACE INTO notes (key, value) VALUES (?, ?)", rows) and None)


def store(db: sqlite3.Connection, request: Request, reply: Reply) -> None:
    """Put an answer into the ledger's table of completed calls, if it is not there yet."""
    row = (request.key, request.stage, request.brief, request.attempt, stored(reply), " ".join(request.template))
    db.execute(
        "INSERT OR IGNORE INTO calls (key, stage, brief, attempt, reply, template) VALUES (?, ?, ?, ?, ?, ?)", row
    )


def stored(reply: Reply) -> str:
    """A reply as the table keeps it. Who refused before it follows from the refusals, which are calls of their own."""
    fields = asdict(reply)
    del fields["refused_by"]
    if reply.template is None:
        del fields["template"]
    return json.dumps(fields)


def reply_from(text: str) -> Reply:
    """A reply from what `stored` made of it."""
    fields = json.loads(text)
    given = fields.get("template")
    template = (str(given[0]), str(given[1])) if given else None
    usage = Usage(**fields["usage"])
    return Reply(fields["text"], Outcome(fields["outcome"]), fields["model"], usage, template=template)


def _template(text: str) -> tuple[str, str]:
    name, _, sha256 = text.rpartition(" ")
    return name, sha256
