"""Which documents of a build were made for principles that have changed since."""

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from builder.emit.manifest import read_manifest
from builder.emit.parquet import read_shard
from builder.errors import InputError


@dataclass(frozen=True, slots=True)
class StaleDocument:
    """A document and those of its principles that changed."""

    id: str
    family: str
    principles: tuple[str, ...]

    def json(self) -> dict[str, object]:
        """The document as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Staleness:
    """A build's documents, how many there are, and the hash of the constitution they were made from."""

    stale: tuple[StaleDocument, ...]
    documents: int
    constitution_sha256: str


def stale_documents(folder: Path, changed: Collection[str]) -> Staleness:
    """The documents of an emitted build whose `principles` hold one of the changed ids, by family and id.

    Raises:
        InputError: if the folder is no emitted build, or a shard is missing, damaged or of another version.
    """
    manifest = read_manifest(folder)
    stale: list[StaleDocument] = []
    documents = 0
    for name in sorted(manifest.files):
        for row in _rows(folder / name):
            documents += 1
            hit = tuple(id_ for id_ in row["principles"] or () if id_ in changed)
            if hit:
                stale.append(StaleDocument(str(row["id"]), str(row["family"]), hit))
    stale.sort(key=lambda document: (document.family, document.id))
    return Staleness(tuple(stale), documents, manifest.constitution.sha256)


def _rows(shard: Path) -> Iterator[dict[str, Any]]:
    if not shard.is_file():
        raise InputError(f"{shard} is missing, though the manifest lists it; restore it or run exempla build again")
    layout, rows = read_shard(shard)
    if layout is None:  # nothing tells then which documents are stale
        raise InputError(f"{shard} has other columns than this version writes; run exempla build again")
    return rows
