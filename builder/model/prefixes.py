"""Prefixes: which system prompts the service has in its cache, and how many tokens each of them has."""

import asyncio
import time
from collections.abc import Callable

from builder.model.protocol import Request, Usage

_KEPT = 270.0  # seconds for which a written prefix surely stays in a cache of five minutes
_FRAME = 64  # tokens that the service may add around a system prompt and a message
_MARGIN = 1.02  # the service's own count is an estimate


class Prefixes:
    """Lets one call write a prefix to the cache while the others with that prefix wait for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: dict[str, float] = {}
        self._writing: dict[str, asyncio.Event] = {}
        self._writer: dict[str, str] = {}
        self._tokens: dict[str, int] = {}
        self._uncounted: set[str] = set()

    async def ready(self, request: Request) -> None:
        """Return at once for the first call of a cold prefix, and for the others when the prefix is warm."""
        prefix = request.prefix
        while request.shared and self._clock() - self._used.get(prefix, float("-inf")) > _KEPT:
            writing = self._writing.get(prefix)
            if writing is None:
                self._writing[prefix], self._writer[prefix] = asyncio.Event(), request.key
                return
            await writing.wait()

    def writes(self, request: Request) -> bool:
        """Whether others wait for this call to write their prefix."""
        return self._writer.get(request.prefix) == request.key

    def warm(self, request: Request) -> None:
        """The service has begun to answer a call, so its prefix is in the cache."""
        self._used[request.prefix] = self._clock()
        self._end(request.prefix)

    def done(self, request: Request) -> None:
        """A call is over; if it was to write a prefix and could not, the next one tries."""
        if self.writes(request):
            self._end(request.prefix)

    def asked(self, request: Request) -> bool:
        """Whether the tokens of this request's prefix are known, or cannot be."""
        return not request.shared or request.prefix in self._tokens or request.prefix in self._uncounted

    def counted(self, request: Request, tokens: int) -> None:
        """The service says that a prefix has at most so many tokens."""
        self._tokens[request.prefix] = min(tokens, self._tokens.get(request.prefix, tokens))

    def uncounted(self, request: Request) -> None:
        """The service does not say how many tokens a prefix has, or said something wrong."""
        self._uncounted.add(request.prefix)
        self._tokens.pop(request.prefix, None)

    def used(self, request: Request, usage: Usage) -> None:
        """What an answer says that it used, all of its input being at least its prefix."""
        if usage.read > self.bound(request):
            self.uncounted(request)
        elif usage.cache_read or usage.cache_write:  # without a cache it need not be all of the input
            self.counted(request, usage.read)

    def bound(self, request: Request) -> int:
        """A number of tokens that a request's input cannot exceed: a byte is at least what a token stands for."""
        counted, size = self._tokens.get(request.prefix), _bytes(request.system)
        prefix = size if counted is None else min(size, int(counted * _MARGIN) + 1)
        return prefix + sum(_bytes(text) + _FRAME for _, text in request.turns)

    def _end(self, prefix: str) -> None:
        self._writer.pop(prefix, None)
        writing = self._writing.pop(prefix, None)
        if writing:
            writing.set()


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
