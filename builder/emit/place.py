"""Putting an emission in place whole or not at all.

Everything is written and flushed to disk under `.build/emission.new`. Renaming that folder to
`.build/emission.ready` is the commit: before it the earlier emission stands untouched, after it the move into
place is finished by whoever comes next, however often it is interrupted.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.errors import InputError

PRIVATE = ".build"
# The card goes first: after the commit a hand edit of it must not be overwritten by a late move.
_PUBLISHED = ("README.md", "data", "manifest.json")


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A folder to write the new emission into: moved into place when the block ends well, else removed.

    Raises:
        InputError: if the disk refuses (full, read-only, no permission) or another emission holds the folder.
    """
    private = folder / PRIVATE
    try:
        private.mkdir(parents=True, exist_ok=True)
        with _locked(private, folder):
            _finish(folder)
            new = private / "emission.new"
            shutil.rmtree(new, ignore_errors=True)
            try:
                (new / "data").mkdir(parents=True)
                (new / PRIVATE).mkdir()
                yield new
                _flush_tree(new)
                new.rename(private / "emission.ready")
            except BaseException:
                shutil.rmtree(new, ignore_errors=True)
                raise
            _flush(private)
            _finish(folder)
    except OSError as problem:
        raise InputError(
            f"{folder} cannot be written: {problem.strerror or problem}; "
            "make room or choose another folder, then run the same command again"
        ) from problem


def finish_interrupted(folder: Path) -> bool:
    """Finish an emission that was interrupted after its commit; says whether there was one.

    Raises:
        InputError: if the disk refuses or another emission holds the folder.
    """
    if not is_interrupted(folder):
        return False
    try:
        with _locked(folder / PRIVATE, folder):
            return _finish(folder)
    except OSError as problem:
        raise InputError(f"{folder} cannot be written: {problem.strerror or problem}; make it writable") from problem


def is_interrupted(folder: Path) -> bool:
    """Whether a complete emission waits to be moved into place."""
    return (folder / PRIVATE / "emission.ready").is_dir()


def write_flushed(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it."""
    path.write_bytes(content)
    _flush(path)


def _finish(folder: Path) -> bool:
    ready = folder / PRIVATE / "emission.ready"
    if not ready.is_dir():
        return False
    unpublished = [f"{PRIVATE}/{path.name}" for path in sorted((ready / PRIVATE).glob("*"))]
    for item in (*_PUBLISHED, *unpublished):
        source, target = ready / item, folder / item
        if not source.exists():
            continue
        if target.is_dir() and not target.is_symlink():
            target.rename(ready / "old")
        source.replace(target)
        _flush(target.parent)
    shutil.rmtree(ready)
    _flush(ready.parent)
    return True


@contextmanager
def _locked(private: Path, folder: Path) -> Iterator[None]:
    # The lock is on the folder itself: it leaves no file behind and the kernel drops it with the process.
    handle = os.open(private, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(f"{folder} is being emitted by another process; wait for it to end") from None
    try:
        yield
    finally:
        os.close(handle)


def _flush_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        _flush(path)
    _flush(folder)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
