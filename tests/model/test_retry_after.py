"""A service that asks to be left alone is left alone."""

import threading
import time
from pathlib import Path

import pytest

from tests.model.room import ask, many, messages, room, scripted, texts
from tests.service.server import serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.mark.parametrize("stream", [False, True])
def test_no_request_comes_within_the_time_that_was_asked_for(stream: bool, tmp_path: Path) -> None:
    requests = many(30, max_tokens=5000 if stream else 1000)
    with serve(faults=scripted({"Brief 12.": ["429:2"]}), latency=0.05) as server:
        done = ask(server, tmp_path, requests, concurrency=8)
        entries = messages(server)
    assert [reply.text for reply in done.replies] == texts(requests)
    (refused,) = [entry["time"] for entry in entries if entry["fault"] != "ok"]
    later = sorted(entry["time"] - refused for entry in entries if entry["time"] > refused + 0.1)
    assert later and later[0] >= 2.0
    assert later[0] <= 2 * 1.1 + 0.5


def test_a_slow_disk_lets_nothing_through_either(tmp_path: Path) -> None:
    """Calls whose reservation is still being written when the service asks for peace wait like all the others."""
    requests = many(24)
    faults = scripted({"Brief 12.": ["429:2"]})
    with serve(faults=faults, latency=0.01, error_latency=0.25) as server, room(server, tmp_path) as opened:
        ended = threading.Event()

        def slow() -> None:
            while not ended.is_set():
                opened.ledger.do(lambda db: time.sleep(0.15))

        disk = threading.Thread(target=slow)
        disk.start()
        try:
            replies = opened.caller.answer_all(requests)
        finally:
            ended.set()
            disk.join()
        entries = messages(server)
    assert [reply.text for reply in replies] == texts(requests)
    (refused,) = [entry["time"] for entry in entries if entry["fault"] != "ok"]
    assert not [entry for entry in entries if refused + 0.3 < entry["time"] < refused + 2.25]


def test_a_rate_limit_of_the_server_is_kept_to_and_everything_is_answered(tmp_path: Path) -> None:
    """Twenty at once and twenty a second after that: a client without a pace has most requests refused."""
    requests = many(120)
    with serve(rate=20, burst=20, latency=0.05) as server:
        done = ask(server, tmp_path, requests, concurrency=40)
        entries = messages(server)
    assert [reply.text for reply in done.replies] == texts(requests)
    refused = [entry["time"] for entry in entries if entry["status"] == 429]
    assert 1 <= len(refused) <= 45 and sum(time > refused[0] + 1 for time in refused) <= 8
    assert entries[-1]["time"] - entries[0]["time"] < 20
