"""What ends a run: at once, in one sentence, with nothing sent any more and nothing thrown away that was under way."""

import re
import time
from collections import Counter
from pathlib import Path

import pytest

from builder.errors import Incomplete, InputError
from builder.model import Patience
from tests.model.room import (
    MODEL,
    ask,
    asked,
    assert_reconciled,
    assert_totals,
    attempts,
    body_sha256,
    calls,
    many,
    messages,
    scripted,
    texts,
)
from tests.service.faults import Faults
from tests.service.server import Server, serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

FINAL = {
    "400": ("refuses the draft request of brief b006", "shorten its prompt or choose another model"),
    "401": ("127.0.0.1", "`api_key_env`"),
    "402": ("127.0.0.1", "run the same command again after that"),
    "403": (f"{MODEL!r}", "check what the key and the model"),
    "404": (f"{MODEL!r}", "check `model` in build.yaml"),
    "413": ("refuses the draft request of brief b006", "shorten its prompt or choose another model"),
}


def assert_one_sentence(error: Exception | None, *parts: str) -> None:
    said = str(error)
    assert "\n" not in said and len(said) < 500 and not re.search(r"\. [A-Z]", said), said
    for part in parts:
        assert part in said


def assert_all_that_was_served_is_kept(server: Server, folder: Path) -> None:
    """What the server answered whole is in the ledger, whatever ended the run."""
    answered = Counter(entry["body_sha256"] for entry in messages(server) if entry["answered"] and entry["usage"])
    kept = {row["key"] for row in calls(folder)}
    by_body = {body_sha256(request): request.key for request in many(100)}
    assert {by_body[body] for body in answered} == kept and set(answered.values()) <= {1}


@pytest.mark.parametrize("fault", FINAL)
def test_what_no_further_attempt_mends_stops_at_once(fault: str, tmp_path: Path) -> None:
    requests = many(40)
    with serve(faults=scripted({"Brief 6.": [fault]}), latency=0.15) as server:
        done = ask(server, tmp_path, requests, concurrency=4)
        assert isinstance(done.error, InputError)
        assert_one_sentence(done.error, *FINAL[fault])
        entries = messages(server)
        (turned_away,) = [entry for entry in entries if entry["fault"] == fault]
        assert not [entry for entry in entries if entry["time"] > turned_away["time"] + 0.1]
        assert 6 <= len(entries) < 12
        assert_reconciled(server, tmp_path, requests)
        assert_totals(done.totals, tmp_path)
        assert_all_that_was_served_is_kept(server, tmp_path)
        assert done.totals.uncertain == done.totals.reserved == 0
        before = len(server.log)
        again = ask(server, tmp_path, requests, concurrency=20)
        assert [reply.text for reply in again.replies] == texts(requests)
        sent = Counter(entry["body_sha256"] for entry in messages(server))
        assert sent[body_sha256(requests[6])] == 2 and sum(sent.values()) == 41 and len(server.log) > before


def test_a_wait_for_room_ends_with_the_run(tmp_path: Path) -> None:
    """Two calls fit under the cap at once; when one of them is turned away, nobody takes its room."""
    requests = many(20)
    with serve(faults=scripted({"Brief 1.": ["401"]}), latency=0.3, count_tokens=False) as server:
        done = ask(server, tmp_path, requests, dollars=0.045, concurrency=10)
        assert_one_sentence(done.error, "does not accept the key")
        assert len(messages(server)) <= 4
        assert_all_that_was_served_is_kept(server, tmp_path)


def test_a_wait_before_another_attempt_ends_with_the_run(tmp_path: Path) -> None:
    slow = Patience(tries=5, first=30.0, longest=30.0)
    with serve(faults=scripted({"Brief 1.": ["500"], "Brief 2.": ["ok"], "Brief 3.": ["401"]})) as server:
        began = time.monotonic()
        done = ask(server, tmp_path, many(8), patience=slow, concurrency=2)
        assert_one_sentence(done.error, "does not accept the key")
        assert time.monotonic() - began < 12
        assert_totals(done.totals, tmp_path)


def test_a_wait_for_the_service_ends_with_the_run(tmp_path: Path) -> None:
    """One call brings a pause of twenty seconds, and while the others wait for its end another is turned away."""
    with serve(faults=scripted({"Brief 1.": ["429:20"], "Brief 2.": ["401:0.5"]})) as server:
        began = time.monotonic()
        done = ask(server, tmp_path, many(12), concurrency=4)
        assert_one_sentence(done.error, "does not accept the key")
        assert time.monotonic() - began < 12
        assert done.totals.reserved == 0
        assert_totals(done.totals, tmp_path)
        assert_reconciled(server, tmp_path, many(12))


def test_a_service_that_asks_for_hours_ends_the_run(tmp_path: Path) -> None:
    requests = many(20)
    with serve(faults=scripted({"Brief 5.": ["429:3000"]}), latency=0.2) as server:
        began = time.monotonic()
        done = ask(server, tmp_path, requests, concurrency=3)
        assert isinstance(done.error, Incomplete) and done.error.exit_code == 3
        assert_one_sentence(done.error, "asks to be left alone for 3000 s", "run the same command again later")
        assert time.monotonic() - began < 12
        assert_all_that_was_served_is_kept(server, tmp_path)
        assert_reconciled(server, tmp_path, requests)


def test_a_service_that_answers_nothing_for_long_ends_the_run(tmp_path: Path) -> None:
    requests = many(60)
    quick = Patience(tries=5, first=0.05, longest=0.1, silence=0.5)
    with serve(faults=Faults(rates={"500": 1.0})) as server:
        done = ask(server, tmp_path, requests, patience=quick, concurrency=4)
        assert isinstance(done.error, Incomplete)
        assert_one_sentence(done.error, "has answered nothing for", "500 Internal server error", "again later")
        assert len(messages(server)) < 60
        assert_reconciled(server, tmp_path, requests)
        assert_totals(done.totals, tmp_path)


def test_an_attempt_that_was_turned_away_is_made_once_and_the_next_run_goes_on(tmp_path: Path) -> None:
    requests = [asked(0), asked(1, model="claude-haiku-4-5")]
    with serve(models=[MODEL]) as server:
        done = ask(server, tmp_path, requests)
        assert_one_sentence(done.error, "does not know the model 'claude-haiku-4-5'")
        assert [row["state"] for row in attempts(tmp_path) if row["model"] != MODEL] == ["turned away"]
        server.options.models = None
        assert [reply.text for reply in ask(server, tmp_path, requests).replies] == texts(requests)
