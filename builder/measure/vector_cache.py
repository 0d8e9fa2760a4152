"""Vectors kept between runs in one SQLite file. A cache: whatever goes wrong with it costs time, never a
result.
"""

import hashlib
import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FILE = "vectors-1.sqlite"
_AT_ONCE = 500
_WAIT_SECONDS = 20.0


class VectorCache:
    """Vectors by embedder, precision and text. Several processes may use one file at the same time."""

    def __init__(self, folder: Path, key: str) -> None:
        """`key` names everything but the text that a vector depends on."""
        self._path = folder / _FILE
        self._key = key

    def get(self, texts: Sequence[str], rows: NDArray[Any]) -> NDArray[np.bool_]:
        """Fill `rows` [n, d] with the vectors that are known, and say which [n]. A damaged one counts as
        unknown.
        """
        known = np.zeros(len(texts), dtype=bool)
        names = [self._name(text, rows.dtype) for text in texts]
        place = {name: row for row, name in enumerate(names)}
        size = rows.shape[1] * rows.dtype.itemsize
        with suppress(sqlite3.Error, OSError), closing(self._open()) as store:
            for start in range(0, len(names), _AT_ONCE):
                part = names[start : start + _AT_ONCE]
                marks = ",".join("?" * len(part))
                for name, check, data in store.execute(
                    f"SELECT name, crc, data FROM vectors WHERE name IN ({marks})", part
                ):
                    if isinstance(data, bytes) and len(data) == size and zlib.crc32(data) == check:
                        rows[place[name]] = np.frombuffer(data, dtype=rows.dtype)
                        known[place[name]] = True
        return known

    def put(self, texts: Sequence[str], rows: NDArray[Any]) -> None:
        """Keep vectors [n, d]. A damaged file is replaced; a folder that cannot be written is left alone."""
        data = [row.tobytes() for row in rows]
        names = [self._name(text, rows.dtype) for text in texts]
        records = [(name, zlib.crc32(one), one) for name, one in zip(names, data, strict=True)]
        for _ in range(2):
            try:
                with closing(self._open()) as store, store:
                    store.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", records)
            except sqlite3.OperationalError:
                return
            except sqlite3.DatabaseError:
                with suppress(OSError):
                    self._path.unlink(missing_ok=True)
            except OSError:
                return
            else:
                return

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        store = sqlite3.connect(self._path, timeout=_WAIT_SECONDS)
        try:
            store.execute("PRAGMA journal_mode=WAL")
            store.execute("PRAGMA synchronous=NORMAL")
            store.execute(
                "CREATE TABLE IF NOT EXISTS vectors (name BLOB PRIMARY KEY, crc INTEGER, data BLOB) WITHOUT ROWID"
            )
        except sqlite3.Error:
            store.close()
            raise
        return store

    def _name(self, text: str, kind: np.dtype[Any]) -> bytes:
        return hashlib.sha256(f"{self._key}\x00{kind.name}\x00{text}".encode("utf-8", "surrogatepass")).digest()[:20]
