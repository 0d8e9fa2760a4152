"""Checking an emitted folder against its manifest, and every string in it against what must not be there."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.emit.card import facts_in, front_matter, read_card
from builder.emit.counts import disagreements
from builder.emit.manifest import Manifest, read_manifest
from builder.emit.parquet import read_shard
from builder.emit.place import data_files, is_interrupted
from builder.emit.row_checks import Problems, RowChecks
from builder.errors import InputError
from builder.hashing import sha256_file, sha256_text
from builder.injected import InjectedScan

_SHARD = re.compile(r"data/([a-z0-9][a-z0-9_-]*)/train-\d{5}-of-\d{5}\.parquet")


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict: `ok` when there are no problems; `checked` and `not_run` say what that rests on."""

    ok: bool
    problems: list[str]
    checked: list[str]
    not_run: list[str]


def verify(
    folder: Path,
    eval_hashes: Mapping[str, Callable[[str], bool]] | None = None,
    injected: Sequence[str] = (),
) -> Verification:
    """Check an emitted folder; nothing is written.

    `eval_hashes` maps an eval's name to a function that says whether a text holds eval text; `injected` are
    the prompts that must have been stripped. Every string of every row goes through both.

    Raises:
        InputError: if the folder is no emitted build, if an emission into it was cut off halfway into place,
            or if a shard is damaged.
    """
    folder, evals, scan = Path(folder), dict(eval_hashes or {}), InjectedScan(injected)
    if is_interrupted(folder):
        raise InputError(f"an emission into {folder} was cut off halfway into place; run exempla build again")
    manifest = read_manifest(folder)
    problems = Problems()
    shards = _check_files(folder, manifest, problems)
    _check_rows(folder, manifest, shards, RowChecks(problems, evals, scan), problems)
    _check_counts(manifest, problems)
    _check_private(folder, manifest, problems)
    _check_card(folder, manifest, problems)
    checked, not_run = _scope(folder, manifest, evals, bool(scan))
    return Verification(not problems, problems.sentences(), checked, not_run)


def _check_files(folder: Path, manifest: Manifest, problems: Problems) -> list[tuple[str, str]]:
    """Compare the files under data/ with the manifest; returns (file, family) of those that can be read."""
    there, shards = set(data_files(folder)), []
    for name, fact in sorted(manifest.files.items()):
        found = _SHARD.fullmatch(name)
        if not found:
            problems.add("files", f"the manifest lists {name}, which is no shard of this layout")
        elif name not in there:
            problems.add("files", f"{name} is missing")
        else:
            shards.append((name, found.group(1)))
            if _sha256(folder / name) != fact.sha256:
                problems.add("files", f"{name} is not the file that was emitted: its sha256 differs")
    for name in sorted(there - set(manifest.files)):
        problems.add("files", f"{name} is not listed in the manifest")
    return shards


def _check_rows(
    folder: Path, manifest: Manifest, shards: list[tuple[str, str]], checks: RowChecks, problems: Problems
) -> None:
    for name, family in shards:
        fact = manifest.corpus.families.get(family)
        layout, rows = read_shard(folder / name)
        if layout is None or (fact is not None and layout != fact.layout):
            problems.add("schema", f"{name} does not have the columns of its family")
            continue
        count = checks.take(name, family, layout, rows)
        if count != manifest.files[name].rows:
            problems.add("rows", f"{name} has {count} rows, the manifest says {manifest.files[name].rows}")
    checks.report_repeated_ids()
    for what, listed, found in _differences("", manifest.corpus.model_dump(), checks.holdings()):
        problems.add("holdings", f"{what}: the manifest says {listed}, the data have {found}")


