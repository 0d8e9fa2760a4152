"""Files that a reader sees whole: the old content or the new, never half of it."""

import errno
import os
import secrets
import stat
from pathlib import Path

from builder.errors import InputError

_WAYS_OUT = {
    errno.ENOENT: "make its folder first, or choose another place",
    errno.ENOSPC: "make room or choose another place",
    errno.EDQUOT: "make room or choose another place",
}


def write_whole(path: Path, text: str, *, folders: bool = False) -> None:
    """Write a text as UTF-8, whole or not at all; a lone surrogate becomes its backslash escape.

    `folders` makes the folders that are missing on the way.

    Raises:
        InputError: if it cannot be written, with the path, the reason and the way out.
    """
    write_whole_bytes(path, text.encode("utf-8", errors="backslashreplace"), folders=folders)


def write_whole_bytes(path: Path, content: bytes, *, folders: bool = False) -> None:
    """Write bytes, whole or not at all; `folders` and errors as in `write_whole`.

    A link stays a link and what it leads to is written. A file that is there keeps its permissions; a new one gets
    those that the user's umask leaves.

    Raises:
        InputError: if they cannot be written, with the path, the reason and the way out.
    """
    try:
        if folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        target = Path(os.path.realpath(path))
        mode = _mode_of(target)
        # A long name with a prefix and a suffix of its own might exceed what the file system takes.
        temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(6)}")
        try:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            write_flushed(temporary, content)
            if mode is not None:
                temporary.chmod(mode)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        flush(target.parent)
    except OSError as problem:
        way_out = _WAYS_OUT.get(problem.errno or 0, "choose another place")
        raise InputError(f"{path} cannot be written: {problem.strerror or problem}; {way_out}") from None


def _mode_of(target: Path) -> int | None:
    """The permissions of a file that is there, None where there is none.

    Raises:
        OSError: if something is there that cannot be replaced by a file.
    """
    try:
        found = target.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found):  # a device, a pipe, or a link that leads back to itself
        raise OSError(errno.EINVAL, "it is no regular file")
    return stat.S_IMODE(found)


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
