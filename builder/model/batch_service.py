"""The service's Message Batches: submit, find, poll and read, each as one request on the wire."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from builder.errors import InputError
from builder.model.live import sendable
from builder.model.messages_api import Malformed, NoAnswer, params, read_result
from builder.model.protocol import Fault, Reply, Request, Withheld
from builder.model.service_errors import Unsupported, by_connection, by_status
from builder.model.settings import ModelConfig

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

CLOCKS = 3600.0  # seconds by which the service's clock and ours may differ


class NoBatches(Exception):
    """The server has no Message Batches."""


class TooLarge(Exception):
    """The service takes no batch of this size."""


class Unknown(Exception):
    """The service knows no such batch."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A batch as the service lists it; `created` is by its clock."""

    id: str
    size: int
    ended: bool
    created: float


class BatchService:
    """Message Batches through the official client."""

    def __init__(self, client: "AsyncAnthropic", config: ModelConfig) -> None:
        self._client, self._config = client, config

    async def submit(self, requests: Sequence[Request]) -> str:
        """Submit a batch whose entries go by the keys of their requests; returns the service's id.

        Raises:
            Busy: if the service took nothing.
            Fault: if it may or may not have taken the batch (`charged`), or certainly did not.
            NoBatches, TooLarge, InputError: as the case may be.
        """
        import anthropic

        entries: Any = [
            {"custom_id": request.key, "params": params(sendable(request), cached=request.shared)}
            for request in requests
        ]
        try:
            return _text((await self._client.messages.batches.create(requests=entries)).id)
        except anthropic.APIStatusError as error:
            if error.status_code in (404, 405, 501):
                raise NoBatches from None
            if error.status_code == 413:
                raise TooLarge from None
            self._raise(error)
        except anthropic.APIConnectionError as error:
            by_connection(error)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Fault(f"an answer that cannot be read ({type(error).__name__})", charged=True) from None

    async def since(self, began: float) -> list[Listed]:
        """The service's batches that were made since then, as far as two clocks can tell, newest first.

        Raises:
            Busy, Fault, InputError: as the case may be.
        """
        import anthropic

        found: list[Listed] = []
        try:
            async for batch in self._client.messages.batches.list(limit=100):
                created = batch.created_at.timestamp()
                if created < began - CLOCKS:
                    break
                counts = batch.request_counts
                size = counts.canceled + counts.errored + counts.expired + counts.processing + counts.succeeded
                found.append(Listed(_text(batch.id), size, batch.processing_status == "ended", created))
        except anthropic.APIStatusError as error:
            self._raise(error)
        except anthropic.APIConnectionError as error:
            by_connection(error)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Fault(f"a list that cannot be read ({type(error).__name__})", charged=False) from None
        return found

    async def ended(self, service_id: str) -> bool:
        """Whether a batch has ended.

        Raises:
            Busy, Fault: if the service does not say now.
            Unknown: if it does not know the batch.
        """
        import anthropic

        try:
            return _text((await self._client.messages.batches.retrieve(service_id)).processing_status) == "ended"
        except anthropic.APIStatusError as error:
            self._raise(error, service_id)
        except anthropic.APIConnectionError as error:
            by_connection(error)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Fault(f"an answer that cannot be read ({type(error).__name__})", charged=False) from None

    async def results(self, service_id: str) -> AsyncGenerator[tuple[str, Reply | NoAnswer], None]:
        """The results of an ended batch, in whatever order they come; rows that cannot be read are left out.

        They are read from the host that the key is for, whatever address the service names.

        Raises:
            Busy, Fault, Unknown: as the case may be; what was given so far counts.
        """
        import anthropic
        import httpx2

        path = f"/v1/messages/batches/{service_id}/results"
        try:
            stream = await self._client.get(
                path, cast_to=object, options={"headers": {"Accept": "*/*"}}, stream=True,
                stream_cls=anthropic.AsyncStream[object],
            )  # fmt: skip
            try:
                async for line in _lines(stream.response.aiter_bytes()):
                    try:
                        row = read_result(json.loads(line))
                    except (Malformed, ValueError, RecursionError):
                        continue
                    yield row
            finally:
                await stream.close()
        except anthropic.APIStatusError as error:
            self._raise(error, service_id)
        except anthropic.APIConnectionError as error:
            by_connection(error)
        except (httpx2.HTTPError, httpx2.StreamError):
            raise Fault("the connection broke", charged=False) from None

    def _raise(self, error: Any, service_id: str | None = None) -> NoReturn:  # noqa: ANN401 - the client's error type
        if service_id and error.status_code == 404:
            raise Unknown from None
        try:
            by_status(error, Request("batch", "-", 0, "-", "", "", 1), self._config)
        except (Unsupported, Withheld) as problem:
            raise InputError(f"{self._config.host} refuses the batch ({problem}); finished work is kept") from None


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines of a body. Only a line feed ends one: JSON may hold other characters that end lines elsewhere."""
    rest = b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
    if rest.strip():
        yield rest


def _text(value: object) -> str:
    """A field that should be text.

    Raises:
        TypeError: if it is not.
    """
    if isinstance(value, str) and value:
        return value
    raise TypeError("a field is not text")
