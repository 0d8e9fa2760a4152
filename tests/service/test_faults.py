"""The test server goes wrong on demand, in every way that a service does."""

import json
from collections import Counter
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic

from tests.service.calling import HELLO, TEXT, ask, streamed, with_client
from tests.service.faults import Faults
from tests.service.server import serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.mark.parametrize(
    ("fault", "raised", "kind"),
    [
        ("400", anthropic.BadRequestError, "invalid_request_error"),
        ("403", anthropic.PermissionDeniedError, "permission_error"),
        ("413", anthropic.ContentTooLargeError, "request_too_large"),
        ("429:2", anthropic.RateLimitError, "rate_limit_error"),
        ("500", anthropic.InternalServerError, "api_error"),
        ("529", anthropic.OverloadedError, "overloaded_error"),
        ("filter", anthropic.BadRequestError, "invalid_request_error"),
    ],
)
def test_an_error_is_the_same_with_and_without_a_stream(fault: str, raised: type[Exception], kind: str) -> None:
    with serve(faults=[fault, fault]) as server:
        for call in (ask, streamed):
            with pytest.raises(raised) as error:
                call(server)
            assert error.value.type == kind
            assert error.value.response.headers.get("retry-after") == ("2" if fault == "429:2" else None)
        assert ask(server).content[0].text == TEXT
        server.wait_idle()
    assert [entry["fault"] for entry in server.log] == [fault, fault, "ok"]
    assert [entry["usage"] is None for entry in server.log] == [True, True, False]
    assert all(entry["answered"] for entry in server.log)


@pytest.mark.parametrize(
    ("fault", "plain", "in_stream", "charged"),
    [
        ("reset", anthropic.APIConnectionError, anthropic.APIConnectionError, False),
        ("stall", anthropic.APITimeoutError, anthropic.APITimeoutError, False),
        ("lost", anthropic.APIConnectionError, anthropic.APIConnectionError, True),
        ("malformed", json.JSONDecodeError, json.JSONDecodeError, True),
        ("dropped", anthropic.APIConnectionError, httpx2.RemoteProtocolError, True),
        ("reset_late", anthropic.APIConnectionError, httpx2.ReadError, True),
    ],
)
def test_a_lost_or_damaged_answer_raises(
    fault: str, plain: type[Exception], in_stream: type[Exception], charged: bool
) -> None:
    with serve(faults=[fault, fault]) as server:
        for call, raised in ((lambda api: api.messages.create(**HELLO), plain), (None, in_stream)):
            with pytest.raises(raised):
                with_client(server, call, timeout=0.3) if call else streamed(server, timeout=0.3)
        server.wait_idle()
    assert [(entry["usage"] is not None, entry["answered"]) for entry in server.log] == [(charged, False)] * 2


def test_a_cut_stream_just_ends() -> None:
    async def final(api: AsyncAnthropic) -> Any:
        async with api.messages.stream(**HELLO) as stream:
            return await stream.get_final_message()

    with serve(faults=["cut", "cut", "cut"]) as server:
        kinds = [event.type for event in streamed(server)]
        message = with_client(server, final)
        with pytest.raises(anthropic.APIConnectionError):
            ask(server)
    assert "content_block_delta" in kinds and "message_delta" not in kinds and "message_stop" not in kinds
    assert message.stop_reason is None and TEXT.startswith(message.content[0].text)


def test_an_overload_in_the_middle_of_a_stream_has_status_200() -> None:
    with serve(faults=["late_529", "late_529"]) as server:
        with pytest.raises(anthropic.APIStatusError) as error:
            streamed(server)
        with pytest.raises(anthropic.OverloadedError):
            ask(server)
    assert error.value.status_code == 200 and error.value.type == "overloaded_error"


@pytest.mark.parametrize(
    ("fault", "stopped", "text"),
    [
        ("refusal", "refusal", ""),
        ("refusal:12", "refusal", TEXT[:12]),
        ("truncated", "max_tokens", TEXT[: len(TEXT) // 2]),
        ("empty", "end_turn", ""),
    ],
)
def test_an_answer_can_be_whole_and_useless(fault: str, stopped: str, text: str) -> None:
    with serve(faults=[fault, fault]) as server:
        message, events = ask(server), streamed(server)
    assert message.stop_reason == stopped and "".join(block.text for block in message.content) == text
    assert events[-2].delta.stop_reason == stopped and message.usage.output_tokens >= 1
    assert "".join(event.delta.text for event in events if event.type == "content_block_delta") == text


def test_faults_are_drawn_from_a_seed_and_the_share_is_kept() -> None:
    def drawn(seed: int) -> list[str]:
        faults = Faults(rates={"429:1": 0.2, "reset": 0.1}, seed=seed)
        return [str(faults.take("message", "m", "", "")) for _ in range(2000)]

    assert drawn(1) == drawn(1) != drawn(2)
    counts = Counter(drawn(1))
    assert 340 < counts["429:1"] < 460 and 150 < counts["reset"] < 250
    with pytest.raises(ValueError, match="does not happen to poll"):
        Faults(poll=["refusal"])


def test_a_request_can_be_refused_for_what_it_says_and_whom_it_asks() -> None:
    def stops(faults: Faults) -> list[str]:
        server.faults = faults
        asked = [("writer-1", "a ferry"), ("writer-2", "a ferry"), ("writer-2", "a bridge")]
        return [
            ask(server, model=model, messages=[{"role": "user", "content": text}]).stop_reason for model, text in asked
        ]

    with serve() as server:
        assert stops(Faults(refuse_if="ferry")) == ["refusal", "refusal", "end_turn"]
        assert stops(Faults(refuse_model="writer-2")) == ["end_turn", "refusal", "refusal"]
        assert stops(Faults(refuse_if="ferry", refuse_model="writer-2")) == ["end_turn", "refusal", "end_turn"]
        rule = Faults(rule=lambda model, system, user: "truncated" if "bridge" in user else None)
        assert stops(rule) == ["end_turn", "end_turn", "max_tokens"]
