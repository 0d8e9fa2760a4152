"""Guarding what is not ours: an emission replaces `data/`, so nothing else may lie there."""

import json
from pathlib import Path

from builder.emit.manifest import NAME as MANIFEST
from builder.errors import InputError


def data_files(folder: Path) -> list[str]:
    """Every file under `data/`, as paths relative to the folder, sorted."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in (folder / "data").rglob("*")
        if path.is_symlink() or not path.is_dir()
    )


def refuse_foreign_data(folder: Path) -> None:
    """Make sure that `data/` holds nothing but the earlier emission.

    Raises:
        InputError: if it does, or if the earlier manifest cannot be read and so nothing tells.
    """
    found = data_files(folder)
    if not found:
        return
    known = _listed(folder / MANIFEST)
    foreign = [name for name in found if name not in known and not name.endswith("/.DS_Store")]
    if foreign:
        raise InputError(
            f"{folder / foreign[0]} is not part of this build and would be lost; "
            "move it away or emit into another folder"
        )


def _listed(manifest: Path) -> set[str]:
    """The files of a manifest of any version."""
    try:
        return set(json.loads(manifest.read_bytes())["files"])
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{manifest} cannot be read, so nothing says which files under data/ are the build's; "
            "move it and data/ away and emit again"
        ) from None
