"""Answers that are no use are outcomes, not errors: kept, paid for, and not asked for again."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from builder.errors import Incomplete
from builder.model import Outcome, Patience
from tests.model.room import (
    MODEL,
    OTHER,
    SHORT,
    ask,
    asked,
    assert_reconciled,
    assert_totals,
    attempts,
    body_sha256,
    by_rule,
    calls,
    cost,
    many,
    messages,
    scripted,
    texts,
)
from tests.service.faults import Faults
from tests.service.server import serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.mark.parametrize(
    ("fault", "outcome", "kept"),
    [
        ("refusal", Outcome.REFUSED, lambda text: ""),
        ("refusal:12", Outcome.REFUSED, lambda text: text[:12]),
        ("truncated", Outcome.TRUNCATED, lambda text: text[: len(text) // 2]),
        ("empty", Outcome.COMPLETED, lambda text: ""),
    ],
)
def test_an_answer_of_no_use_is_kept_and_paid_for(fault: str, outcome: Outcome, kept, tmp_path: Path) -> None:
    requests = [*many(3), *many(6, max_tokens=5000)[3:]]
    with serve(faults=scripted({"Brief 1.": [fault], "Brief 4.": [fault]})) as server:
        done = ask(server, tmp_path, requests)
        for index in (1, 4):
            assert done.replies[index].outcome is outcome
            assert done.replies[index].text == kept(texts(requests)[index])
            assert done.replies[index].usage.output > 0
        assert_reconciled(server, tmp_path, requests)
        assert_totals(done.totals, tmp_path)
        assert done.totals.known == sum(cost(entry["usage"]) for entry in messages(server))
        assert ask(server, tmp_path, requests).replies == done.replies and len(messages(server)) == 6


def test_what_a_filter_keeps_back_is_a_refusal_and_costs_nothing(tmp_path: Path) -> None:
    requests = many(4)
    with serve(faults=scripted({"Brief 2.": ["filter"]})) as server:
        done = ask(server, tmp_path, requests)
        assert [reply.outcome for reply in done.replies].count(Outcome.REFUSED) == 1
        assert (done.replies[2].outcome, done.replies[2].text) == (Outcome.REFUSED, "")
        assert_reconciled(server, tmp_path, requests)
        assert_totals(done.totals, tmp_path)
        assert [row["charged"] for row in attempts(tmp_path) if row["key"] == requests[2].key] == [0]
        assert ask(server, tmp_path, requests).replies == done.replies and len(messages(server)) == 4


@pytest.mark.parametrize("how", ["refusal", "filter"])
def test_the_fallback_answers_what_was_refused_at_its_own_price(how: str, tmp_path: Path) -> None:
    requests = many(6)
    faults = Faults(rule=lambda model, system, user: how if model == MODEL and "Brief 3." in user else None)
    with serve(faults=faults) as server:
        done = ask(server, tmp_path, requests, fallback=OTHER)
        assert [reply.text for reply in done.replies] == texts(requests)
        assert [reply.model for reply in done.replies] == [OTHER if n == 3 else MODEL for n in range(6)]
        assert [reply.refused_by for reply in done.replies] == [(MODEL,) if n == 3 else () for n in range(6)]
        entries = messages(server)
        assert Counter(entry["model"] for entry in entries) == {MODEL: 6, OTHER: 1}
        paid = sum(cost(entry["usage"], entry["model"]) for entry in entries if entry["usage"])
        assert done.totals.known == paid
        again = ask(server, tmp_path, requests, fallback=OTHER)
        assert again.replies == done.replies and len(messages(server)) == 7


def test_a_refusal_by_both_is_one_by_the_fallback(tmp_path: Path) -> None:
    requests = many(3)
    with serve(faults=by_rule(lambda user: "refusal" if "Brief 1." in user else None)) as server:
        reply = ask(server, tmp_path, requests, fallback=OTHER).replies[1]
    assert (reply.outcome, reply.model, reply.refused_by) == (Outcome.REFUSED, OTHER, (MODEL,))


def test_a_call_that_fails_for_ever_is_left_once_and_then_settled_as_failed(tmp_path: Path) -> None:
    requests = many(8)
    with serve(faults=by_rule(lambda user: "500" if "Brief 5." in user else None)) as server:
        first = ask(server, tmp_path, requests)
        assert isinstance(first.error, Incomplete) and first.error.exit_code == 3
        assert "1 call got no answer after 5 attempts" in str(first.error) and "500" in str(first.error)
        assert len(calls(tmp_path)) == 7
        second = ask(server, tmp_path, requests)
        assert second.error is None
        assert [reply.outcome for reply in second.replies] == [
            Outcome.FAILED if n == 5 else Outcome.COMPLETED for n in range(8)
        ]
        sent = Counter(entry["body_sha256"] for entry in messages(server))
        assert sent == {body_sha256(r): 10 if n == 5 else 1 for n, r in enumerate(requests)}
        assert_reconciled(server, tmp_path, requests)
        assert_totals(second.totals, tmp_path)
        assert ask(server, tmp_path, requests).replies == second.replies and len(messages(server)) == 17


def test_a_service_that_is_down_settles_nothing(tmp_path: Path) -> None:
    """Two runs against a service that answers nobody, two against none at all: nothing is held against any call."""
    requests = many(4)
    with serve(faults=by_rule(lambda user: "500")) as server:
        for _ in range(2):
            assert isinstance(ask(server, tmp_path, requests).error, Incomplete)
        assert calls(tmp_path) == []
        for _ in range(4):
            done = ask("http://127.0.0.1:1", tmp_path, requests, patience=Patience(tries=5, first=0.01, longest=0.01))
            assert isinstance(done.error, Incomplete)
        assert calls(tmp_path) == []
        server.faults = []
        done = ask(server, tmp_path, requests)
        assert [reply.text for reply in done.replies] == texts(requests)
        assert {reply.outcome for reply in done.replies} == {Outcome.COMPLETED}


def test_the_longest_answer_is_cut_and_charged_in_full(tmp_path: Path) -> None:
    requests = many(2, max_tokens=7)
    with serve() as server:
        done = ask(server, tmp_path, requests)
    assert [(reply.outcome, reply.usage.output) for reply in done.replies] == [(Outcome.TRUNCATED, 7)] * 2
    assert SHORT > 7


@pytest.mark.parametrize("backend", ["anthropic", "anthropic-batches"])
def test_half_a_character_in_a_prompt_goes_out_as_its_replacement(backend: str, tmp_path: Path) -> None:
    """An earlier answer may have ended in the midst of one; no server takes it as it is."""
    requests = [asked(n, user=f"Brief {n} \ud83d ends.", system="A constitution \udc00.") for n in range(3)]
    sent = [replace(request, user=f"Brief {n} \ufffd ends.") for n, request in enumerate(requests)]
    with serve() as server:
        done = ask(server, tmp_path, requests, backend=backend)
        assert done.error is None and [reply.text for reply in done.replies] == texts(sent)
    assert {row["state"] for row in attempts(tmp_path)} == {"answered"}
    assert {row["key"] for row in calls(tmp_path)} == {request.key for request in requests}


@pytest.mark.parametrize("backend", ["anthropic", "anthropic-batches"])
def test_a_call_that_is_asked_for_twice_in_a_round_is_made_once(backend: str, tmp_path: Path) -> None:
    requests = [asked(0), asked(1), asked(0), asked(2), asked(0)]
    with serve() as server:
        done = ask(server, tmp_path, requests, backend=backend)
        assert done.error is None and [reply.text for reply in done.replies] == texts(requests)
    assert len(attempts(tmp_path)) == len(calls(tmp_path)) == 3
