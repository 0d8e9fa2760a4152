"""What the parts of the test server hand to one another: a request on its way, what is sent back, and their bytes."""

import json
import socket
import struct
from asyncio import StreamWriter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.service.asked import Asked
from tests.service.faults import BUSY, ERRORS, OK, Fault

_CHUNKS = 8


class Problem(Exception):
    """An answer that is an error, by its kind in `ERRORS`."""

    def __init__(self, kind: str, message: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(kind)
        self.kind, self.message, self.retry_after = kind, message, retry_after


@dataclass
class Call:
    """A request on its way, with its line of the log."""

    method: str
    path: list[str]
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    entry: dict[str, Any]
    fault: Fault = OK

    def took(self, fault: Fault) -> None:
        """Note what happens to it; raises `Problem` if that is an error."""
        self.fault, self.entry["fault"] = fault, str(fault)
        if fault.kind in ERRORS:
            raise Problem(
                fault.kind, retry_after=int(fault.value or fault.kind == "429") if fault.kind in BUSY else None
            )


@dataclass
class Sent:
    """What is to be sent."""

    body: bytes
    status: int = 200
    kind: str = "application/json"
    extra: str = ""
    events: list[bytes] | None = None


def events(message: dict[str, Any]) -> list[bytes]:
    """A message as the events of a stream, its text in a few pieces."""
    usage = message.get("usage", {})
    started = {**message, "content": [], "stop_reason": None, "stop_details": None}
    started |= {"usage": {**usage, "output_tokens": 1}} if usage else {}
    told: list[dict[str, Any]] = [{"type": "message_start", "message": started}, {"type": "ping"}]
    for block in message["content"]:
        text = block["text"]
        size = max(1, -(-len(text) // _CHUNKS))
        told.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        for start in range(0, len(text), size):
            delta = {"type": "text_delta", "text": text[start : start + size]}
            told.append({"type": "content_block_delta", "index": 0, "delta": delta})
        told.append({"type": "content_block_stop", "index": 0})
    ending = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    counted = {name: count for name, count in usage.items() if name.endswith("_tokens")}
    ended = {"type": "message_delta", "delta": ending} | ({"usage": counted} if usage else {})
    told += [ended, {"type": "message_stop"}]
    return [b"event: %b\ndata: %b\n\n" % (event["type"].encode(), encoded(event)) for event in told]


def describe(entry: dict[str, Any], asked: Asked) -> None:
    """Note in a line of the log what was asked."""
    entry |= {"model": asked.model, "cache_control": asked.marked, "stream": asked.stream, "body_sha256": asked.sha256}


def key_of(headers: dict[str, str]) -> str:
    """The key that came: the API takes it in a header of its own, the official client sends it as a bearer's."""
    return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")


def request_id(call: Call) -> str:
    """The id that an answer is sent under."""
    return f"req_{call.entry['n']:024d}"


def encoded(value: dict[str, Any]) -> bytes:
    """JSON with raw Unicode, as services send it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def moment(seconds: float | None) -> str | None:
    """A time as the API writes it."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def reset(writer: StreamWriter) -> bool:
    """End the connection with a reset; it does not stay."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False
