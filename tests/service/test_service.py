"""The test server as the official client sees it: every endpoint, every fault, and what the log keeps."""

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic

from builder.hashing import canonical_json
from tests.service.calling import (
    CACHED,
    CHECKOUT,
    HELLO,
    SYSTEM,
    TEXT,
    TLS,
    ask,
    client,
    entries,
    streamed,
    with_client,
)
from tests.service.server import serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def test_a_message_is_answered_from_its_prompts_and_logged() -> None:
    with serve() as server:
        message = ask(server)
        server.wait_idle()
    (entry,) = server.log
    assert message.content[0].text == TEXT and message.stop_reason == "end_turn" and message.model == "writer-1"
    assert message._request_id.startswith("req_")
    assert message.usage.input_tokens == len(SYSTEM) // 4 + len("What is owed to a ferryman?") // 4
    assert message.usage.output_tokens == len(TEXT.encode()) // 4 + 1
    sent = {name: HELLO[name] for name in ("model", "system", "messages")}
    assert entry["body_sha256"] == hashlib.sha256(canonical_json(sent).encode()).hexdigest()
    assert entry["kind"] == "message" and entry["status"] == 200 and entry["answered"] and not entry["cache_control"]
    assert entry["key"] and entry["key_end"] == "-key" and "test-key" not in json.dumps(entry)
    assert entry["usage"]["output_tokens"] == message.usage.output_tokens


def test_a_stream_brings_the_same_text_in_pieces() -> None:
    with serve() as server:
        events = streamed(server)
    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    pieces = [event.delta.text for event in events if event.type == "content_block_delta"]
    assert len(pieces) > 3 and "".join(pieces) == TEXT
    assert events[-2].delta.stop_reason == "end_turn"
    assert events[-2].usage.output_tokens == len(TEXT.encode()) // 4 + 1


def test_a_marked_system_prompt_is_written_to_the_cache_once_for_each_model() -> None:
    with serve() as server:
        first, second, other = ask(server, **CACHED), ask(server, **CACHED), ask(server, **CACHED | {"model": "b"})
        plain = ask(server)
        server.wait_idle()
    size = len(SYSTEM) // 4
    counts = [(m.usage.cache_creation_input_tokens, m.usage.cache_read_input_tokens) for m in (first, second, other)]
    assert counts == [(size, 0), (0, size), (size, 0)]
    assert first.usage.input_tokens == second.usage.input_tokens == plain.usage.input_tokens - size
    assert first.usage.cache_creation.ephemeral_5m_input_tokens == size
    assert server.log[0]["body_sha256"] == server.log[3]["body_sha256"], "both forms of a system prompt are the same"
    assert [entry["cache_control"] for entry in server.log] == [True, True, True, False]


def test_a_cache_that_is_warm_only_after_an_answer_is_written_by_all_that_come_before() -> None:
    async def together(api: AsyncAnthropic) -> list[Any]:
        return await asyncio.gather(*(api.messages.create(**CACHED) for _ in range(3)))

    with serve(latency=0.1, cached_when_answered=True) as server:
        assert all(message.usage.cache_creation_input_tokens for message in with_client(server, together))
        assert ask(server, **CACHED).usage.cache_creation_input_tokens == 0


def test_max_tokens_cuts_the_text() -> None:
    with serve() as server:
        message = ask(server, max_tokens=5)
    assert message.stop_reason == "max_tokens" and message.usage.output_tokens == 5
    assert message.content[0].text == TEXT[:19]


