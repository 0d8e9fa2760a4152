"""Rounds as Message Batches: half the price, whatever order results come in, and no batch submitted twice."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.model import Outcome
from tests.conftest import CHECKOUT
from tests.model.room import (
    MODEL,
    ask,
    asked,
    assert_totals,
    attempts,
    calls,
    cost,
    many,
    messages,
    reopened,
    served,
    texts,
)
from tests.service.faults import Faults
from tests.service.server import Server, serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

BATCHED = {"backend": "anthropic-batches"}


def entries(server: Server) -> list[dict]:
    server.wait_idle()
    return [entry for entry in server.log if entry["kind"] == "batch_entry"]


def of_kind(server: Server, kind: str) -> int:
    server.wait_idle()
    return sum(entry["kind"] == kind for entry in server.log)


def test_a_round_becomes_a_batch_at_half_the_price(tmp_path: Path) -> None:
    requests = many(30)
    with serve(faults=Faults(shuffled=True, repeated=9), batch_seconds=0.1) as server:
        done = ask(server, tmp_path, requests, **BATCHED)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert of_kind(server, "batch_create") == 1 and not messages(server)
        assert done.totals.known == sum(cost(entry["usage"], batch=True) for entry in entries(server)) == served(server)
        assert done.totals.uncertain == done.totals.reserved == 0
        assert_totals(done.totals, tmp_path)
        assert len(calls(tmp_path)) == 30 and reopened(server, tmp_path, **BATCHED) == done.totals
        before = len(server.log)
        assert ask(server, tmp_path, requests, **BATCHED).replies == done.replies and len(server.log) == before


@pytest.mark.parametrize("fault", ["errored", "errored:overloaded_error", "expired", "canceled", "529", "500"])
def test_an_entry_without_an_answer_goes_round_again(tmp_path: Path, fault: str) -> None:
    requests = many(12)
    with serve(faults=Faults(entry=["ok", fault, "ok", fault, fault])) as server:
        done = ask(server, tmp_path, requests, **BATCHED)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert of_kind(server, "batch_create") == 2 and len(entries(server)) == 15
        assert done.totals.known == served(server) and done.totals.uncertain == 0
        states = [row["state"] for row in attempts(tmp_path)]
        assert len(states) == 15 and states.count("answered") == 12


def test_refusals_and_truncations_are_outcomes_with_their_cost(tmp_path: Path) -> None:
    with serve(faults=Faults(entry=["refusal", "truncated", "filter", "ok"])) as server:
        done = ask(server, tmp_path, many(4), **BATCHED)
        assert sorted(reply.outcome for reply in done.replies) == ["completed", "refused", "refused", "truncated"]
        assert done.totals.known == served(server)


def test_what_is_refused_goes_to_the_fallback(tmp_path: Path) -> None:
    with serve(faults=Faults(refuse_if="Brief 1.", refuse_model=MODEL)) as server:
        done = ask(server, tmp_path, many(3), fallback="claude-haiku-4-5", **BATCHED)
        assert [reply.refused_by for reply in done.replies] == [(), (MODEL,), ()]
        assert {reply.outcome for reply in done.replies} == {Outcome.COMPLETED}


@pytest.mark.parametrize("fault", ["lost", "reset_late", "malformed", "cut"])
def test_a_batch_whose_id_got_lost_is_found_and_not_paid_twice(tmp_path: Path, fault: str) -> None:
    requests = many(8)
    with serve(faults=Faults(create=[fault]), batch_seconds=0.2) as server:
        done = ask(server, tmp_path, requests, **BATCHED)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert of_kind(server, "batch_create") == 1 and len(entries(server)) == 8
        assert done.totals.known == served(server) and done.totals.uncertain == 0


def test_another_batch_of_the_same_size_is_not_taken_for_ours(tmp_path: Path) -> None:
    ours, theirs = many(5), [asked(n, brief=f"other{n}", user=f"Something else, {n}.") for n in range(5)]
    with serve() as server:
        ask(server, tmp_path / "theirs", theirs, **BATCHED)
        server.faults = Faults(create=["lost"])
        done = ask(server, tmp_path / "ours", ours, **BATCHED)
        assert [reply.text for reply in done.replies] == texts(ours)
        assert of_kind(server, "batch_create") == 2


@pytest.mark.parametrize("endpoint", ["poll", "list", "results"])
@pytest.mark.parametrize("fault", ["500", "429:1", "reset", "malformed", "529"])
def test_trouble_with_looking_costs_nothing(tmp_path: Path, endpoint: str, fault: str) -> None:
    requests = many(6)
    create = ["lost"] if endpoint == "list" else []
    with serve(faults=Faults(create=create, **{endpoint: [fault, fault]}), batch_seconds=0.05) as server:
        done = ask(server, tmp_path, requests, **BATCHED)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert of_kind(server, "batch_create") == 1
        assert done.totals.known == served(server) and done.totals.uncertain == 0


def test_only_what_the_cap_has_room_for_is_submitted(tmp_path: Path) -> None:
    requests = many(20)
    with serve() as server:
        done = ask(server, tmp_path, requests, dollars=0.05, **BATCHED)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert of_kind(server, "batch_create") > 1 and served(server) <= 0.05 * 10**12
    with serve() as server:
        poor = ask(server, tmp_path / "poor", requests, dollars=0.001, **BATCHED)
        assert poor.error and poor.error.exit_code == 3 and "spend cap" in str(poor.error)
        assert not entries(server)


def test_small_rounds_go_live(tmp_path: Path) -> None:
    with serve() as server:
        done = ask(server, tmp_path, many(9), batch_minimum=10, **BATCHED)
        assert [reply.text for reply in done.replies] == texts(many(9))
        assert len(messages(server)) == 9 and not of_kind(server, "batch_create")
        assert done.totals.known == served(server)


def test_a_server_without_batches_is_used_live_and_it_is_said_once(tmp_path: Path) -> None:
    with serve(batches=False) as server:
        done = ask(server, tmp_path, many(4), prices="free", dollars=None, **BATCHED)
        assert [reply.text for reply in done.replies] == texts(many(4))
    assert sum("no Message Batches" in sentence for sentence in done.said) == 1


def test_a_request_that_no_service_takes_ends_the_round_with_what_else_came(tmp_path: Path) -> None:
    with serve(faults=Faults(entry=["errored:invalid_request_error"])) as server:
        done = ask(server, tmp_path, many(5), **BATCHED)
    assert isinstance(done.error, InputError) and "draft" in str(done.error)
    assert len(calls(tmp_path)) == 4


def test_an_interrupted_round_is_taken_up_again(tmp_path: Path) -> None:
    requests = many(10)
    code = (
        "import sys\nfrom pathlib import Path\nfrom tests.model.room import ask, many\n"
        "ask(sys.argv[1], Path(sys.argv[2]), many(10), backend='anthropic-batches')\n"
    )
    with serve(batch_seconds=3.0) as server:
        writer = subprocess.Popen([sys.executable, "-c", code, server.url, str(tmp_path)], cwd=CHECKOUT)
        deadline = time.monotonic() + 30
        while not of_kind(server, "batch_poll") and time.monotonic() < deadline:
            time.sleep(0.05)
        writer.send_signal(signal.SIGINT)
        assert writer.wait(10) != 0
        done = ask(server, tmp_path, requests, **BATCHED)
        assert [reply.text for reply in done.replies] == texts(requests)
        assert of_kind(server, "batch_create") == 1 and len(entries(server)) == 10
        assert done.totals.known == served(server) and done.totals.uncertain == 0


def test_a_batch_left_open_is_taken_in_by_the_live_backend_too(tmp_path: Path) -> None:
    first, more = many(6), many(9)
    code = (
        "import sys\nfrom pathlib import Path\nfrom tests.model.room import ask, many\n"
        "ask(sys.argv[1], Path(sys.argv[2]), many(6), backend='anthropic-batches')\n"
    )
    with serve(batch_seconds=2.0) as server:
        writer = subprocess.Popen([sys.executable, "-c", code, server.url, str(tmp_path)], cwd=CHECKOUT)
        deadline = time.monotonic() + 30
        while not of_kind(server, "batch_poll") and time.monotonic() < deadline:
            time.sleep(0.05)
        writer.kill()
        writer.wait()
        done = ask(server, tmp_path, more, backend="anthropic")
        assert done.error is None and [reply.text for reply in done.replies] == texts(more)
        assert len(entries(server)) == 6 and len(messages(server)) == 3, "nothing of the batch was paid for again"
        assert any("batches of an earlier run" in sentence for sentence in done.said)
        assert done.totals.known == served(server) and done.totals.reserved == done.totals.uncertain == 0
        assert ask(server, tmp_path, first, backend="anthropic").replies == done.replies[:6]
