"""The test server as the official client sees it: every endpoint, every fault, and what the log keeps."""

import asyncio
import hashlib
import json
import re
import signal
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic

from builder.config import BuildConfig, Project
from builder.hashing import canonical_json
from builder.ideas import groups
from builder.inputs import open_inputs
from builder.model.protocol import Outcome, Reply, Request
from builder.write import FAMILIES, Piece, parse_ideas
from tests.service.answers import answer
from tests.service.faults import Faults
from tests.service.server import Server, serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

CHECKOUT = Path(__file__).parents[2]
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
SYSTEM = "A long constitution. " * 100
HELLO: dict[str, Any] = {
    "model": "writer-1",
    "max_tokens": 1000,
    "system": SYSTEM,
    "messages": [{"role": "user", "content": "What is owed to a ferryman?"}],
}
TEXT = answer(SYSTEM, "What is owed to a ferryman?")
CACHED: dict[str, Any] = {
    **HELLO,
    "system": [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}],
}


@asynccontextmanager
async def client(url: str, key: str = "test-key", timeout: float = 5.0) -> AsyncIterator[AsyncAnthropic]:
    http = anthropic.DefaultAsyncHttpxClient(verify=TLS)  # reading the certificates takes longer than a test
    async with AsyncAnthropic(base_url=url, api_key=key, max_retries=0, timeout=timeout, http_client=http) as opened:
        yield opened


def with_client(server: Server, use: Callable[[AsyncAnthropic], Awaitable[Any]], **options: Any) -> Any:
    async def used() -> Any:
        async with client(server.url, **options) as opened:
            return await use(opened)

    return asyncio.run(used())


def ask(server: Server, **changed: Any) -> Any:
    return with_client(server, lambda api: api.messages.create(**{**HELLO, **changed}))


def streamed(server: Server, **options: Any) -> list[Any]:
    async def read(api: AsyncAnthropic) -> list[Any]:
        return [event async for event in await api.messages.create(**HELLO, stream=True)]

    return with_client(server, read, **options)


def entries(count: int) -> list[Any]:
    messages = [[{"role": "user", "content": f"Question {number}"}] for number in range(count)]
    return [
        {"custom_id": f"entry-{number}", "params": {**CACHED, "messages": asked}}
        for number, asked in enumerate(messages)
    ]


async def finished(api: AsyncAnthropic, id_: str) -> list[Any]:
    while (await api.messages.batches.retrieve(id_)).processing_status != "ended":
        await asyncio.sleep(0.01)
    return [line async for line in await api.messages.batches.results(id_)]


def batched(server: Server, count: int) -> list[Any]:
    async def whole(api: AsyncAnthropic) -> list[Any]:
        return await finished(api, (await api.messages.batches.create(requests=entries(count))).id)

    return with_client(server, whole)


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


def test_a_batch_runs_to_its_end() -> None:
    with serve(batch_seconds=0.1) as server:
        started = time.monotonic()
        lines = batched(server, 3)
        assert time.monotonic() - started >= 0.1
        server.wait_idle()
    assert [line.custom_id for line in lines] == ["entry-0", "entry-1", "entry-2"]
    assert [line.result.message.content[0].text for line in lines] == [
        answer(SYSTEM, f"Question {number}") for number in range(3)
    ]
    usages = [line.result.message.usage for line in lines]
    assert [bool(usage.cache_read_input_tokens) for usage in usages] == [False, True, True]
    assert usages[0].service_tier == "batch"
    logged = [entry for entry in server.log if entry["kind"] == "batch_entry"]
    assert [entry["custom_id"] for entry in logged] == ["entry-0", "entry-1", "entry-2"]
    assert logged[1]["usage"]["output_tokens"] == usages[1].output_tokens and logged[0]["batch"].startswith("msgbatch_")
    assert [entry["n"] for entry in server.log] == sorted(entry["n"] for entry in server.log)


def test_batch_entries_fare_differently_and_come_in_any_order() -> None:
    schedule = ["ok", "errored", "errored:invalid_request_error", "expired", "canceled", "refusal"]
    with serve(faults=Faults(entry=schedule, shuffled=True, repeated=2, seed=3)) as server:
        lines = batched(server, 6)
    assert [line.custom_id for line in lines] != sorted(line.custom_id for line in lines)
    assert Counter(line.custom_id for line in lines)["entry-1"] == 2 and len(lines) == 8
    results = {line.custom_id: line.result for line in lines}
    kinds = [results[f"entry-{number}"].type for number in range(6)]
    assert kinds == ["succeeded", "errored", "errored", "expired", "canceled", "succeeded"]
    assert results["entry-1"].error.error.type == "api_error"
    assert results["entry-2"].error.error.type == "invalid_request_error"
    assert results["entry-5"].message.stop_reason == "refusal"


