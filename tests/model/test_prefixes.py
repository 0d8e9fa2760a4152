"""Calls that share a prefix: one writes it to the cache, the others wait for that and read it, and nobody waits for ever."""

import time
from collections import Counter
from pathlib import Path

import pytest

from builder.errors import Incomplete, InputError
from tests.model.room import (
    ask,
    asked,
    assert_reconciled,
    attempts,
    by_rule,
    messages,
    scripted,
    texts,
)
from tests.service.faults import Faults
from tests.service.server import Server, serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def prefixed(prefixes: int, each: int) -> list:
    """Calls of several prefixes, in turn."""
    systems = [f"Prefix {n}. " * 80 for n in range(prefixes)]
    return [asked(n, system=systems[n % prefixes]) for n in range(prefixes * each)]


def writes(server: Server) -> Counter[str]:
    """How many answers wrote to the cache, by the number of tokens that they wrote."""
    used = [entry["usage"] for entry in messages(server) if entry["usage"]]
    return Counter(usage["cache_creation_input_tokens"] for usage in used if usage["cache_creation_input_tokens"])


def test_each_prefix_is_written_once_and_its_calls_run_together(tmp_path: Path) -> None:
    requests = prefixed(4, 12)
    with serve(latency=0.2, cached_when_answered=True) as server:
        done = ask(server, tmp_path, requests, concurrency=16)
        assert [reply.text for reply in done.replies] == texts(requests)
        assert sum(writes(server).values()) == 4
        assert server.most_at_once >= 8
        order = [entry["body_sha256"] for entry in messages(server)]
        assert len(order) == len(set(order)) == 48
        counts = [entry for entry in server.log if entry["kind"] == "count"]
        assert len(counts) == 4, "a prefix is counted once"
    reads = sum(reply.usage.cache_read > 0 for reply in done.replies)
    assert reads == 44


def test_calls_of_one_prefix_follow_one_another(tmp_path: Path) -> None:
    """After the four that write, the calls go prefix by prefix, so that a cache is used while it is warm."""
    requests = prefixed(4, 6)
    with serve(latency=0.01) as server:
        ask(server, tmp_path, requests, concurrency=1)
    order = [int(row["brief"][1:]) % 4 for row in attempts(tmp_path)]
    assert order == [0, 1, 2, 3, *[0] * 5, *[1] * 5, *[2] * 5, *[3] * 5]


@pytest.mark.parametrize("fault", ["500", "reset", "lost", "cut", "dropped", "malformed", "429:0", "filter"])
def test_a_prefix_whose_first_call_fails_is_still_written_once(fault: str, tmp_path: Path) -> None:
    requests = prefixed(2, 6)
    with serve(faults=scripted({"Brief 0.": [fault]}), latency=0.05, cached_when_answered=True) as server:
        done = ask(server, tmp_path, requests, concurrency=8)
        assert done.error is None
        expected = texts(requests)
        assert [r.text for r in done.replies] == (["", *expected[1:]] if fault == "filter" else expected)
        assert sum(writes(server).values()) == 2
        assert_reconciled(server, tmp_path, requests)


def test_where_the_first_call_is_given_up_the_next_one_writes_the_prefix(tmp_path: Path) -> None:
    requests = prefixed(1, 8)
    faults = by_rule(lambda user: "500" if "Brief 0." in user or "Brief 1." in user else None)
    with serve(faults=faults, latency=0.02, cached_when_answered=True) as server:
        done = ask(server, tmp_path, requests, concurrency=8)
        assert isinstance(done.error, Incomplete) and "2 calls got no answer" in str(done.error)
        assert sum(writes(server).values()) == 1
        assert sum(row["state"] == "answered" for row in attempts(tmp_path)) == 6


@pytest.mark.parametrize("concurrency", [1, 3, 20])
def test_nobody_waits_for_ever_when_every_first_call_fails(concurrency: int, tmp_path: Path) -> None:
    requests = prefixed(3, 5)
    with serve(faults=Faults(rates={"500": 1.0})) as server:
        done = ask(server, tmp_path, requests, concurrency=concurrency)
        assert isinstance(done.error, Incomplete) and "15 calls got no answer" in str(done.error)
        assert len(messages(server)) == 75


def test_nobody_waits_for_ever_when_the_run_ends_while_a_prefix_is_written(tmp_path: Path) -> None:
    requests = prefixed(2, 8)
    with serve(faults=scripted({"Brief 1.": ["401"]}), latency=0.3) as server:
        began = time.monotonic()
        done = ask(server, tmp_path, requests, concurrency=16)
        assert isinstance(done.error, InputError) and time.monotonic() - began < 10
        assert len(messages(server)) == 2


@pytest.mark.parametrize(
    ("faults", "said"),
    [({"count": ["404"]}, 1), ({"count": ["400"]}, 1), ({"count": ["500"]}, 0), ({"count": ["malformed"]}, 0)],
)
def test_where_tokens_are_not_counted_bytes_bound_them(faults: dict, said: int, tmp_path: Path) -> None:
    """A server that cannot count is asked once and that is said once; one that fails to is not asked again either."""
    requests = prefixed(1, 10)
    with serve(faults=Faults(**faults)) as server:
        done = ask(server, tmp_path, requests)
        assert [reply.text for reply in done.replies] == texts(requests)
        assert len([entry for entry in server.log if entry["kind"] == "count"]) == 1
    assert len([sentence for sentence in done.said if "does not count tokens" in sentence]) == said == len(done.said)
    reserved = [row["reserved"] for row in attempts(tmp_path)]
    assert reserved[0] >= 3_750_000 * len(requests[0].system), "each byte may be a token that is written to the cache"


def test_counting_that_stalls_does_not_stop_the_build(tmp_path: Path) -> None:
    requests = prefixed(3, 3)
    with serve(faults=Faults(count=["stall"] * 9)) as server:
        done = ask(server, tmp_path, requests, timeout=0.3)
        assert [reply.text for reply in done.replies] == texts(requests)
        assert len([entry for entry in server.log if entry["kind"] == "count"]) == 3
