"""Which documents of a build were made for principles that have changed since."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from builder.emit.manifest import read_manifest
from builder.emit.parquet import read_shard


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
        InputError: if the folder is no emitted build, or a shard is damaged.
    """
    manifest = read_manifest(folder)
    stale: list[StaleDocument] = []
    documents = 0
    for name in sorted(manifest.files):
        _, rows = read_shard(folder / name)
        for row in rows:
            documents += 1
            hit = tuple(id_ for id_ in row.get("principles") or () if id_ in changed)
            if hit:
                stale.append(StaleDocument(str(row["id"]), str(row["family"]), hit))
    stale.sort(key=lambda document: (document.family, document.id))
    return Staleness(tuple(stale), documents, manifest.constitution.sha256)
