"""Live calls through every fault of the wire: the right answers in the end, each paid for once, and books that agree."""

from itertools import cycle
from pathlib import Path
from random import Random

import pytest

from builder.model import Outcome, Patience
from tests.model.room import (
    LONG,
    UNCERTAIN,
    ask,
    asked,
    assert_reconciled,
    assert_totals,
    attempts,
    calls,
    cost,
    many,
    messages,
    reopened,
    scripted,
    texts,
)
from tests.service.faults import ERRORS
from tests.service.server import serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

PASSING = ("429:1", "429:0", "529", *UNCERTAIN)
BUSY = ("429:1", "429:0", "529", "late_529")  # late_529 of an answer that is no stream is a plain 529


def mixed(count: int) -> list:
    """Calls of which every other one is answered by a stream."""
    return [asked(n, max_tokens=LONG if n % 2 else 1000) for n in range(count)]


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_costs_an_attempt_and_no_answer(fault: str, tmp_path: Path) -> None:
    requests = mixed(6)
    # A streamed call and a whole one, neither of which writes the prefix; a fault that asks for no pause comes twice.
    times = 1 if fault in BUSY else 2
    with serve(faults=scripted({"Brief 2.": [fault] * times, "Brief 3.": [fault] * times})) as server:
        done = ask(server, tmp_path, requests, timeout=0.5)
        entries = messages(server)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert {reply.outcome for reply in done.replies} == {Outcome.COMPLETED}
        hit = [entry for entry in entries if entry["fault"] != "ok"]
        assert len(hit) == 2 * times and sum(entry["stream"] for entry in hit) == times
        assert_reconciled(server, tmp_path, requests)
        assert_totals(done.totals, tmp_path)
        answered = [entry for entry in entries if entry["answered"] and entry["status"] == 200]
        assert done.totals.known == sum(cost(entry["usage"]) for entry in answered)
        charged = [row for row in attempts(tmp_path) if row["state"] == "fault"]
        assert done.totals.uncertain == sum(row["reserved"] for row in charged)
        assert len(charged) == (0 if fault in BUSY[:3] else 1 if fault == "late_529" else 4)
        assert [row["key"] for row in calls(tmp_path)] == sorted(request.key for request in requests)
        assert reopened(server, tmp_path) == done.totals


def test_what_was_never_sent_costs_nothing(tmp_path: Path) -> None:
    with serve() as server:
        url = server.url
    done = ask(url, tmp_path, many(2), patience=Patience(tries=3, first=0.01, longest=0.01))
    assert done.error and done.error.exit_code == 3 and "no connection" in str(done.error)
    assert done.totals.uncertain == done.totals.known == 0
    assert {row["state"] for row in attempts(tmp_path)} == {"away"} and len(attempts(tmp_path)) == 6


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_everything_at_once(seed: int, tmp_path: Path) -> None:
    """Sixty calls of three prefixes, half of them streamed; most meet up to four faults, and all faults come."""
    draw = Random(seed)
    faults = cycle(draw.sample([fault for fault in PASSING if fault not in BUSY], len(UNCERTAIN) - 1))
    systems = [f"System {n}. " * 50 for n in range(3)]
    requests = [asked(n, system=systems[n % 3], max_tokens=LONG if n % 2 else 1000) for n in range(60)]
    script = {f"Brief {n}.": [next(faults) for _ in range(draw.randrange(5))] for n in range(60)}
    for number, fault in zip(draw.sample(range(60), 4), BUSY, strict=True):
        script[f"Brief {number}."][:1] = [fault]
    with serve(faults=scripted(script), latency=0.01) as server:
        done = ask(server, tmp_path, requests, timeout=0.5, concurrency=16)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert_reconciled(server, tmp_path, requests)
        assert_totals(done.totals, tmp_path)
        assert [row["key"] for row in calls(tmp_path)] == sorted(request.key for request in requests)
        assert reopened(server, tmp_path) == done.totals
        before = len(server.log)
        again = ask(server, tmp_path, requests)
        assert again.replies == done.replies and len(server.log) == before
        assert again.totals == done.totals


def test_every_fault_that_the_server_knows_is_tried_here_or_ends_a_run() -> None:
    ends = {"400", "401", "402", "403", "404", "413", "filter"}
    assert {fault.partition(":")[0] for fault in PASSING} | ends >= set(ERRORS)
