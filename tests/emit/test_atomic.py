"""An emission is there whole or not at all: real full and read-only disks, processes really killed."""

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.emit import emit, finish_interrupted, verify
from builder.errors import InputError
from builder.records import Document
from tests.conftest import CHECKOUT
from tests.emit.conftest import bytes_of
from tests.emit.making import PRIVATE, documents, facts, rejection, text_document


def put(folder: Path, kept: list[Document]) -> None:
    lost = [rejection(1)]
    emit(folder, kept, lost, facts(kept, lost), private=PRIVATE)


def left_behind(folder: Path) -> list[str]:
    """What lies under `.build/` beside the files that belong there."""
    return sorted({path.name for path in (folder / ".build").iterdir()} - {"rejected.jsonl", *PRIVATE})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mounted = tmp_path / "disk"
    mounted.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", mounted], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("this machine does not let its root mount a disk")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "-l", mounted], check=True)


def test_a_full_disk_leaves_the_earlier_emission_whole(small_disk: Path) -> None:
    folder = small_disk / "demo"
    put(folder, documents())
    before = bytes_of(folder)
    noise = random.Random(1)
    for size in (200_000, 300_000, 700_000, 3_000_000):
        big = text_document("".join(noise.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", k=size)))
        try:
            put(folder, [big])
        except InputError as problem:
            assert str(problem).startswith(f"{folder} cannot be written: No space left on device; make room")
            assert bytes_of(folder) == before and verify(folder).ok
            assert left_behind(folder) == []
        else:
            assert size < 700_000
            before = bytes_of(folder)
    put(folder, documents())
    assert verify(folder).ok


def test_a_read_only_disk_is_one_sentence(small_disk: Path) -> None:
    folder = small_disk / "demo"
    put(folder, documents())
    before = bytes_of(folder)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for target in (folder, small_disk / "new"):
        with pytest.raises(InputError, match="cannot be written: Read-only file system"):
            put(target, documents(1))
    assert bytes_of(folder) == before and verify(folder).ok


def test_a_file_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(InputError, match="cannot be written"):
        put(tmp_path / "demo", documents())
    assert (tmp_path / "demo").read_text() == "mine"


def test_data_that_is_not_ours_is_never_removed(build: Path, tmp_path: Path) -> None:
    (build / "data" / "mine.csv").write_text("a,b")
    (tmp_path / "other" / "data").mkdir(parents=True)
    (tmp_path / "other" / "data" / "mine.csv").write_text("a,b")
    (tmp_path / "torn" / "data").mkdir(parents=True)
    (tmp_path / "torn" / "data" / "mine.csv").write_text("a,b")
    (tmp_path / "torn" / "manifest.json").write_text("{")
    for folder, said in (
        (build, "not part of this build"),
        (tmp_path / "other", "not part"),
        (tmp_path / "torn", "cannot be read"),
    ):
        before = bytes_of(folder)
        with pytest.raises(InputError, match=said):
            put(folder, documents(1))
        assert bytes_of(folder) == before


def test_what_else_lies_in_the_folder_stays(build: Path) -> None:
    for name in (".build/ledger.sqlite", "report.html", "notes/mine.md"):
        (build / name).parent.mkdir(exist_ok=True)
        (build / name).write_text(name)
    put(build, documents(1))
    for name in (".build/ledger.sqlite", "report.html", "notes/mine.md"):
        assert (build / name).read_text() == name


def test_one_emission_at_a_time(build: Path) -> None:
    handle = os.open(build / ".build", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(InputError, match="being emitted by another process"):
        put(build, documents(1))
    os.close(handle)
    put(build, documents(1))


CHILD = """
import os, signal, sys
from pathlib import Path
from tests.emit.making import PRIVATE, documents, facts, rejection
from builder.emit import emit
import pyarrow.parquet

folder, step = Path(sys.argv[1]), int(sys.argv[2])
seen = 0
def count(event, arguments):
    global seen
    if event in ("os.rename", "shutil.rmtree") and str(arguments[0]).startswith(str(folder)):
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)
kept, lost = documents(4, 2, "storm"), [rejection(1)]
if step:
    sys.addaudithook(count)
    emit(folder, kept, lost, facts(kept, lost), private=PRIVATE)
    print(seen)
else:
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        for kept in (documents(4, 2, "storm"), documents()):
            emit(folder, kept, lost, facts(kept, lost), private=PRIVATE)
"""


def child(folder: Path, step: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(step)],
        cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("step", range(1, 11))
def test_killed_at_every_move(step: int, tmp_path: Path) -> None:
    folder, old, new = tmp_path / "demo", tmp_path / "old", tmp_path / "new"
    put(folder, documents())
    put(old, documents())
    put(new, documents(4, 2, "storm"))
    killed = child(folder, step)
    out, _ = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, f"there are only {out} moves; lower the range"
    if (folder / ".build" / "emission.ready").exists():
        with pytest.raises(InputError, match="cut off halfway into place"):
            verify(folder)
        assert finish_interrupted(folder)
        assert bytes_of(folder) == bytes_of(new)
    else:
        published = {name: content for name, content in bytes_of(folder).items() if "emission.new" not in name}
        assert published in (bytes_of(old), bytes_of(new))
    assert verify(folder).ok and not finish_interrupted(folder)
    put(folder, documents(1))
    assert verify(folder).ok
    assert left_behind(folder) == []


def test_killed_at_any_moment(tmp_path: Path) -> None:
    folder, first, second = tmp_path / "demo", tmp_path / "first", tmp_path / "second"
    put(first, documents(4, 2, "storm"))
    put(second, documents())
    put(folder, documents())
    whole = (bytes_of(first), bytes_of(second))
    delays = random.Random(7)
    for _ in range(6):
        running = child(folder, 0)
        assert running.stdout is not None and running.stdin is not None
        assert running.stdout.readline() == "ready\n"
        running.stdin.write("go\n")
        running.stdin.flush()
        time.sleep(delays.uniform(0.01, 0.3))
        running.kill()
        running.communicate(timeout=60)
        finish_interrupted(folder)
        assert {name: content for name, content in bytes_of(folder).items() if "emission.new" not in name} in whole
        assert verify(folder).ok
