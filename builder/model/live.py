"""Backend `anthropic`: one request on the wire for one call, to the service or to any server of the Messages API."""

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from builder.model.client import Say, open_client
from builder.model.messages_api import Malformed, params, read_reply
from builder.model.prefixes import Prefixes
from builder.model.protocol import Fault, Reply, Request
from builder.model.service_errors import Unsupported, by_connection, by_status, refused_request
from builder.model.settings import ModelConfig

if TYPE_CHECKING:
    from anthropic import APIStatusError, AsyncStream
    from anthropic.types import RawMessageStreamEvent

NAME = "anthropic"
_STREAM_ABOVE = 4096  # tokens of output; a longer answer might outlast what lies between here and the server
_COUNTING = 20.0  # seconds that counting may take, while other calls wait for it
_NO_COUNTING = (400, 404, 405, 422, 501)  # a server that cannot count tokens
_SURROGATE = re.compile("[\ud800-\udfff]")


class LiveModel:
    """Answers through the official client, whose own retries are off."""

    name = NAME

    def __init__(self, config: ModelConfig, say: Say, *, counts: bool) -> None:
        """Open the client; `counts` is whether a prefix is worth counting, which it is where tokens cost money."""
        self._config, self._say = config, say
        self.client = open_client(config, say)
        self._prefixes = Prefixes()
        self._counts, self._counting = counts, asyncio.Lock()
        # Whether prefixes are marked to be cached, whether the server is known to take that, and whether it was said
        # that it does not.
        self._caches, self._proved, self._told = True, config.base_url is None, False

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
        if self._counts and not self._prefixes.asked(request):
            async with self._counting:
                if self._counts and not self._prefixes.asked(request):
                    await self._count(request)
        return self._prefixes.bound(request)

    async def answer(self, request: Request) -> Reply:
        """Send a request and read the answer.

        Raises:
            Busy, Fault, Withheld: as the protocol says.
            InputError: for a key, a model or a request that the server does not accept.
        """
        import anthropic
        import httpx2

        marked = self._caches and bool(request.system)
        try:
            # A stream says that it has begun, by when the prefix is in the cache for those that wait for it.
            streams = request.max_tokens > _STREAM_ABOVE or self._prefixes.writes(request)
            reply = await (self._streamed if streams else self._whole)(request)
        except anthropic.APIStatusError as error:
            self._status(error, request, marked=marked)
        except anthropic.APIConnectionError as error:
            by_connection(error)
        except (httpx2.HTTPError, httpx2.StreamError):
            raise Fault("the connection broke", charged=True) from None
        except (Malformed, ValueError, AttributeError, TypeError, RecursionError, anthropic.AnthropicError) as error:
            raise Fault(f"an answer that cannot be read ({type(error).__name__})", charged=True) from None
        self._learn(request, reply, marked=marked)
        return reply if reply.model else replace(reply, model=request.model)

    def _learn(self, request: Request, reply: Reply, *, marked: bool) -> None:
        """What an answer says about the server."""
        self._prefixes.warm(request)
        self._prefixes.used(request, reply.usage)
        self._proved = self._proved or marked
        if not self._caches and not self._told:
            self._told = True
            self._say(f"{self._config.host} takes no cached prefix; prompts are sent whole")

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
                if event.usage:  # some servers count nothing
                    counted = {name: n for name, n in event.usage.to_dict().items() if isinstance(n, int)}
                    message["usage"] = {**(message.get("usage") or {}), **counted}
            ended = ended or event.type == "message_stop"
        if not ended:
            raise Fault("the stream broke off", charged=True)
        return read_reply({**message, "content": [{"type": "text", "text": "".join(texts)}]})

    def _params(self, request: Request) -> dict[str, Any]:
        return params(sendable(request), cached=self._caches and request.shared)

    def _status(self, error: "APIStatusError", request: Request, *, marked: bool) -> NoReturn:
        try:
            by_status(error, request, self._config)
        except Unsupported as problem:
            if marked and not self._proved:
                # Some servers know no cache_control, or no system prompt in blocks; the next attempt does without.
                self._caches = False
                raise Fault(str(problem), charged=False) from None
            raise refused_request(str(problem), request, self._config) from None

    async def _count(self, request: Request) -> None:
        """Ask once for the tokens of a prefix; where that fails, its bytes bound them, and the call says why."""
        import anthropic

        asked = sendable(request)
        sent: Any = {"model": asked.model, "system": asked.system, "messages": [{"role": "user", "content": "."}]}
        try:
            counted = await self.client.messages.count_tokens(**sent, timeout=min(self._config.timeout, _COUNTING))
            self._prefixes.counted(request, int(counted.input_tokens))
        except anthropic.APIStatusError as error:
            self._prefixes.uncounted(request)
            if error.status_code in _NO_COUNTING:
                self._counts = False
                self._say(f"{self._config.host} does not count tokens; what a call may cost is reserved by its bytes")
        except (anthropic.AnthropicError, ValueError, TypeError, AttributeError, RecursionError):
            self._prefixes.uncounted(request)


def sendable(request: Request) -> Request:
    """The request with every lone surrogate, which no server takes, as the replacement character.

    A model's answer may end in half a character, and the next stage's prompt holds it then.
    """
    if all(_can_be_sent(text) for text in (request.system, *(text for _, text in request.turns))):
        return request
    earlier = tuple((role, _mended(text)) for role, text in request.earlier)
    return replace(request, system=_mended(request.system), user=_mended(request.user), earlier=earlier)


def _can_be_sent(text: str) -> bool:
    return text.isascii() or not _SURROGATE.search(text)


def _mended(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed("the answer is no object")
    return value
