"""The test server takes batches as the Message Batches API does."""

import time
from collections import Counter
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic

from tests.service.answers import answer
from tests.service.calling import SYSTEM, batched, entries, finished, with_client
from tests.service.faults import Faults
from tests.service.server import serve

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


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
