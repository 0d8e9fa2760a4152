import errno
import os
import stat
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.whole_file import write_whole, write_whole_bytes


def test_text_is_utf_8_and_readable_by_everybody(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "é\r\n\ud800")
    assert path.read_bytes() == "é\r\n\\ud800".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    write_whole_bytes(path, b"\xff")
    assert path.read_bytes() == b"\xff" and list(tmp_path.iterdir()) == [path]


def test_folders_are_made_where_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.txt cannot be written: No such file .*; make room or choose another"):
        write_whole(tmp_path / "x" / "y" / "a.txt", "a")
    write_whole(tmp_path / "x" / "y" / "a.txt", "a", folders=True)
    with pytest.raises(InputError, match="cannot be written: File exists"):
        write_whole(tmp_path / "x" / "y" / "a.txt" / "b", "a", folders=True)


def test_a_name_as_long_as_the_disk_takes(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_whole(path, "a")
    assert path.read_text() == "a"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_was_there_stays_when_the_disk_refuses(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.txt"
    path.write_text("before")
    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), refuse)
    with pytest.raises(InputError, match="No space left on device"):
        write_whole(path, "after")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="a cannot be written: Is a directory"):
        write_whole(tmp_path / "a", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
