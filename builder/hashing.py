"""Content hashes and the randomness keyed by them: nothing depends on order, time or PYTHONHASHSEED."""

import hashlib
import json
from pathlib import Path
from random import Random


def canonical_json(value: object) -> str:
    """JSON with sorted keys, no spaces and raw Unicode: equal values give equal strings."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def sha256_text(text: str) -> str:
    """The hex sha256 of a text's UTF-8 bytes (lone surrogates are kept as they are)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def sha256_bytes(data: bytes) -> str:
    """The hex sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """The hex sha256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_id(value: object, length: int = 16) -> str:
    """A short id from a value's canonical JSON; 16 hex digits keep a collision in 10^6 under 10^-7."""
    return sha256_text(canonical_json(value))[:length]


def keyed(*key: object) -> Random:
    """A random generator that depends on its key alone."""
    return Random(int(sha256_text(canonical_json([str(part) for part in key]))[:16], 16))


def rank_key(*key: object) -> str:
    """A value to sort by when the order should look random and yet be the same everywhere."""
    return sha256_text(canonical_json([str(part) for part in key]))
