import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.model import Ledger, Outcome, Reply, Request, Usage


def request(number: int, **changes: object) -> Request:
    fields = {
        "stage": "draft",
        "brief": f"b{number}",
        "attempt": 0,
        "model": "m",
        "system": "s",
        "user": "u",
        "max_tokens": 9,
    }
    return Request(**{**fields, **changes})


REPLY = Reply("text with 'quotes' and \u2028 line ends", Outcome.COMPLETED, "m-1", Usage(3, 4))


def test_what_was_committed_is_found_again_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / ".build" / "ledger.sqlite"
    with Ledger(path) as ledger:
        assert ledger.find(request(1)) is None
        ledger.commit(request(1), REPLY)
    with Ledger(path) as ledger:
        assert ledger.find(request(1)) == REPLY
        assert ledger.counts() == {"draft": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "idea"},
        {"brief": "x"},
        {"attempt": 1},
        {"model": "n"},
        {"system": "t"},
        {"user": "v"},
        {"max_tokens": 8},
    ],
)
def test_a_request_that_differs_in_anything_sent_is_another_call(tmp_path: Path, change: dict[str, object]) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.commit(request(1), REPLY)
        assert ledger.find(request(1, **change)) is None


def test_facts_for_the_offline_model_are_no_part_of_the_call() -> None:
    assert request(1).key == request(1, facts={"family": "story"}).key


def test_two_builds_cannot_share_a_ledger(tmp_path: Path) -> None:
    with (
        Ledger(tmp_path / "ledger.sqlite"),
        pytest.raises(InputError, match="another exempla is at work"),
    ):
        Ledger(tmp_path / "ledger.sqlite")
    with Ledger(tmp_path / "ledger.sqlite"):
        pass


_WRITER = """
import sys
from pathlib import Path
from builder.model import Ledger, Outcome, Reply, Request, Usage
with Ledger(Path(sys.argv[1])) as ledger:
    number = int(sys.argv[2])
    while True:
        ledger.commit(Request("draft", f"b{number}", 0, "m", "s", "u", 9), Reply("t" * 2000, Outcome.COMPLETED, "m"))
        print(number, flush=True)
        number += 1
"""


def test_a_killed_process_loses_nothing_it_committed_and_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    said = 0
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), str(said)], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )  # fmt: skip
        deadline = time.monotonic() + 20
        first = process.stdout.readline()
        assert first, "the writer started"
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait(timeout=10)
        said = max([int(first), *map(int, rest)]) + 1
        assert time.monotonic() < deadline
        with Ledger(path) as ledger:
            assert all(ledger.find(request(number)) is not None for number in range(said))
    assert said > 5


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(InputError, match="the ledger is damaged"):
        Ledger(path)


def test_a_ledger_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(InputError, match="newer exempla"):
        Ledger(path)
    path.unlink()
    with Ledger(path):  # the lock was let go
        pass
