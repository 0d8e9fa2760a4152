"""A ledger on a full, read-only or networked disk, older, or wanted twice: one sentence, nothing lost."""

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.model import Ledger
from builder.model.ledger_file import LEDGER_VERSION, on_network
from tests.model.room import ask, asked, calls, many, messages, served, texts
from tests.service.server import serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

# The tables of version 1, which had no attempts and knew no money.
VERSION_1 = """BEGIN;
CREATE TABLE calls (key TEXT PRIMARY KEY, stage TEXT NOT NULL, brief TEXT NOT NULL,
                    attempt INTEGER NOT NULL, reply TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;"""
OLD_REPLY = '{"text": "An old answer.", "outcome": "completed", "model": "m-1", "usage": {"input": 3, "output": 4}}'


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """A real file system of so many kilobytes, where this user may mount one."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk-{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("a file system of its own takes the right to mount one")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_ends_the_run_and_keeps_what_came(small_disk: Callable[..., Path]) -> None:
    disk = small_disk("size=400k")
    requests = [asked(n, user=f"Brief {n}. " + "Please write at length. " * 40) for n in range(120)]
    with serve(latency=0.005) as server:
        full = ask(server, disk, requests, concurrency=4)
        assert isinstance(full.error, InputError) and "the disk is full" in str(full.error)
        assert "\n" not in str(full.error)
        first = len(messages(server))
        assert first < 120
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        kept = len(calls(disk))
        done = ask(server, disk, requests, concurrency=4)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        again = len(messages(server)) - first
        assert again == 120 - kept and first - kept <= 4
        assert served(server) <= done.totals.taken


def test_a_read_only_folder_is_said_before_anything_is_sent(small_disk: Callable[..., Path]) -> None:
    disk = small_disk("ro")
    with serve() as server:
        with pytest.raises(InputError, match=r"ead-only"):
            ask(server, disk, many(2))
        assert server.log == []


def test_a_ledger_of_version_1_keeps_its_answers(tmp_path: Path) -> None:
    path = tmp_path / ".build" / "ledger.sqlite"
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.executescript(VERSION_1)
        db.execute("INSERT INTO calls VALUES (?, 'draft', 'b000', 0, ?)", (asked(0).key, OLD_REPLY))
        db.execute("INSERT INTO notes VALUES ('identity', '{}')")
    db.close()
    with serve() as server:
        done = ask(server, tmp_path, many(3))
        assert [reply.text for reply in done.replies] == ["An old answer.", *texts(many(3))[1:]]
        assert len(messages(server)) == 2
    with Ledger(path) as ledger:
        assert ledger.note("identity") == "{}"
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (LEDGER_VERSION,)
    db.close()


def test_of_two_builds_on_one_ledger_the_second_sends_nothing(tmp_path: Path) -> None:
    with serve() as server, Ledger(tmp_path / ".build" / "ledger.sqlite"):
        with pytest.raises(InputError, match="another exempla is at work"):
            ask(server, tmp_path, many(2))
        assert server.log == []


@pytest.mark.parametrize(
    ("mounts", "network"),
    [
        ("/dev/sda1 / ext4 rw 0 0\nserver:/home PLACE nfs4 rw 0 0\n", True),
        ("/dev/sda1 / ext4 rw 0 0\n//box/share PLACE cifs rw 0 0\n", True),
        ("server:/home PLACE nfs rw 0 0\n/dev/sdb1 PLACE xfs rw 0 0\n", False),
        ("server:/ / nfs rw 0 0\n/dev/sdb1 PLACE xfs rw 0 0\n", False),
        ("server:/x PLACE-elsewhere nfs rw 0 0\n/dev/sda1 / ext4 rw 0 0\n", False),
        ("nonsense\n\n", False),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(tmp_path: Path, mounts: str, network: bool) -> None:
    place = tmp_path / "my corpora"
    place.mkdir()
    table = tmp_path / "mounts"
    table.write_text(mounts.replace("PLACE", str(place).replace(" ", "\\040")))
    assert on_network(place, table) is network
    assert on_network(place, tmp_path / "absent") is False


def test_the_journal_is_a_log_where_the_file_system_allows_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path):
        assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)
