"""The test server asked through the real client, as its own tests ask it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
from anthropic import AsyncAnthropic

from tests.service.answers import answer
from tests.service.server import Server

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
