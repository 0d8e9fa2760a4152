import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.whole_file import write_whole, write_whole_bytes


@pytest.fixture
def umask() -> Iterator[Callable[[int], object]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_text_is_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, "é\r\n\ud800")
    assert path.read_bytes() == "é\r\n\\ud800".encode()
    write_whole_bytes(path, b"\xff")
    assert path.read_bytes() == b"\xff" and list(tmp_path.iterdir()) == [path]


def test_a_new_file_gets_what_the_umask_leaves_and_an_old_one_keeps_its_permissions(
    tmp_path: Path, umask: Callable[[int], object]
) -> None:
    for mask, expected in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        umask(mask)
        write_whole(tmp_path / f"{mask}", "new")
        assert mode(tmp_path / f"{mask}") == expected
    umask(0o022)
    write_whole(tmp_path / f"{0o077}", "again")
    assert mode(tmp_path / f"{0o077}") == 0o600


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to("there/file")
    for text in ("first", "second"):
        write_whole(link, text)
        assert link.is_symlink() and (tmp_path / "there" / "file").read_text() == text
    assert {path.name for path in tmp_path.iterdir()} == {"there", "link"}


@pytest.mark.parametrize("kind", ["pipe", "device", "circle"])
def test_what_is_no_file_is_not_replaced(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/null" if kind == "device" else path)
    with pytest.raises(InputError, match=f"{kind} cannot be written: it is no regular file; choose another place"):
        write_whole(path, "text")
    assert path.is_fifo() if kind == "pipe" else path.is_symlink()
    assert Path("/dev/null").is_char_device() and [one.name for one in tmp_path.iterdir()] == [kind]


def test_folders_are_made_where_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.txt cannot be written: No such file .*; make its folder first"):
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
