"""Servers of one's own, which know less than the service: no caching, no counting, no batches, no usage."""

from pathlib import Path

import pytest

from builder.errors import InputError
from tests.model.room import (
    LONG,
    ask,
    asked,
    assert_totals,
    attempts,
    many,
    messages,
    scripted,
    texts,
)
from tests.service.server import serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

WHOLE = "takes no cached prefix; prompts are sent whole"


def two_forms(prefixes: int) -> list:
    """Calls of several prefixes, half of them answered by a stream."""
    return [
        asked(n, system=f"Prefix {n % prefixes}. " * 30, max_tokens=LONG if n % 2 else 1000)
        for n in range(4 * prefixes)
    ]


@pytest.mark.parametrize("prefixes", [1, 5])
def test_a_server_that_knows_least_answers_everything(prefixes: int, tmp_path: Path) -> None:
    """As llama.cpp and its like: nothing but messages, and a system prompt that is plain text."""
    requests = two_forms(prefixes)
    options = {"count_tokens": False, "batches": False, "caching": False, "cache_fields": False}
    with serve(latency=0.02, **options) as server:
        done = ask(server, tmp_path, requests, prices="free", dollars=None, concurrency=10)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert done.said == [f"{server.url.removeprefix('http://')} {WHOLE}"]
        assert not [entry for entry in server.log if entry["kind"] == "count"], "what is free is not counted"
    assert done.totals.taken == 0 and done.totals.read > 0
    assert_totals(done.totals, tmp_path)


def test_a_server_without_caching_is_found_out_once_in_each_run_and_costs_no_attempt_twice(tmp_path: Path) -> None:
    requests = two_forms(3)
    with serve(latency=0.02, caching=False) as server:
        done = ask(server, tmp_path, requests, concurrency=12)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert [WHOLE in sentence for sentence in done.said] == [True]
        refused = [entry for entry in messages(server) if entry["status"] == 400]
        assert 1 <= len(refused) <= 12
        assert {row["state"] for row in attempts(tmp_path)} == {"away", "answered"}
    assert done.totals.uncertain == 0


def test_a_bad_request_to_a_server_of_ones_own_is_not_blamed_on_the_cache(tmp_path: Path) -> None:
    with serve(faults=scripted({"Brief 0.": ["400", "400"]})) as server:
        done = ask(server, tmp_path, many(1))
        assert isinstance(done.error, InputError) and "refuses the draft request of brief b000" in str(done.error)
        assert done.said == [] and len(messages(server)) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_does_not_say_what_it_used_is_free_where_everything_is(stream: bool, tmp_path: Path) -> None:
    requests = many(4, max_tokens=LONG if stream else 1000)
    with serve(usage=False) as server:
        done = ask(server, tmp_path, requests, prices="free", dollars=None)
        assert [reply.text for reply in done.replies] == texts(requests)
    assert done.totals.taken == 0
    assert_totals(done.totals, tmp_path)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_does_not_say_what_it_used_costs_its_worst_case(stream: bool, tmp_path: Path) -> None:
    requests = many(4, max_tokens=LONG if stream else 1000)
    with serve(usage=False) as server:
        done = ask(server, tmp_path, requests)
        assert [reply.text for reply in done.replies] == texts(requests)
    rows = attempts(tmp_path)
    assert [row["charged"] for row in rows] == [row["reserved"] for row in rows]
    assert done.totals.known == sum(row["reserved"] for row in rows)
    assert_totals(done.totals, tmp_path)


def test_a_server_without_batches_is_asked_one_by_one_and_that_is_said_once(tmp_path: Path) -> None:
    requests = many(12)
    with serve(batches=False) as server:
        done = ask(server, tmp_path, requests, backend="anthropic-batches")
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
        assert [sentence for sentence in done.said if "Message Batches" in sentence] == [
            "the server has no Message Batches; calls go out one by one, at the full price"
        ]
        more = ask(server, tmp_path, [*requests, *many(20)[12:]], backend="anthropic-batches")
        assert len(more.replies) == 20
    rows = attempts(tmp_path)
    assert sum(row["state"] == "unsent" for row in rows) == 20 and sum(row["state"] == "answered" for row in rows) == 20
    assert_totals(more.totals, tmp_path)