def _differences(place: str, listed: Any, found: Any) -> list[tuple[str, Any, Any]]:  # noqa: ANN401 - JSON
    if isinstance(listed, dict) and isinstance(found, dict):
        keys = sorted({*listed, *found}, key=str)
        pairs = [(f"{place}.{key}" if place else str(key), listed.get(key), found.get(key)) for key in keys]
        return [difference for pair in pairs for difference in _differences(*pair)]
    if listed == found:
        return []
    return [(place, "nothing" if listed is None else listed, "nothing" if found is None else found)]


def _check_counts(manifest: Manifest, problems: Problems) -> None:
    rejected: Counter[str] = Counter()
    for entry in manifest.rejected:
        rejected[entry.stage] += entry.count
    counts = [(stage, count.counts()) for stage, count in manifest.staged()]
    for sentence in disagreements(counts, rejected, manifest.planned, manifest.corpus.documents):
        problems.add("counts", sentence)


def _check_private(folder: Path, manifest: Manifest, problems: Problems) -> None:
    for name, fact in manifest.private.items():
        path = folder / name
        if ".." not in path.parts and path.is_file() and _sha256(path) != fact.sha256:
            problems.add("private files", f"{name} is not the file that was emitted: its sha256 differs")


def _check_card(folder: Path, manifest: Manifest, problems: Problems) -> None:
    card = read_card(folder)
    if card is None:
        problems.add("card", "README.md is missing")
        return
    try:
        facts, front = facts_in(card), front_matter(card)
    except InputError as problem:
        problems.add("card", str(problem))
        return
    if facts is None or sha256_text(facts) != manifest.facts_sha256:
        problems.add("card", "the facts between the markers of README.md are not those that were emitted")
    loaded: set[str] = set()
    for family, pattern in _configured(front):
        matched = {path.relative_to(folder).as_posix() for path in _glob(folder, pattern)}
        loaded |= matched
        if not matched:
            problems.add("card", f"README.md names {pattern}, which matches no file")
        elif {name.split("/")[1] for name in matched if name.count("/") > 1} != {family}:
            problems.add("card", f"README.md loads files of another family as {family}: {pattern}")
    for name in sorted(set(manifest.files) - loaded):
        problems.add("card", f"README.md has no config that loads {name}")


def _configured(front: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(config, path or pattern) for every data file of the front matter, in the forms `datasets` reads."""
    pairs: list[tuple[str, str]] = []
    configs = front.get("configs")
    for config in configs if isinstance(configs, list) else []:
        if not isinstance(config, dict):
            continue
        entries = config.get("data_files")
        for entry in entries if isinstance(entries, list) else [entries]:
            path = entry.get("path") if isinstance(entry, dict) else entry
            paths = path if isinstance(path, list) else [path]
            pairs += [(str(config.get("config_name")), one) for one in paths if isinstance(one, str)]
    return pairs


def _glob(folder: Path, pattern: str) -> list[Path]:
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        return []
    return [path for path in folder.glob(pattern) if path.is_file()]


def _scope(
    folder: Path, manifest: Manifest, evals: Mapping[str, Callable[[str], bool]], injected: bool
) -> tuple[list[str], list[str]]:
    checked = [
        f"{len(manifest.files)} files under data/ against the manifest's sha256",
        f"{manifest.corpus.documents} rows: schema, unique content ids, documents and tokens per family",
        "counts of every stage",
        "the card's facts and the files it names",
        *(f"every column for text of {name}" for name in evals),
    ]
    not_run = [
        f"every column for text of {entry.name}: this eval was not given"
        for entry in manifest.evals
        if entry.name not in evals
    ]
    if not manifest.evals and not evals:
        not_run.append("every column for eval text: the build names no eval and none was given")
    if injected:
        checked.append("every column for injected prompts")
    else:
        not_run.append("every column for injected prompts: none was given")
    for name in manifest.private:
        present = (folder / name).is_file()
        (checked if present else not_run).append(name if present else f"{name}: not here, it is never published")
    not_run.append("token counts of single documents: the tokenizer is not loaded; their sums are checked")
    return checked, not_run


def _sha256(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from None
