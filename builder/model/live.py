"""Backend `anthropic`: one request on the wire for one call, to the service or to any server of the Messages API."""

import asyncio
from typing import TYPE_CHECKING, Any

from builder.model.client import Say, open_client
from builder.model.messages_api import Malformed, params, read_reply
from builder.model.prefixes import Prefixes
from builder.model.protocol import Fault, Outcome, Reply, Request
from builder.model.service_errors import (
    Filtered,
    Unsupported,
    by_connection,
    by_status,
    refused_request,
)
from builder.model.settings import ModelConfig

if TYPE_CHECKING:
    from anthropic import AsyncStream
    from anthropic.types import RawMessageStreamEvent

NAME = "anthropic"
_STREAM_ABOVE = 4096  # tokens of output; a longer answer might outlast what lies between here and the server


class LiveModel:
    """Answers through the official client, whose own retries are off."""

    name = NAME

    def __init__(self, config: ModelConfig, say: Say, *, counts: bool) -> None:
        """Open the client; `counts` is whether a prefix is worth counting, which it is where tokens cost money."""
        self._config, self._say = config, say
        self.client = open_client(config, say)
        self._prefixes = Prefixes()
        self._counts, self._caches, self._proved = counts, True, False
        self._counting = asyncio.Lock()

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()

    async def ready(self, request: Request) -> None:
        """Wait while another call writes this one's prefix to the cache."""
        if self._caches:
            await self._prefixes.ready(request)

    def done(self, request: Request) -> None:
        """Let the next call write the prefix if this one could not."""
        self._prefixes.done(request)

    async def input_bound(self, request: Request) -> int:
        """Bytes bound tokens; a prefix's tokens are counted by the server, once, if it can."""
        if self._counts and not self._prefixes.known(request):
            async with self._counting:
                if self._counts and not self._prefixes.known(request):
                    await self._count(request)
        return self._prefixes.bound(request)

    async def answer(self, request: Request) -> Reply:
        """Send a request and read the answer.

        Raises:
            Busy, Fault: as the protocol says.
            InputError: for a key, a model or a request that the server does not accept.
        """
        import anthropic
        import httpx2

        try:
            # A stream says that it has begun, by when the prefix is in the cache for those that wait for it.
            streams = request.max_tokens > _STREAM_ABOVE or self._prefixes.writes(request)
            reply = await (self._streamed if streams else self._whole)(request)
        except anthropic.APIStatusError as error:
            return self._status(error, request)
        except anthropic.APIConnectionError as error:
            by_connection(error)
        except (httpx2.HTTPError, httpx2.StreamError):
            raise Fault("the connection broke", charged=True) from None
        except (Malformed, ValueError, AttributeError, TypeError, anthropic.AnthropicError) as error:
            raise Fault(f"an answer that cannot be read ({type(error).__name__})", charged=True) from None
        self._prefixes.warm(request)
        self._proved = True
        cached = reply.usage.cache_read + reply.usage.cache_write
        if cached:
            self._prefixes.counted(request, cached)
        return reply if reply.model else Reply(reply.text, reply.outcome, request.model, reply.usage)

    async def _whole(self, request: Request) -> Reply:
        raw = await self.client.messages.with_raw_response.create(**self._params(request))
        return read_reply(_object(raw.http_response.json()))

    async def _streamed(self, request: Request) -> Reply:
        stream: AsyncStream[RawMessageStreamEvent]
        stream = await self.client.messages.create(**self._params(request), stream=True)
        message: dict[str, Any] = {}
        texts: list[str] = []
        ended = False
        async for event in stream:
            if event.type == "message_start":
                self._prefixes.warm(request)
                message = event.message.to_dict()
            elif event.type == "content_block_delta" and event.delta.type == "text_delta":
                texts.append(event.delta.text)
            elif event.type == "message_delta":
                message["stop_reason"] = event.delta.stop_reason
                counted = {name: n for name, n in event.usage.to_dict().items() if isinstance(n, int)}
                message["usage"] = {**(message.get("usage") or {}), **counted}
            ended = ended or event.type == "message_stop"
        if not ended:
            raise Fault("the stream broke off", charged=True)
        return read_reply({**message, "content": [{"type": "text", "text": "".join(texts)}]})

    def _params(self, request: Request) -> dict[str, Any]:
        return params(request, cached=self._caches)

    def _status(self, error: Any, request: Request) -> Reply:  # noqa: ANN401 - the client's error type
        try:
            by_status(error, request, self._config)
        except Filtered:
            return Reply("", Outcome.REFUSED, request.model)
        except Unsupported as problem:
            if self._caches and not self._proved:
                # Some servers know no cache_control, or no system prompt in blocks; the next attempt does without.
                self._caches = False
                self._say(f"{self._config.host} takes no cached prefix; prompts are sent whole")
                raise Fault(str(problem), charged=False) from None
            raise refused_request(str(problem), request, self._config) from None

    async def _count(self, request: Request) -> None:
        import anthropic

        sent = {"model": request.model, "system": request.system, "messages": [{"role": "user", "content": "."}]}
        try:
            counted = await self.client.messages.count_tokens(**sent)  # type: ignore[arg-type]
            self._prefixes.counted(request, int(counted.input_tokens))
        except anthropic.APIStatusError as error:
            if error.status_code in (404, 405, 501):
                self._counts = False
                self._say(f"{self._config.host} does not count tokens; what a call may cost is reserved by its bytes")
        except (anthropic.AnthropicError, ValueError, TypeError, AttributeError):
            pass  # the call itself will meet the same trouble and say so; its bytes bound it meanwhile


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("the answer is no object")
    return value
