"""A damaged ledger is said to be one, wherever the damage is, and a file that is none at all is left as it was."""

import sqlite3
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.model import Ledger, Outcome, Reply, Usage
from tests.model.room import asked

ANSWER = Reply("words " * 200, Outcome.COMPLETED, "m", Usage(5, 6, 7, 8))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a ledger with forty answers."""
    path = tmp_path_factory.mktemp("sound") / "ledger.sqlite"
    with Ledger(path) as ledger:
        for n in range(40):
            ledger.commit(asked(n), ANSWER)
    assert not path.with_name("ledger.sqlite-wal").exists() and path.stat().st_size > 50_000
    return path.read_bytes()


def assert_answers_or_says_why(path: Path) -> str:
    """Every answer is there, or opening says in one sentence what is wrong; returns that sentence."""
    try:
        with Ledger(path) as ledger:
            found = ledger.find_all([asked(n) for n in range(40)])
    except InputError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return str(error)
    assert found == [ANSWER] * 40
    return ""


def test_a_flipped_byte_of_the_header_is_never_a_traceback(sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    said = []
    for place in range(100):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0x5A]) + sound[place + 1 :])
        said.append(assert_answers_or_says_why(path))
    assert all("damaged" in sentence or "newer exempla" in sentence for sentence in said if sentence)
    assert sum("damaged" in sentence for sentence in said) > 20


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_ledger_that_was_cut_short_is_damaged(part: float, sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(sound[: int(len(sound) * part)])
    assert "the ledger is damaged; restore it or build anew" in assert_answers_or_says_why(path)


def test_every_page_may_be_the_damaged_one(sound: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    for page in range(1, len(sound) // 4096):
        path.write_bytes(sound[: page * 4096] + bytes(4096) + sound[page * 4096 + 4096 :])
        said = assert_answers_or_says_why(path)
        assert not said or "damaged" in said


def test_another_programs_database_is_not_made_into_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE calls (who TEXT, whom TEXT)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="no ledger of exempla"):
        Ledger(path)
    assert path.read_bytes() == before


def test_a_log_that_was_left_behind_is_taken_in(sound: bytes, tmp_path: Path) -> None:
    """As after a kill: the newest answers stand in the log only."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(sound)
    with Ledger(path) as ledger:
        ledger.commit(asked(40), ANSWER)
        copied = {name: path.with_name(name).read_bytes() for name in ("ledger.sqlite", "ledger.sqlite-wal")}
    away = tmp_path / "away"
    away.mkdir()
    for name, data in copied.items():
        (away / name).write_bytes(data)
    with Ledger(away / "ledger.sqlite") as ledger:
        assert ledger.find_all([asked(n) for n in range(41)]) == [ANSWER] * 41
