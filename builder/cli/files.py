"""Writing results whole or not at all."""

import os
import tempfile
from pathlib import Path

from builder.errors import InputError


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old one or the new one, never half of it.

    Raises:
        InputError: if the folder cannot be written, with the reason.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another place") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}; free some space or choose another place"
        ) from None
    finally:
        Path(name).unlink(missing_ok=True)
