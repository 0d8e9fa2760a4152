"""Files that a reader sees whole: the old content or the new, never half of it."""

import os
import tempfile
from pathlib import Path

from builder.errors import InputError


def write_whole(path: Path, text: str, *, folders: bool = False) -> None:
    """Write a text as UTF-8, whole or not at all; a lone surrogate becomes its backslash escape.

    `folders` makes the folders that are missing on the way.

    Raises:
        InputError: if it cannot be written, with the path, the reason and the way out.
    """
    write_whole_bytes(path, text.encode("utf-8", errors="backslashreplace"), folders=folders)


def write_whole_bytes(path: Path, content: bytes, *, folders: bool = False) -> None:
    """Write bytes, whole or not at all, readable by everybody; `folders` and errors as in `write_whole`.

    Raises:
        InputError: if they cannot be written, with the path, the reason and the way out.
    """
    try:
        if folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        # A long name with a prefix and a suffix of its own might exceed what the file system takes.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
        temporary = Path(name)
        try:
            os.close(handle)
            write_flushed(temporary, content)
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        flush(path.parent)
    except OSError as problem:
        raise InputError(
            f"{path} cannot be written: {problem.strerror or problem}; make room or choose another place"
        ) from None


def write_flushed(path: Path, content: bytes) -> None:
    """Write a file in place and wait until the disk has it.

    Raises:
        OSError: if the disk refuses; what was written so far is left behind.
    """
    path.write_bytes(content)
    flush(path)


def flush(path: Path) -> None:
    """Wait until the disk has a file, or a folder's list of names.

    Raises:
        OSError: if the disk refuses.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
