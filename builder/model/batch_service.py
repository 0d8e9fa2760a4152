"""The service's Message Batches: submit, find, poll and read, each as one request on the wire."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from builder.errors import InputError
from builder.model.messages_api import Malformed, NoAnswer, params, read_result
from builder.model.protocol import Fault, Reply, Request
from builder.model.service_errors import Unsupported, by_connection, by_status
from builder.model.settings import ModelConfig

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types.messages import MessageBatch

_CLOCKS = 3600.0  # seconds by which the service's clock and ours may differ


class NoBatches(Exception):
    """The server has no Message Batches."""


class TooLarge(Exception):
    """The service takes no batch of this size."""


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

        entries: Any = [{"custom_id": request.key, "params": params(request, cached=True)} for request in requests]
        try:
            return str((await self._client.messages.batches.create(requests=entries)).id)
        except anthropic.APIStatusError as error:
            if error.status_code in (404, 405, 501):
                raise NoBatches from None
            if error.status_code == 413:
                raise TooLarge from None
            self._raise(error, requests[0])
        except anthropic.APIConnectionError as error:
            by_connection(error)
        except (ValueError, TypeError, AttributeError) as error:
            raise Fault(f"an answer that cannot be read ({type(error).__name__})", charged=True) from None

    async def since(self, began: float) -> list["MessageBatch"]:
        """The service's batches that were made since then, as far as two clocks can tell, newest first.

        Raises:
            Busy, Fault, InputError: as the case may be.
        """
        import anthropic

        found: list[MessageBatch] = []
        try:
            async for batch in self._client.messages.batches.list(limit=100):
                if batch.created_at.timestamp() < began - _CLOCKS:
                    break
                found.append(batch)
        except anthropic.APIStatusError as error:
            self._raise(error, None)
        except anthropic.APIConnectionError as error:
            by_connection(error)
        except (ValueError, TypeError, AttributeError) as error:
            raise Fault(f"a list that cannot be read ({type(error).__name__})", charged=False) from None
        return found

    async def ended(self, service_id: str) -> bool:
        """Whether a batch has ended.

        Raises:
            Busy, Fault: if the service does not say now.
            InputError: if it does not know the batch.
        """
        import anthropic

        try:
            return (await self._client.messages.batches.retrieve(service_id)).processing_status == "ended"
        except anthropic.APIStatusError as error:
            self._raise(error, None)
        except anthropic.APIConnectionError as error:
            by_connection(error)
        except (ValueError, TypeError, AttributeError) as error:
            raise Fault(f"an answer that cannot be read ({type(error).__name__})", charged=False) from None

    async def results(self, service_id: str) -> AsyncIterator[tuple[str, Reply | NoAnswer]]:
        """The results of an ended batch, in whatever order they come; rows that cannot be read are left out.

        They are read from the host that the key is for, whatever address the service names.

        Raises:
            Busy, Fault, InputError: as the case may be; what was given so far counts.
        """
        import anthropic
        import httpx2

        path = f"/v1/messages/batches/{service_id}/results"
        try:
            response = await self._client.get(path, cast_to=httpx2.Response, options={"headers": {"Accept": "*/*"}})
            async for line in response.aiter_lines():
                if not line.strip():
                    continue
                try:
                    yield read_result(json.loads(line))
                except (Malformed, ValueError):
                    continue
        except anthropic.APIStatusError as error:
            self._raise(error, None)
        except anthropic.APIConnectionError as error:
            by_connection(error)
        except (httpx2.HTTPError, httpx2.StreamError):
            raise Fault("the connection broke", charged=False) from None

    def _raise(self, error: Any, request: Request | None) -> NoReturn:  # noqa: ANN401 - the client's error type
        asked = request or Request("batch", "-", 0, "-", "", "", 1)
        try:
            by_status(error, asked, self._config)
        except Unsupported as problem:
            raise InputError(f"{self._config.host} refuses the batch ({problem}); finished work is kept") from None
