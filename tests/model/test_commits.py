"""Many callers at once: actions run in the order in which they were asked for, and one that fails takes no other down."""

import asyncio
import sqlite3
import threading
from concurrent.futures import Future
from pathlib import Path
from random import Random
from typing import Any

import pytest

from builder.errors import InputError
from builder.model import Ledger, Outcome, Reply
from builder.model.commits import Commits
from tests.model.room import asked


def numbers(path: Path) -> Commits:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("CREATE TABLE IF NOT EXISTS numbers (place INTEGER PRIMARY KEY, number INTEGER UNIQUE)")
        return connection

    return Commits(connect)


def add(number: int) -> Any:
    return lambda db: db.execute("INSERT INTO numbers (number) VALUES (?) RETURNING place", (number,)).fetchone()[0]


def stored(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    try:
        return [number for (number,) in connection.execute("SELECT number FROM numbers ORDER BY place")]
    finally:
        connection.close()


def test_actions_run_in_the_order_in_which_they_were_asked_for(tmp_path: Path) -> None:
    commits = numbers(tmp_path / "db")
    futures = [commits.ask(add(n)) for n in range(2000)]
    assert [future.result(30) for future in futures] == list(range(1, 2001))
    commits.close()
    assert stored(tmp_path / "db") == list(range(2000))


def test_each_of_many_threads_gets_its_own_results_in_its_own_order(tmp_path: Path) -> None:
    commits = numbers(tmp_path / "db")
    places: dict[int, list[int]] = {}

    def work(thread: int) -> None:
        places[thread] = [commits.do(add(thread * 1000 + n)) for n in range(60)]

    threads = [threading.Thread(target=work, args=[thread]) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    commits.close()
    order = stored(tmp_path / "db")
    assert len(order) == 480
    for thread, given in places.items():
        assert given == sorted(given)
        assert [order[place - 1] for place in given] == [thread * 1000 + n for n in range(60)]


def test_what_fails_is_heard_by_whoever_asked_and_costs_nobody_else_anything(tmp_path: Path) -> None:
    """One in five breaks a constraint, another is simply wrong; all the others are stored, each once."""
    commits = numbers(tmp_path / "db")
    draw = Random(3)

    def wrong(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO numbers (number) VALUES (-1)")
        raise ZeroDivisionError("a bug")

    gate = threading.Event()
    commits.ask(lambda db: gate.wait(30))  # so that the rest comes as one group
    asked_for: list[tuple[int, Future[int]]] = []
    for n in range(120):
        kind = draw.randrange(5)
        action = wrong if kind == 0 else add(7777) if kind == 1 else add(n)
        asked_for.append((-1 if kind == 0 else 7777 if kind == 1 else n, commits.ask(action)))
    gate.set()
    kept = []
    for number, future in asked_for:
        error = future.exception(30)
        if number == -1:
            assert isinstance(error, ZeroDivisionError)
        elif number == 7777 and 7777 in kept:
            assert isinstance(error, sqlite3.IntegrityError)
        else:
            assert error is None
            kept.append(number)
    commits.close()
    assert sorted(stored(tmp_path / "db")) == sorted(kept) and kept.count(7777) == 1


def test_what_was_asked_for_before_closing_is_done(tmp_path: Path) -> None:
    commits = numbers(tmp_path / "db")
    futures = [commits.ask(add(n)) for n in range(700)]
    commits.close()
    assert all(future.done() for future in futures) and stored(tmp_path / "db") == list(range(700))


def test_a_connection_that_cannot_be_opened_is_heard_at_once() -> None:
    def connect() -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open")

    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        Commits(connect)


def test_an_answer_whose_task_is_cancelled_is_kept_and_the_ledger_goes_on(tmp_path: Path) -> None:
    """As when a build is interrupted while it waits for the disk."""
    reply = Reply("text", Outcome.COMPLETED, "m")

    async def interrupted(ledger: Ledger) -> None:
        gate = threading.Event()
        ledger.ask(lambda db: gate.wait(30))
        insert = "INSERT INTO notes (key, value) VALUES (?, 'kept')"
        tasks = [
            asyncio.ensure_future(
                asyncio.wrap_future(ledger.ask(lambda db, n=n: db.execute(insert, (f"n{n}",)) and None))
            )
            for n in range(20)
        ]
        await asyncio.sleep(0.01)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.sleep(0.01)
        gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(result, asyncio.CancelledError) for result in results) == 10

    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(interrupted(ledger))
        assert [ledger.note(f"n{n}") for n in range(20)] == ["kept"] * 20
        ledger.commit(asked(1), reply)
        assert ledger.find(asked(1)) == reply


def test_what_fails_in_the_ledger_is_one_sentence(tmp_path: Path) -> None:
    with (
        Ledger(tmp_path / "ledger.sqlite") as ledger,
        pytest.raises(InputError, match=r"ledger\.sqlite: no such table: absent"),
    ):
        ledger.do(lambda db: db.execute("SELECT * FROM absent"))
