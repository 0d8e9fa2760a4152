"""Putting an emission in place whole or not at all.

Everything is written and flushed to disk under `.build/emission.new`. Renaming that folder to
`.build/emission.ready` is the commit: before it the earlier emission stands untouched, after it the move into
place is finished by whoever comes next, however often it is interrupted.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.emit.manifest import NAME as MANIFEST
from builder.errors import InputError
from builder.whole_file import flush

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
            flush(private)
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
        flush(target.parent)
    shutil.rmtree(ready)
    flush(ready.parent)
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
        flush(path)
    flush(folder)


def data_files(folder: Path) -> list[str]:
    """Every file under `data/`, as paths relative to the folder, sorted."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in (folder / "data").rglob("*")
        if path.is_symlink() or not path.is_dir()
    )


def refuse_foreign_data(folder: Path) -> None:
    """Make sure that `data/` holds nothing but the earlier emission.

    Raises:
        InputError: if it does, or if the earlier manifest cannot be read and so nothing tells.
    """
    found = data_files(folder)
    if not found:
        return
    known = _listed(folder / MANIFEST)
    foreign = [name for name in found if name not in known and not name.endswith("/.DS_Store")]
    if foreign:
        raise InputError(
            f"{folder / foreign[0]} is not part of this build and would be lost; "
            "move it away or emit into another folder"
        )


def _listed(manifest: Path) -> set[str]:
    """The files of a manifest of any version."""
    try:
        return set(json.loads(manifest.read_bytes())["files"])
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{manifest} cannot be read, so nothing says which files under data/ are the build's; "
            "move it and data/ away and run exempla build again"
        ) from None
