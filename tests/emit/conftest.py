"""A folder with an emission in it, and how to read its bytes."""

from pathlib import Path

import pytest

from builder.emit import emit
from tests.emit.making import PRIVATE, documents, facts, rejection


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus" / "demo"
    kept, lost = documents(), [rejection(2), rejection(1, "idea", "dry: no idea passed")]
    emit(folder, kept, lost, facts(kept, lost), private=PRIVATE)
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every published file and the rejections, by path."""
    names = [*(path for path in folder.rglob("*") if path.is_file())]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in names}
