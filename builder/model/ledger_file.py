"""The ledger's file: its lock, its journal, its tables, and one sentence for each thing that can be wrong with it."""

import errno
import fcntl
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.errors import InputError, first_line

LEDGER_VERSION = 2

# File systems on which the shared memory of WAL does not work between machines, as /proc/mounts names them.
_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
     "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "smb3", "smbfs", "vboxsf", "virtiofs",
     "wekafs"}
)  # fmt: skip

_DAMAGED = "the ledger is damaged; restore it or build anew"
_OCTAL = re.compile(r"\\([0-7]{3})")  # how /proc/mounts writes spaces, tabs, line feeds and backslashes

_TABLES = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, stage TEXT NOT NULL, brief TEXT NOT NULL, attempt INTEGER NOT NULL, reply TEXT NOT NULL
) WITHOUT ROWID;
ALTER TABLE calls ADD COLUMN template TEXT NOT NULL DEFAULT '';
CREATE TABLE IF NOT EXISTS notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, stage TEXT NOT NULL, brief TEXT NOT NULL, attempt INTEGER NOT NULL,
    template TEXT NOT NULL, model TEXT NOT NULL,
    batch INTEGER REFERENCES batches (id), began REAL NOT NULL, seconds REAL,
    reserved INTEGER NOT NULL, charged INTEGER, state TEXT NOT NULL, reason TEXT,
    input INTEGER, output INTEGER, cache_read INTEGER, cache_write INTEGER
);
CREATE INDEX attempts_by_state ON attempts (state);
CREATE INDEX attempts_by_key ON attempts (key);
CREATE TABLE batches (id INTEGER PRIMARY KEY, service_id TEXT UNIQUE, began REAL NOT NULL, state TEXT NOT NULL);
"""


def lock(path: Path) -> int:
    """Lock the ledger at `path` for this process; the kernel ends the lock with the process, however that ends.

    Raises:
        InputError: if another process holds it.
        OSError: if the lock file cannot be made.
    """
    handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(f"another exempla is at work in {path.parent}; wait for it or stop it") from None
    except OSError:
        os.close(handle)
        raise
    return handle


def connect(path: Path) -> sqlite3.Connection:
    """Open or create the database, durable at every commit, and bring an older one up to date.

    Raises:
        InputError: if it was written by a newer exempla, or by another program.
        sqlite3.Error: if it cannot be opened.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > LEDGER_VERSION:
            raise InputError(f"{path} was written by a newer exempla; update with pip install -U exempla")
        if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise InputError(f"{path} is no ledger of exempla; move it away, or build into another folder")
        connection.execute(f"PRAGMA journal_mode={'DELETE' if on_network(path.parent) else 'WAL'}")
        connection.execute("PRAGMA synchronous=FULL")
        (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if sound != "ok":
            raise sqlite3.DatabaseError("malformed")
        if version < LEDGER_VERSION:
            connection.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {LEDGER_VERSION};COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def on_network(folder: Path, mounts: Path = Path("/proc/mounts")) -> bool:
    """Whether a folder lies on a network file system, as far as the system says; False where it says nothing."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    place = str(folder.resolve())
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _OCTAL.sub(lambda code: chr(int(code[1], 8)), fields[1])
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # of two mounts on one point the later one hides the earlier
            best, kind = point, fields[2]
    return kind in _NETWORK


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """SQLite's and the file system's errors as one sentence each."""
    try:
        yield
    except sqlite3.Error as error:
        raise InputError(_advice(path, error)) from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        mend = "the disk is full; free some space and run again" if full else f"cannot be written: {error.strerror}"
        raise InputError(f"{path}: {mend}; finished work is kept") from None


def damaged(path: Path) -> InputError:
    """The error for a ledger that holds what no exempla wrote."""
    return InputError(f"{path}: {_DAMAGED}")


def _advice(path: Path, error: sqlite3.Error) -> str:
    said = first_line(error)
    rules: list[tuple[Callable[[str], bool], str]] = [
        (lambda s: "full" in s, "the disk is full; free some space and run again, finished work is kept"),
        (lambda s: "readonly" in s or "read-only" in s, "the folder is read-only; build into one you may write to"),
        (lambda s: any(sign in s for sign in ("not a database", "malformed", "unsupported file format")), _DAMAGED),
        (
            lambda s: "unable to open" in s,
            "the ledger cannot be opened; check the folder's permissions and space",
        ),
        (lambda s: "disk I/O" in s, "the disk gave an error; check its space and health, finished work is kept"),
        (lambda s: "locked" in s, "another program has the ledger open; close it and run again"),
    ]
    advice = next((advice for fits, advice in rules if fits(said)), said)
    return f"{path}: {advice}"
