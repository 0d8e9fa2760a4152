"""Reading a text that somebody wrote: bounded, as UTF-8, and with a sentence for everything that is none."""

import re
import stat
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import InputError, nearest

SIZE_LIMIT = 4_000_000
_SIGNATURES = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a zip archive, such as a .docx, .odt or .epub",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"{\\rtf": "an RTF document",
}
_SPECIAL = {stat.S_IFIFO: "a named pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file: 1-based line and column, and a sentence without them."""

    path: Path
    line: int
    column: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.sentence}"


class InvalidFile(InputError):
    """A file that does not say what it should; `problems` holds every one found, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - 1
        tail = f" (and {more} more {'problem' if more == 1 else 'problems'})" if more else ""
        super().__init__(f"{self.problems[0]}{tail}")


class Lines:
    """Where the lines of a text begin, as editors count them: only a line feed ends one."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def at(self, index: int) -> tuple[int, int]:
        """Line and column, both from 1, of the character at an index."""
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1


def read_text(path: Path, limit: int = SIZE_LIMIT) -> str:
    """A UTF-8 text file, without byte order marks and with line feeds alone.

    Raises:
        InputError: if it is missing, no file, unreadable, another program's document or larger than `limit` bytes.
        InvalidFile: if it is not UTF-8, naming the line and column of the first bad byte.
    """
    raw = _read(path, limit)
    kind = next((kind for signature, kind in _SIGNATURES.items() if raw.startswith(signature)), None)
    if kind:
        raise InputError(f"{path} is {kind}, whatever its name; save its text as UTF-8, say as Markdown, and name that")
    if _is_utf_16(raw):
        raise InvalidFile([Problem(path, 1, 1, "the file seems to be UTF-16; save it as UTF-8")])
    try:
        return raw.decode("utf-8-sig").lstrip("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        sentence = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise InvalidFile([Problem(path, line, column, sentence)]) from None


def _refuse_special(path: Path) -> None:
    """Say no to a folder and to what has no end; a pipe that somebody opened already, as in `<(...)`, may be read.

    Raises:
        InputError: if it is no file.
        OSError: if it does not exist or cannot be looked at.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a folder; name a file in it")
    opened = stat.S_ISFIFO(mode) and str(path).startswith(("/dev/", "/proc/"))
    if not stat.S_ISREG(mode) and not opened:
        raise InputError(f"{path} is {_SPECIAL.get(stat.S_IFMT(mode), 'no file')}; name a file")


def _read(path: Path, limit: int) -> bytes:
    try:
        _refuse_special(path)
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist{_beside(path)}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > limit:
        raise InputError(f"{path} is larger than {limit / 1e6:.0f} MB, too large for a file written by hand; split it")
    return raw


def _beside(path: Path) -> str:
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    return nearest(path.name, siblings)


def _is_utf_16(raw: bytes) -> bool:
    """By its mark or, without one, because in most scripts every second byte of it is zero."""
    start = raw[:400]
    zeros = max(start[odd::2].count(0) for odd in (0, 1))
    return start[:2] in (b"\xff\xfe", b"\xfe\xff") or (len(start) >= 4 and zeros > 0.4 * len(start))