def test_tokens_are_counted_and_models_looked_up() -> None:
    asked = {name: HELLO[name] for name in ("model", "system", "messages")}
    with serve(models=["writer-1"]) as server:
        counted = with_client(server, lambda api: api.messages.count_tokens(**asked))
        assert counted.input_tokens == ask(server).usage.input_tokens
        assert with_client(server, lambda api: api.models.retrieve("writer-1")).id == "writer-1"
        with pytest.raises(anthropic.NotFoundError, match="model: writer-2"):
            with_client(server, lambda api: api.models.retrieve("writer-2"))
        with pytest.raises(anthropic.NotFoundError) as error:
            ask(server, model="writer-2")
        assert server.log[-1]["model"] == "writer-2" and server.log[-1]["body_sha256"]
    assert error.value.type == "not_found_error" and error.value.request_id == error.value.body["request_id"]


def test_a_wrong_key_opens_nothing() -> None:
    with serve(key="right-key") as server:
        with pytest.raises(anthropic.AuthenticationError) as error:
            ask(server)
        assert with_client(server, lambda api: api.messages.create(**HELLO), key="right-key").content
        for key, status in (("right-key", 200), ("wrong-key", 401)):
            headers = {"x-api-key": key}
            assert (
                httpx2.post(f"{server.url}/v1/messages", json=HELLO, headers=headers, verify=TLS).status_code == status
            )
    assert error.value.type == "authentication_error"
    assert [(entry["status"], entry["usage"] is None) for entry in server.log[:2]] == [(401, True), (200, False)]


def test_the_rate_limit_lets_a_burst_through_and_then_names_a_wait() -> None:
    with serve(rate=5, burst=2) as server:
        assert ask(server).content and ask(server).content
        with pytest.raises(anthropic.RateLimitError) as error:
            ask(server)
        assert error.value.response.headers["retry-after"] == "1"
        time.sleep(0.25)
        assert ask(server).content


def test_a_local_server_may_know_less() -> None:
    asked = {name: HELLO[name] for name in ("model", "messages")}
    with serve(count_tokens=False, batches=False, caching=False, cache_fields=False) as server:
        for call in (
            lambda api: api.messages.count_tokens(**asked),
            lambda api: api.messages.batches.create(requests=entries(1)),
        ):
            with pytest.raises(anthropic.NotFoundError):
                with_client(server, call)
        with pytest.raises(anthropic.BadRequestError, match="cache_control"):
            ask(server, **CACHED)
        with pytest.raises(anthropic.BadRequestError, match="valid string"):
            ask(server, system=[{"type": "text", "text": SYSTEM}])
        usage = ask(server).usage
    assert usage.input_tokens and usage.cache_read_input_tokens is None


def test_a_process_of_its_own_logs_what_it_received_even_if_nobody_waits(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    options = ["--latency", "0.2", "--models", "writer-1,writer-2", "--faults", '{"message": ["ok", "529"]}']
    command = [sys.executable, "-m", "tests.service.server", "--log", log, *options]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()

        async def asked() -> None:
            async with client(url) as api:
                assert (await api.messages.create(**HELLO)).content[0].text == TEXT
                with pytest.raises(anthropic.OverloadedError):
                    await api.messages.create(**HELLO)
            async with client(url, timeout=0.05) as impatient:
                with pytest.raises(anthropic.APITimeoutError):
                    await impatient.messages.create(**HELLO)

        asyncio.run(asked())
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    received = [row for row in rows if "kind" in row]
    assert [(row["n"], row["status"], row["usage"] is None) for row in received] == [
        (1, 200, False),
        (2, 529, True),
        (3, 200, False),
    ]
    assert [row["n"] for row in rows if row.get("answered")] == [1, 2]


def test_sixty_four_calls_at_once_are_all_answered() -> None:
    async def many(api: AsyncAnthropic) -> list[Any]:
        asked = [[{"role": "user", "content": f"Question {number}"}] for number in range(64)]
        return await asyncio.gather(*(api.messages.create(**{**HELLO, "messages": one}) for one in asked))

    with serve(latency=0.3) as server:
        messages = with_client(server, many)
        server.wait_idle()
    assert len({message.content[0].text for message in messages}) == 64
    assert len(server.log) == 64 and all(entry["answered"] for entry in server.log)