def test_a_batch_whose_answer_was_lost_is_processed_and_can_be_found() -> None:
    async def found(api: AsyncAnthropic) -> list[Any]:
        with pytest.raises(anthropic.APIConnectionError):
            await api.messages.batches.create(requests=entries(2))
        batches = [batch async for batch in api.messages.batches.list()]
        return await finished(api, batches[0].id)

    with serve(faults=Faults(create=["lost"])) as server:
        assert [line.result.type for line in with_client(server, found)] == ["succeeded", "succeeded"]
    assert server.log[0]["kind"] == "batch_create" and server.log[0]["fault"] == "lost"


def test_batches_are_listed_from_the_newest_a_page_at_a_time() -> None:
    async def listed(api: AsyncAnthropic) -> None:
        made = [(await api.messages.batches.create(requests=entries(1))).id for _ in range(5)]
        page = await api.messages.batches.list(limit=2)
        assert [batch.id for batch in page.data] == made[:2:-1] and page.has_more
        assert (page.first_id, page.last_id) == (made[4], made[3])
        assert [batch.id async for batch in api.messages.batches.list(limit=2)] == made[::-1]
        before = await api.messages.batches.list(limit=2, before_id=made[0])
        assert [batch.id for batch in before.data] == [made[2], made[1]]

    with serve() as server:
        with_client(server, listed)


def test_polls_fail_and_a_batch_is_cancelled() -> None:
    async def cancelled(api: AsyncAnthropic) -> Any:
        id_ = (await api.messages.batches.create(requests=entries(3))).id
        with pytest.raises(anthropic.InternalServerError):
            await api.messages.batches.retrieve(id_)
        with pytest.raises(anthropic.AnthropicError, match="results_url"):
            await api.messages.batches.results(id_)
        assert (await api.messages.batches.cancel(id_)).processing_status == "canceling"
        lines = await finished(api, id_)
        assert [line.result.type for line in lines] == ["succeeded", "canceled", "canceled"]
        with pytest.raises(anthropic.NotFoundError):
            await api.messages.batches.retrieve("msgbatch_none")
        return (await api.messages.batches.retrieve(id_)).request_counts

    with serve(batch_seconds=60, cancel_keeps=1, faults=Faults(poll=["500"])) as server:
        counts = with_client(server, cancelled)
    assert (counts.succeeded, counts.canceled, counts.processing) == (1, 2, 0)


def test_results_of_another_host_are_asked_for_with_the_key() -> None:
    async def results(api: AsyncAnthropic) -> None:
        await finished(api, (await api.messages.batches.create(requests=entries(1))).id)

    with serve() as stranger, serve(results_base=stranger.url) as server, pytest.raises(anthropic.NotFoundError):
        with_client(server, results)
    assert stranger.log[0]["kind"] == "batch_results" and stranger.log[0]["key_end"] == "-key"


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


def test_the_texts_parse_and_judge() -> None:
    config = BuildConfig(evals=("framing",), seed=5, families={"explanatory": 1, "story": 1, "advice": 2})
    inputs = open_inputs(Project(config, Path("/nowhere")), lambda *_: None)
    briefs, writer = inputs.briefs(24), inputs.writer
    ideas = [idea for group in groups(briefs) for idea in parse_ideas(said(writer.ideas(group, 0, [], {})), len(group))]
    documents = []
    for brief in briefs:
        piece = Piece(brief, str(ideas[0]))
        for step in FAMILIES[brief.family].steps(brief):
            piece = step.read(writer, piece, Reply(said(step.ask(writer, piece)), Outcome.COMPLETED, "m"))
            assert piece.reason is None, (step.name, piece.reason)
        assert piece.review is not None and piece.review.judged == len(FAMILIES[brief.family].criteria)
        whole = " ".join(re.sub(r"<[^>]*>", " ", piece.finished.tagged).split())
        assert any(evidence in whole for _, evidence in piece.review.verdicts.values())
        documents.append(piece.finished.body)
    for texts in (ideas, documents):
        assert all(isinstance(text, str) for text in texts) and len(set(texts)) == len(briefs)


def said(request: Request) -> str:
    return answer(request.system, request.user)
