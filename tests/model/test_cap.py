"""The cap: neither the account nor what the service did ever comes to more, whatever fails and however it is raised."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder.errors import Incomplete
from builder.model import CapReached, Prices, dollars
from builder.model.prices import pico
from builder.progress import Progress
from tests.model.room import (
    MODEL,
    OTHER,
    ask,
    asked,
    assert_reconciled,
    assert_totals,
    attempts,
    body_sha256,
    calls,
    cost,
    many,
    messages,
    room,
    scripted,
    served,
    texts,
)
from tests.service.faults import Faults
from tests.service.server import Server, serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

CHARGED = ("500", "reset", "lost", "malformed", "cut", "dropped", "reset_late")


def priced(folder: Path, draw: Random) -> Prices:
    """A table in which any of the rates may be the dearest, and a long call may be cheaper or dearer."""

    def rates() -> dict[str, float]:
        return {name: round(draw.uniform(0.1, 40), 2) for name in ("input", "output", "cache_write", "cache_read")}

    models = [{"name": MODEL, **rates(), "long": {"above": 200, **rates()}}, {"name": OTHER, **rates()}]
    table = {"schema": 1, "as_of": "2026-11-01", "source": "a test", "models": models}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prices.yaml").write_text(yaml.safe_dump(table))
    return Prices.load(folder / "prices.yaml")


def spent(server: Server, prices: Prices) -> int:
    """What everything that the server did costs."""
    entries = [entry for entry in messages(server) if entry["usage"]]
    return sum(cost(entry["usage"], entry["model"], prices=prices) for entry in entries)


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(n, marks=pytest.mark.slow) for n in range(6, 60))])
def test_the_cap_is_never_passed(seed: int, tmp_path: Path) -> None:
    """Random prices, caps, faults and concurrency, a token for every byte; then the cap is raised and it goes on."""
    draw = Random(seed)
    prices = priced(tmp_path, draw)
    requests = [
        asked(n, model=draw.choice([MODEL, OTHER]), max_tokens=draw.choice([50, 400]), user=f"Brief {n}. {'é' * n}")
        for n in range(30)
    ]
    whole = sum(prices.price_of(r.model).worst_case(len(r.system.encode()) + 200, r.max_tokens) for r in requests)
    rates = {fault: draw.uniform(0, 0.06) for fault in CHARGED}
    over: list[int] = []
    with serve(faults=Faults(rates=rates, seed=seed), token_bytes=1, latency=0.002) as server:
        caps = [dollars(whole) * share for share in (draw.uniform(0, 0.1), draw.uniform(0.1, 0.6), 30)]
        for cap in caps:

            def watch(progress: Progress, limit: int = pico(str(cap))) -> None:
                taken = opened.totals.taken
                over.extend([taken] if taken > limit else [])

            options = {"dollars": cap, "prices": "prices.yaml", "concurrency": draw.choice([1, 4, 30])}
            with room(server, tmp_path, **options) as opened:
                try:
                    replies = opened.caller.answer_all(requests, watch)
                except Incomplete as error:
                    assert error.exit_code == 3
                    replies = []
                assert opened.totals.taken <= pico(str(cap))
                assert spent(server, prices) <= opened.totals.known + opened.totals.uncertain <= pico(str(cap))
            assert_totals(opened.totals, tmp_path)
            completed = len(calls(tmp_path))
            before = Counter(e["body_sha256"] for e in messages(server) if e["answered"] and e["status"] == 200)
            assert sum(before.values()) == completed and set(before.values()) <= {1}
        if not replies:  # a call met five faults: the next run tries it again, at the same cap
            replies = ask(server, tmp_path, requests, **options).replies
        assert len(replies) == 30 and not over


def test_a_cap_that_is_reached_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    requests = many(30)
    with serve(faults=scripted({"Brief 4.": ["lost"], "Brief 9.": ["500"]}), latency=0.05) as server:
        done = ask(server, tmp_path, requests, dollars=0.06, concurrency=3)
        assert isinstance(done.error, CapReached) and done.error.exit_code == 3
        assert "the spend cap of $0.06 is reached" in str(done.error) and "raise `spend: {dollars: ...}`" in str(
            done.error
        )
        assert 0 < served(server) <= done.totals.taken <= pico("0.06")
        assert done.totals.reserved == 0
        assert_reconciled(server, tmp_path, requests)
        finished = len(calls(tmp_path))
        assert 0 < finished < 30
        more = ask(server, tmp_path, requests, dollars=1.0)
        assert [reply.text for reply in more.replies] == texts(requests)
        answered = Counter(e["body_sha256"] for e in messages(server) if e["answered"] and e["status"] == 200)
        assert answered == {body_sha256(request): 1 for request in requests}


@pytest.mark.parametrize("cap", [0.01, 0.000001])
def test_a_cap_below_one_call_sends_nothing_and_names_itself(cap: float, tmp_path: Path) -> None:
    with serve() as server:
        done = ask(server, tmp_path, many(3), dollars=cap)
        assert isinstance(done.error, CapReached) and f"${cap:f}".rstrip("0") in str(done.error)
        assert messages(server) == [] and attempts(tmp_path) == []


def test_a_cap_below_what_was_spent_sends_nothing(tmp_path: Path) -> None:
    with serve() as server:
        ask(server, tmp_path, many(10))
        done = ask(server, tmp_path, many(12), dollars=0.001)
        assert isinstance(done.error, CapReached) and len(messages(server)) == 10
        assert [reply.text for reply in ask(server, tmp_path, many(10), dollars=0.001).replies] == texts(many(10))


def test_calls_wait_for_room_while_something_is_under_way(tmp_path: Path) -> None:
    """Two worst cases fit under the cap and thirty real costs do."""
    requests = many(30)
    with serve(latency=0.03) as server:
        probe = ask(server, tmp_path / "probe", requests[:3])
        one = max(row["reserved"] for row in attempts(tmp_path / "probe"))
        real = probe.totals.known / 3
        assert 2 * one < 29 * real + one < 5 * one
        done = ask(server, tmp_path / "build", requests, dollars=dollars(int(31 * real + one)), concurrency=20)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)


def test_what_may_have_been_charged_takes_its_room_for_good(tmp_path: Path) -> None:
    """Every attempt is lost after it was served, so the cap ends the run although no answer ever came."""
    with serve(faults=Faults(rates={"lost": 1.0})) as server:
        done = ask(server, tmp_path, many(10), dollars=0.08, concurrency=2)
        assert isinstance(done.error, Incomplete) and done.totals.known == 0
        assert served(server) <= done.totals.uncertain <= pico("0.08")
        assert_totals(done.totals, tmp_path)


ALPHABET = st.characters(codec=None, exclude_categories=())


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prompts=st.lists(st.text(ALPHABET, min_size=1, max_size=300), min_size=4, max_size=12, unique=True))
def test_no_prompt_costs_more_than_was_reserved_for_it(
    prompts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any Unicode, half characters included, against a service that counts a token for every byte."""
    folder = tmp_path_factory.mktemp("build")
    requests = [asked(n, user=prompt, system=prompts[0], max_tokens=60) for n, prompt in enumerate(prompts)]
    with serve(token_bytes=1) as server:
        done = ask(server, folder, requests)
        assert done.error is None and len(done.replies) == len(prompts)
        rows = attempts(folder)
        assert len(rows) == len(prompts) and all(0 < row["charged"] <= row["reserved"] for row in rows)
        assert done.totals.known == served(server)


@pytest.mark.parametrize("counted", [1, 10**9])
def test_a_server_that_counts_wrongly_is_not_believed_for_long(counted: int, tmp_path: Path) -> None:
    """What the first answers used says that the count was wrong; the bytes bound the prefix from then on."""
    requests = many(12, max_tokens=20)
    with serve(token_bytes=1, counted=counted, caching=False) as server:
        done = ask(server, tmp_path, requests, concurrency=1)
        assert done.error is None
    rows = [row for row in attempts(tmp_path) if row["state"] == "answered"]
    assert (rows[0]["charged"] > rows[0]["reserved"]) is (counted == 1)
    assert all(row["charged"] <= row["reserved"] < 2 * row["charged"] for row in rows[1:])
