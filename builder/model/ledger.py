"""The ledger: every answer that was given, in SQLite, so that no call is ever made twice.

A call is completed when its answer is committed here. The ledger belongs to one process at a time; its lock is
the kernel's, so it ends with the process however that ends.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from builder.errors import ExemplaError, InputError, first_line
from builder.model.protocol import Outcome, Reply, Request, Usage

LEDGER_VERSION = 1


class Ledger:
    """An open ledger. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open or create the ledger at `path` and lock it.

        Raises:
            InputError: if another build holds it, it is damaged, newer than this program, or cannot be written.
        """
        self.path = path
        with _sentences(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(path.with_suffix(".lock"))
        try:
            with _sentences(path):
                self._db = sqlite3.connect(path, isolation_level=None)
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
                self._migrate()
        except ExemplaError:
            self._release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._release()

    def find(self, request: Request) -> Reply | None:
        """The completed answer to exactly this request, or None."""
        with _sentences(self.path):
            row = self._db.execute("SELECT reply FROM calls WHERE key = ?", (request.key,)).fetchone()
        return _reply(row[0]) if row else None

    def knows(self, key: str) -> bool:
        """Whether the call with this key is completed."""
        with _sentences(self.path):
            return self._db.execute("SELECT 1 FROM calls WHERE key = ?", (key,)).fetchone() is not None

    def commit(self, request: Request, reply: Reply) -> None:
        """Store an answer durably; after this the call is never sent again."""
        row = (request.key, request.stage, request.brief, request.attempt, json.dumps(asdict(reply)))
        with _sentences(self.path):
            self._db.execute(
                "INSERT OR IGNORE INTO calls (key, stage, brief, attempt, reply) VALUES (?, ?, ?, ?, ?)", row
            )

    def counts(self) -> dict[str, int]:
        """Completed calls by stage."""
        with _sentences(self.path):
            return dict(self._db.execute("SELECT stage, count(*) FROM calls GROUP BY stage ORDER BY stage").fetchall())

    def note(self, key: str, value: str | None = None) -> str | None:
        """Read a fact that the ledger keeps about its build, or store it where `value` is given."""
        with _sentences(self.path):
            if value is not None:
                self._db.execute("INSERT OR REPLACE INTO notes (key, value) VALUES (?, ?)", (key, value))
                return value
            row = self._db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def _migrate(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > LEDGER_VERSION:
            raise InputError(f"{self.path} was written by a newer exempla; update with pip install -U exempla")
        if version == 0:
            self._db.executescript(
                """BEGIN;
                CREATE TABLE calls (key TEXT PRIMARY KEY, stage TEXT NOT NULL, brief TEXT NOT NULL,
                                    attempt INTEGER NOT NULL, reply TEXT NOT NULL) WITHOUT ROWID;
                CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
                PRAGMA user_version = 1;
                COMMIT;"""
            )

    def _release(self) -> None:
        os.close(self._lock)


def _lock(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(f"another exempla build is running in {path.parent.parent}; wait for it or stop it") from None
    except OSError:
        os.close(handle)
        raise
    return handle


def _reply(stored: str) -> Reply:
    fields = json.loads(stored)
    return Reply(fields["text"], Outcome(fields["outcome"]), fields["model"], Usage(**fields["usage"]))


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """SQLite's and the file system's errors as one sentence each."""
    try:
        yield
    except sqlite3.Error as error:
        raise InputError(_advice(path, error)) from None
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; finished work is kept") from None


def _advice(path: Path, error: sqlite3.Error) -> str:
    said = first_line(error)
    rules: list[tuple[Callable[[str], bool], str]] = [
        (lambda s: "full" in s, "the disk is full; free some space and run again, finished work is kept"),
        (
            lambda s: "readonly" in s or "read-only" in s,
            "the folder is read-only; build into one you may write to",
        ),
        (
            lambda s: "not a database" in s or "malformed" in s,
            "the ledger is damaged; restore it or build anew",
        ),
        (
            lambda s: "unable to open" in s,
            "the ledger cannot be opened; check the folder's permissions and space",
        ),
        (
            lambda s: "disk I/O" in s,
            "the disk gave an error; check its space and health, finished work is kept",
        ),
    ]
    advice = next((advice for fits, advice in rules if fits(said)), said)
    return f"{path}: {advice}"
