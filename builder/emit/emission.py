"""Emission: a finished build becomes a folder that others can load, check and publish."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.emit.card import NAME as CARD
from builder.emit.card import new_card, read_card
from builder.emit.card_facts import facts_text
from builder.emit.counts import Holdings, disagreements, rejected_twice
from builder.emit.manifest import NAME as MANIFEST
from builder.emit.manifest import BuildFacts, OutputFact, make_manifest
from builder.emit.parquet import cut, write_shard
from builder.emit.place import PRIVATE, finish_interrupted, refuse_foreign_data, staged
from builder.emit.rows import BrokenBuild, layout_of, row_of, size_of
from builder.emit.scan import find_injected
from builder.errors import InputError
from builder.hashing import canonical_json, sha256_file, sha256_text
from builder.injected import InjectedScan
from builder.records import Document, Rejection
from builder.whole_file import write_flushed

REJECTED = f"{PRIVATE}/rejected.jsonl"
_FREE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TAKEN = ("rejected.jsonl", "exchange")


@dataclass(frozen=True, slots=True)
class Emitted:
    """What was written: the files, and the manifest's values."""

    files: tuple[Path, ...]
    manifest: dict[str, Any]


def emit(
    folder: Path,
    documents: Sequence[Document],
    rejections: Sequence[Rejection],
    facts: BuildFacts,
    injected: Sequence[str] = (),
    private: Mapping[str, bytes] | None = None,
) -> Emitted:
    """Write shards, manifest, card and rejections into a build's folder, all of them or none.

    The bytes depend on the arguments and the earlier card alone, not on the order of the documents. An
    earlier emission in the folder stays whole until this one is complete on disk. `injected` are prompts that
    a model was given and that were stripped: eight consecutive words of one, in any column, refuse the
    emission. `private` are further files, by name, for `.build/`, which is never published; the manifest has
    their hashes.

    Raises:
        InputError: if the folder cannot be written, holds data that is not the build's or a card that cannot
            be read; if a document holds injected words or cannot be stored as UTF-8.
        BrokenBuild: if the counts do not reconcile, a document contradicts itself or a private name is not free.
    """
    folder = Path(folder)
    documents = sorted(documents, key=lambda document: document.id)
    _check_whole(documents, rejections, facts)
    _check_names(private or {})
    layouts = _layouts(documents)
    holdings, sizes = Holdings(), dict[str, list[int]]()
    scan = InjectedScan(injected)
    for document in documents:
        row = row_of(document)
        _refuse_injected(scan, document, row)
        holdings.add(row, layouts[document.family])
        sizes.setdefault(document.family, []).append(size_of(row))

    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} cannot be written: it is a file; choose another folder")
    finish_interrupted(folder)
    refuse_foreign_data(folder)
    earlier = read_card(folder)
    with staged(folder) as new:
        files: dict[str, OutputFact] = {}
        for family in sorted(layouts):
            rows = [document for document in documents if document.family == family]
            files |= _write_family(new, family, layouts[family], rows, cut(sizes[family]))
        unpublished = {REJECTED: _write_rejections(new, rejections)}
        for name, content in sorted((private or {}).items()):
            write_flushed(new / PRIVATE / name, content)
            lines = content.count(b"\n") if name.endswith(".jsonl") else None
            unpublished[f"{PRIVATE}/{name}"] = _output(new / PRIVATE / name, lines)
        manifest = make_manifest(facts, holdings.json(), rejections, files, unpublished)
        text = facts_text(manifest)
        card = new_card(earlier, facts.name, sorted(layouts), len(documents), text)
        manifest = manifest.model_copy(update={"facts_sha256": sha256_text(text)})
        write_flushed(new / MANIFEST, manifest.encoded())
        write_flushed(new / CARD, card.encode("utf-8", "backslashreplace"))
    written = (CARD, MANIFEST, *files, *unpublished)
    return Emitted(tuple(folder / name for name in written), manifest.json_values())


def _check_whole(documents: Sequence[Document], rejections: Sequence[Rejection], facts: BuildFacts) -> None:
    rejected = Counter(rejection.stage for rejection in rejections)
    wrong = disagreements(list(facts.counts.items()), rejected, facts.planned, len(documents))
    twice = rejected_twice(rejections)
    if twice:
        wrong.append(f"brief {twice[0]} is rejected more than once")
    both = {document.brief for document in documents} & {rejection.brief for rejection in rejections}
    if both:
        wrong.append(f"brief {min(both)} is kept and rejected")
    ids = Counter(document.id for document in documents)
    wrong += [f"document {name} is there {count} times" for name, count in sorted(ids.items()) if count > 1]
    if wrong:
        raise BrokenBuild(f"the build {facts.name} does not add up: {wrong[0]}")


def _check_names(private: Mapping[str, bytes]) -> None:
    for name in private:
        if not _FREE_NAME.fullmatch(name) or name in _TAKEN or name.startswith(("ledger.", "emission.")):
            raise BrokenBuild(f"a private file cannot be named {name!r}; give it a plain file name of its own")


def _layouts(documents: Sequence[Document]) -> dict[str, str]:
    layouts: dict[str, str] = {}
    for document in documents:
        layout = layouts.setdefault(document.family, layout_of(document))
        if layout != layout_of(document):
            raise BrokenBuild(f"the family {document.family} mixes texts and dialogues, see document {document.id}")
    return layouts


def _refuse_injected(scan: InjectedScan, document: Document, row: dict[str, Any]) -> None:
    found = find_injected(scan, row)
    if found:
        place, words = found
        raise InputError(
            f"document {document.id} ({document.family}) holds words of an injected prompt in {place} "
            f"('{words}'); strip the prompt from it before emitting"
        )


def _write_family(
    new: Path, family: str, layout: str, documents: Sequence[Document], shards: Sequence[int]
) -> dict[str, OutputFact]:
    files, start = {}, 0
    (new / "data" / family).mkdir()
    for index, rows in enumerate(shards):
        name = f"data/{family}/train-{index:05d}-of-{len(shards):05d}.parquet"
        write_shard(new / name, [row_of(document) for document in documents[start : start + rows]], layout)
        files[name] = _output(new / name, rows)
        start += rows
    return files


def _write_rejections(new: Path, rejections: Sequence[Rejection]) -> OutputFact:
    ordered = sorted(rejections, key=lambda r: (r.id, r.brief, r.stage, r.reason))
    # A model may have sent half a surrogate pair; here it is kept, as its JSON escape.
    lines = [canonical_json(rejection.json()).encode("utf-8", "backslashreplace") + b"\n" for rejection in ordered]
    write_flushed(new / REJECTED, b"".join(lines))
    return _output(new / REJECTED, len(lines))


def _output(path: Path, rows: int | None) -> OutputFact:
    return OutputFact(sha256=sha256_file(path), rows=rows, bytes=path.stat().st_size)
