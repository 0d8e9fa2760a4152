"""Batches and the service's bad days: results with gaps, submissions in doubt, batches that nobody knows any more."""

import sqlite3
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from builder.errors import Incomplete, InputError
from builder.model import Outcome, Patience, dollars
from builder.model.prices import pico
from builder.model.rounds import MOST_BYTES, MOST_ENTRIES, parts
from builder.progress import Progress
from tests.model.room import (
    MODEL,
    OTHER,
    ask,
    asked,
    assert_totals,
    attempts,
    by_rule,
    calls,
    many,
    messages,
    reopened,
    room,
    scripted,
    served,
    texts,
)
from tests.service.faults import Faults
from tests.service.server import Server, serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

BATCHED = {"backend": "anthropic-batches"}


def of_kind(server: Server, kind: str) -> list[dict]:
    server.wait_idle()
    return [entry for entry in server.log if entry["kind"] == kind]


def states(folder: Path) -> Counter[str]:
    return Counter(row["state"] for row in attempts(folder))


@pytest.mark.parametrize("fault", ["lost", "cut", "dropped", "reset_late", "malformed", "reset", "504"])
def test_results_that_break_off_are_read_again_and_nothing_is_asked_again(fault: str, tmp_path: Path) -> None:
    requests = many(40)
    with serve(faults=Faults(results=[fault, fault], shuffled=True)) as server:
        done = ask(server, tmp_path, requests, **BATCHED)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert len(of_kind(server, "batch_create")) == 1 and len(of_kind(server, "batch_results")) == 3
        assert done.totals.known == served(server) and done.totals.uncertain == 0
        assert states(tmp_path) == {"answered": 40}


def test_an_entry_that_the_results_leave_out_stays_charged_and_is_asked_again(tmp_path: Path) -> None:
    requests = many(10)
    with serve(faults=scripted({"Brief 4.": ["missing"], "Brief 7.": ["missing", "missing"]})) as server:
        done = ask(server, tmp_path, requests, **BATCHED)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        missing = [row for row in attempts(tmp_path) if row["state"] == "fault"]
        assert [row["reason"] for row in missing] == ["missing in the results"] * 3
        assert done.totals.uncertain == sum(row["reserved"] for row in missing) > 0
        assert served(server) <= done.totals.taken
        assert_totals(done.totals, tmp_path)


@pytest.mark.parametrize("fault", ["missing", "errored", "expired", "canceled"])
def test_an_entry_that_never_gets_an_answer_is_left_and_the_rest_is_kept(fault: str, tmp_path: Path) -> None:
    """What the service has begun five times in each of two runs is then settled as failed; what it never began is not."""
    requests = many(6)
    with serve(faults=by_rule(lambda user: fault if "Brief 2." in user else None)) as server:
        done = ask(server, tmp_path, requests, **BATCHED)
        assert isinstance(done.error, Incomplete) and done.error.exit_code == 3
        assert "1 batch entries got no answer after 5 attempts" in str(done.error) and fault in str(done.error)
        assert len(calls(tmp_path)) == 5 and len(of_kind(server, "batch_create")) == 5
        again = ask(server, tmp_path, requests, **BATCHED)
        if fault in ("missing", "errored"):
            assert [n for n, reply in enumerate(again.replies) if reply.outcome is Outcome.FAILED] == [2]
            assert len(ask(server, tmp_path, requests, **BATCHED).replies) == 6
        else:
            assert isinstance(again.error, Incomplete)
        assert len(of_kind(server, "batch_create")) == 10


@pytest.mark.parametrize("fault", ["500", "reset", "stall", "529", "429:1"])
def test_a_batch_that_the_service_did_not_take_is_submitted_again(fault: str, tmp_path: Path) -> None:
    requests = many(8)
    with serve(faults=Faults(create=[fault])) as server:
        done = ask(server, tmp_path, requests, timeout=0.5, **BATCHED)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert len(of_kind(server, "batch_create")) == 2 and len(of_kind(server, "batch_entry")) == 8
        assert done.totals.known == served(server) and done.totals.uncertain == 0
        assert states(tmp_path)["answered"] == 8
        assert_totals(done.totals, tmp_path)


@pytest.mark.parametrize("fault", ["500", "reset", "529"])
def test_a_service_that_never_takes_a_batch_ends_the_run(fault: str, tmp_path: Path) -> None:
    quick = Patience(tries=3, first=0.02, longest=0.02, silence=0.2)
    with serve(faults=Faults(create=[fault] * 200)) as server:
        done = ask(server, tmp_path, many(8), patience=quick, **BATCHED)
        assert isinstance(done.error, Incomplete) and "gives no answer about a batch" in str(done.error)
        assert 1 < len(of_kind(server, "batch_create")) <= 20
        assert done.totals.taken == 0
        assert_totals(done.totals, tmp_path)
        server.faults = []
        assert [reply.text for reply in ask(server, tmp_path, many(8), **BATCHED).replies] == texts(many(8))


