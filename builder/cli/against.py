"""What `exempla check --against` says: two versions of a constitution, and what the change makes stale."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from builder.constitution import Comparison, Constitution
    from builder.emit import Staleness


def against(new: "Constitution", old_file: Path, build: Path | None) -> tuple[dict[str, Any], list[str]]:
    """The comparison with an older version, as facts for JSON and as lines to read.

    Raises:
        InputError: if the older version or the build cannot be read.
    """
    from builder.constitution import compare, load_constitution

    old = load_constitution(old_file)
    found = compare(old, new)
    facts: dict[str, Any] = {
        "old": str(old_file),
        "added": list(found.added),
        "removed": list(found.removed),
        "reworded": list(found.reworded),
        "renamed": [list(pair) for pair in found.renamed],
        "charter": list(found.charter),
    }
    lines = _changes(found, old_file)
    if build is not None:
        from builder.emit import stale_documents

        staleness = stale_documents(build, found.stale)
        facts["build"] = {
            "folder": str(build),
            "documents": staleness.documents,
            "made_from_old": staleness.constitution_sha256 == old.sha256,
            "stale": [document.json() for document in staleness.stale],
        }
        lines += _stale(staleness, build, old, old_file)
        if found.charter and staleness.documents:
            lines.append(f"{build}: all its documents were written with the old {' and '.join(found.charter)} in view")
    return facts, lines


def _changes(found: "Comparison", old_file: Path) -> list[str]:
    gone, come = {old for old, _ in found.renamed}, {new for _, new in found.renamed}
    changes = {
        "added": [id_ for id_ in found.added if id_ not in come],
        "removed": [id_ for id_ in found.removed if id_ not in gone],
        "reworded": list(found.reworded),
        "renamed": [f"{old} to {new}" for old, new in found.renamed],
    }
    lines = [f"{what}: {', '.join(ids)}" for what, ids in changes.items() if ids]
    lines = [f"against {old_file}:", *lines] if lines else [f"against {old_file}: no principle changed"]
    if found.charter:
        lines.append(f"changed in what every writer is shown: {', '.join(found.charter)}")
    return lines


def _stale(staleness: "Staleness", build: Path, old: "Constitution", old_file: Path) -> list[str]:
    lines = [f"{build}: {len(staleness.stale)} of {staleness.documents} documents are stale"]
    lines += [f"  {document.family} {document.id}: {', '.join(document.principles)}" for document in staleness.stale]
    if staleness.constitution_sha256 != old.sha256:
        lines.append(f"{build} was not made from {old_file} as it stands, so it may hold more that is stale")
    return lines