@pytest.mark.parametrize("endpoint", ["poll", "results", "list"])
@pytest.mark.parametrize("fault", ["500", "reset", "529"])
def test_a_service_that_never_answers_about_a_batch_ends_the_run_and_the_next_takes_it_up(
    endpoint: str, fault: str, tmp_path: Path
) -> None:
    requests = many(8)
    quick = Patience(tries=3, first=0.02, longest=0.02, silence=0.2)
    create = ["lost"] if endpoint == "list" else []
    with serve(faults=Faults(create=create, **{endpoint: [fault] * 200})) as server:
        done = ask(server, tmp_path, requests, patience=quick, **BATCHED)
        assert isinstance(done.error, Incomplete) and done.error.exit_code == 3
        assert "gives no answer about a batch" in str(done.error) and "\n" not in str(done.error)
        assert done.totals.reserved > 0 and done.totals.known == done.totals.uncertain == 0
        assert reopened(server, tmp_path, **BATCHED) == done.totals
        server.faults = []
        done = ask(server, tmp_path, requests, **BATCHED)
        assert [reply.text for reply in done.replies] == texts(requests)
        assert len(of_kind(server, "batch_create")) == 1
        assert done.totals.known == served(server) and done.totals.uncertain == done.totals.reserved == 0


def test_a_lost_batch_is_told_from_others_that_still_run(tmp_path: Path) -> None:
    """Three batches of the same size, two of them somebody else's; ours is the one whose keys are ours."""
    ours = many(5)
    with serve(batch_seconds=0.4) as server:
        for number in range(2):
            theirs = [asked(n, brief=f"other{n}", user=f"Something else, {number} {n}.") for n in range(5)]
            ask(server, tmp_path / f"theirs-{number}", theirs, **BATCHED)
        server.faults = Faults(create=["lost"])
        done = ask(server, tmp_path / "ours", ours, **BATCHED)
        assert [reply.text for reply in done.replies] == texts(ours)
        assert len(of_kind(server, "batch_create")) == 3 and len(of_kind(server, "batch_entry")) == 15
        assert done.totals.uncertain == 0


def test_a_batch_that_is_too_large_goes_in_halves(tmp_path: Path) -> None:
    requests = many(9)
    with serve(faults=Faults(create=["413", "ok", "413"])) as server:
        done = ask(server, tmp_path, requests, **BATCHED)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        sizes = Counter(entry["batch"] for entry in of_kind(server, "batch_entry"))
        assert sorted(sizes.values()) == [2, 3, 4]
        assert done.totals.known == served(server) and done.totals.uncertain == 0
        assert_totals(done.totals, tmp_path)


def test_a_request_that_is_too_large_by_itself_is_named(tmp_path: Path) -> None:
    with serve(faults=Faults(create=["413"] * 9)) as server:
        done = ask(server, tmp_path, many(2), **BATCHED)
    assert isinstance(done.error, InputError) and "brief b000" in str(done.error) and done.totals.taken == 0


def test_rounds_are_split_below_the_services_limits() -> None:
    small = [asked(n, system="") for n in range(MOST_ENTRIES + 1)]
    assert [len(part) for part in parts(small)] == [MOST_ENTRIES, 1]
    system = "é" * 5_000_000
    large = [asked(n, system=system) for n in range(25)]
    split = parts(large)
    assert [request for part in split for request in part] == large
    assert max(sum(len(r.system.encode()) for r in part) for part in split) <= MOST_BYTES
    assert [len(part) for part in split] == [9, 9, 7]


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 20))])
def test_batches_never_pass_the_cap(seed: int, tmp_path: Path) -> None:
    draw = Random(seed)
    requests = many(24, max_tokens=60)
    with serve(token_bytes=1) as server:
        probe = ask(server, tmp_path / "probe", requests[:1], **BATCHED).totals.known
        rates = {name: draw.uniform(0, 0.1) for name in ("missing", "errored", "expired", "canceled", "refusal")}
        server.faults = Faults(entry_rates=rates, seed=seed)
        before = served(server)
        for share in (draw.uniform(0.5, 8), draw.uniform(8, 24), 300):
            cap = dollars(int(probe * share))
            done = ask(server, tmp_path / "build", requests, dollars=cap, **BATCHED)
            assert done.error is None or isinstance(done.error, Incomplete)
            assert served(server) - before <= done.totals.known + done.totals.uncertain <= pico(str(cap))
            assert_totals(done.totals, tmp_path / "build")
        answered = [row["key"] for row in attempts(tmp_path / "build") if row["state"] == "answered"]
        assert len(answered) == len(set(answered)) == len(done.replies) == 24


def test_a_batch_that_the_service_does_not_know_is_named_with_what_to_do(tmp_path: Path) -> None:
    requests = many(4)
    with serve(batch_seconds=60, faults=Faults(poll=["403"])) as server:
        assert ask(server, tmp_path, requests, **BATCHED).error
    with serve() as another:
        done = ask(another, tmp_path, requests, **BATCHED)
        assert isinstance(done.error, InputError)
        assert "does not know batch msgbatch_" in str(done.error) and "run it with the key and the base_url" in str(
            done.error
        )
        assert done.totals.reserved > 0 and not of_kind(another, "batch_create")


def test_a_batch_whose_results_are_no_longer_kept_is_charged_and_asked_again(tmp_path: Path) -> None:
    requests = many(4)
    with serve(batch_seconds=60, faults=Faults(poll=["403"])) as server:
        assert ask(server, tmp_path, requests, **BATCHED).error
    ledger = sqlite3.connect(tmp_path / ".build" / "ledger.sqlite")
    with ledger:
        ledger.execute("UPDATE batches SET began = began - 30 * 86400")
    ledger.close()
    with serve() as another:
        done = ask(another, tmp_path, requests, **BATCHED)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert done.totals.known == served(another)
        assert (
            done.totals.uncertain == sum(row["reserved"] for row in attempts(tmp_path) if row["state"] == "fault") > 0
        )


def test_an_entry_of_a_model_that_is_not_known_ends_the_run_and_keeps_the_others(tmp_path: Path) -> None:
    requests = [asked(n, model=OTHER if n == 2 else MODEL) for n in range(5)]
    with serve(models=[MODEL]) as server:
        done = ask(server, tmp_path, requests, **BATCHED)
        assert isinstance(done.error, InputError) and f"does not know the model '{OTHER}'" in str(done.error)
        assert len(calls(tmp_path)) == 4 and states(tmp_path) == {"answered": 4, "turned away": 1}


def test_line_separators_in_an_answer_end_no_row_of_the_results(tmp_path: Path) -> None:
    system = 'Answer with <principle>{"statement": "..."}</principle>.'
    said = "<section>Eight words stand here and\u2028two more follow them\x85 and\u2029 these. The last one has\x0b eight words in it too.</section>"
    requests = [asked(n, system=system, user=f"{n} {said}") for n in range(3)]
    assert all("\u2028" in text for text in texts(requests))
    with serve() as server:
        done = ask(server, tmp_path, requests, **BATCHED)
        assert [reply.text for reply in done.replies] == texts(requests)
        assert len(of_kind(server, "batch_create")) == 1 and done.totals.uncertain == 0


def test_progress_says_how_many_entries_are_under_way(tmp_path: Path) -> None:
    seen: list[Progress] = []
    with serve(batch_seconds=0.2) as server:
        ask(server, tmp_path, many(7), seen.append, **BATCHED)
    assert seen[0].in_flight == 0 and max(progress.in_flight for progress in seen) == 7
    assert seen[-1].done == 7 and seen[-1].in_flight == 0


def test_what_a_small_rest_goes_live_for_is_paid_in_full_and_once(tmp_path: Path) -> None:
    requests = many(12)
    with serve(faults=scripted({"Brief 3.": ["errored"], "Brief 8.": ["expired"]})) as server:
        done = ask(server, tmp_path, requests, batch_minimum=5, **BATCHED)
        assert [reply.text for reply in done.replies] == texts(requests)
        assert len(of_kind(server, "batch_create")) == 1 and len(messages(server)) == 2
        assert done.totals.known == served(server) and done.totals.uncertain == 0


def test_a_batch_of_an_earlier_plan_is_taken_in_though_nobody_asks_for_it(tmp_path: Path) -> None:
    """Its answers were paid for, so they are kept; what this round asks for is submitted beside it."""
    quick = Patience(tries=1, first=0.01, longest=0.01)
    with serve(batch_seconds=0.3, faults=Faults(poll=["500"])) as server:
        assert ask(server, tmp_path, many(4), patience=quick, **BATCHED).error
        later = [asked(n) for n in range(100, 104)]
        done = ask(server, tmp_path, later, **BATCHED)
        assert [reply.text for reply in done.replies] == texts(later)
        assert len(calls(tmp_path)) == 8 and done.totals.known == served(server)
        before, began = len(server.log), time.monotonic()
        assert [reply.text for reply in ask(server, tmp_path, many(4), **BATCHED).replies] == texts(many(4))
        assert len(server.log) == before and time.monotonic() - began < 10
        with room(server, tmp_path, **BATCHED) as opened:
            assert opened.totals.reserved == 0


def test_the_worst_case_of_an_entry_is_half_of_a_calls(tmp_path: Path) -> None:
    with serve(count_tokens=False) as server:
        ask(server, tmp_path / "live", many(1))
        ask(server, tmp_path / "batched", many(1), **BATCHED)
    (live,), (batched,) = attempts(tmp_path / "live"), attempts(tmp_path / "batched")
    assert live["reserved"] == 2 * batched["reserved"] and batched["charged"] <= batched["reserved"]
