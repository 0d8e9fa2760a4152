"""A server that speaks Anthropic's Messages and Message Batches APIs on this machine, answers by rule, and goes wrong.

In a test's own process it is `with serve(latency=0.1, faults=["429:2", "reset"]) as server:`; as a process of its own it
is `python -m tests.service.server --port 0 --log FILE`, which prints its base URL first. Every request is logged when it
is decided what becomes of it, before anything is sent; a second line says that the answer was written whole.
"""

import argparse
import asyncio
import json
import re
import signal
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.service.answers import Asked, Invalid, Reader, said
from tests.service.faults import (
    ERRORS,
    OK,
    SHAPED,
    SILENT,
    UNSUCCESSFUL,
    Bucket,
    Ending,
    Fault,
    Faults,
    body_sent,
    error_body,
    events_sent,
)

_CHUNKS = 8
_LIMIT = 1 << 20
# How long what was sent has to arrive before a reset overtakes it.
_PAUSE = 0.02
_LOGGED = ("anthropic-version", "anthropic-beta", "user-agent", "x-stainless-retry-count", "idempotency-key")
_DAY = 86400
_BATCH = "v1/messages/batches/[^/]+"
_ROUTES = [
    (kind, re.compile(route))
    for kind, route in {
        "message": "POST v1/messages",
        "count": "POST v1/messages/count_tokens",
        "batch_create": "POST v1/messages/batches",
        "batch_list": "GET v1/messages/batches",
        "batch_poll": f"GET {_BATCH}",
        "batch_cancel": f"POST {_BATCH}/cancel",
        "batch_results": f"GET {_BATCH}/results",
        "model": "GET v1/models/[^/]+",
    }.items()
]
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass
class Options:
    """How a server behaves; all but `rate` and `burst` may be changed while it runs."""

    latency: float = 0.0  # seconds before each answer that is charged
    rate: float | None = None  # requests a second, after `burst` at once
    burst: int = 1
    retry_after: int | None = None  # what the rate limit asks for in place of the seconds it takes
    models: Sequence[str] | None = None  # the known ones; without it, every name is known
    key: str | None = None
    batch_seconds: float = 0.0
    cancel_seconds: float = 0.0
    cancel_keeps: int = 0  # how many of a cancelled batch's entries were done by then
    results_base: str | None = None  # another host for `results_url`
    count_tokens: bool = True
    batches: bool = True
    caching: bool = True  # without it `cache_control` and a system prompt in blocks are invalid
    cache_fields: bool = True
    cached_when_answered: bool = False  # a prefix is warm once an answer was begun, not once a request came


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
            raise Problem(fault.kind, retry_after=int(fault.value or fault.kind == "429"))


@dataclass
class Sent:
    """What is to be sent."""

    body: bytes
    status: int = 200
    kind: str = "application/json"
    extra: str = ""
    events: list[bytes] | None = None


@dataclass
class Batch:
    """A batch; `lines` are its results once it has ended."""

    id: str
    entries: list[tuple[str, Asked, Fault]]
    created: float = field(default_factory=time.time)
    cancelled: float | None = None
    ended: float | None = None
    lines: list[bytes] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)

    def shown(self, base: str) -> dict[str, Any]:
        """The batch as the API shows it."""
        state = "ended" if self.ended else "canceling" if self.cancelled else "in_progress"
        kinds = ("succeeded", "errored", "canceled", "expired")
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": state,
            "request_counts": {
                "processing": 0 if self.ended else len(self.entries),
                **{kind: self.counts[kind] for kind in kinds},
            },
            "created_at": _moment(self.created),
            "expires_at": _moment(self.created + _DAY),
            "ended_at": _moment(self.ended),
            "cancel_initiated_at": _moment(self.cancelled),
            "archived_at": None,
            "results_url": f"{base}/v1/messages/batches/{self.id}/results" if self.ended else None,
        }


class Server:
    """The server. `log` holds what came in, `faults` what goes wrong, `options` the rest."""

    def __init__(self, *, faults: Faults | Sequence[str] = (), log: Path | str | None = None, **options: Any) -> None:
        self.options, self.faults = Options(**options), faults
        self.log: list[dict[str, Any]] = []
        self.url = ""
        self._file = Path(log).open("ab", buffering=0) if log else None  # noqa: SIM115 - closed when it stops
        self._reader, self._bucket = Reader(), Bucket(self.options.rate, self.options.burst, self.options.retry_after)
        self._warm: set[tuple[str, str]] = set()
        self._batches: dict[str, Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = self._busy = 0

    @property
    def faults(self) -> Faults:
        """What goes wrong; a list in its place is a schedule of messages."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults | Sequence[str]) -> None:
        self._faults = faults if isinstance(faults, Faults) else Faults(faults)

    def wait_idle(self, timeout: float = 10.0) -> None:
        """Return when no request is being answered."""
        deadline = time.monotonic() + timeout
        while self._busy:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._busy} requests are still being answered")
            time.sleep(0.002)

    async def run(self, port: int, started: threading.Event, stop: asyncio.Event) -> None:
        """Serve until `stop`; `url` is set once it has started."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", port, limit=_LIMIT, backlog=1024)
        self.url = "http://{}:{}".format(*server.sockets[0].getsockname())
        started.set()
        await stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._file:
            self._file.close()

    # The wire.

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        writer.transport.set_write_buffer_limits(high=0)  # so that drained is written
        try:
            stays = True
            while stays:
                head = await reader.readuntil(b"\r\n\r\n")
                self._busy += 1
                try:
                    stays = await self._exchange(head, reader, writer)
                finally:
                    self._busy -= 1
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; returns whether the connection stays."""
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        url = urlsplit(target)
        path = [unquote(part) for part in url.path.strip("/").split("/")]
        self._numbers += 1
        call = Call(method, path, dict(parse_qsl(url.query)), headers, body, self._entry("other", self._numbers))
        key = _key(headers)
        call.entry |= {"key": bool(key), "key_end": key[-4:] or None}  # the key itself is kept nowhere
        call.entry["headers"] = {name: headers[name] for name in _LOGGED if name in headers}
        try:
            sent = self._answer(call)
        except Problem as problem:
            sent = self._problem(call, problem)
        except Invalid as problem:
            sent = self._problem(call, Problem("400", str(problem)))
        silent = call.fault.kind in SILENT or call.fault.kind == "lost"
        call.entry["status"] = None if silent else sent.status
        self._note(call.entry)
        if call.entry["usage"] and self.options.latency:
            await asyncio.sleep(self.options.latency)
        if call.fault.kind == "stall":
            await reader.read(1)
            return False
        if silent:
            return _reset(writer)
        return await self._send(call, sent, writer)

    async def _send(self, call: Call, sent: Sent, writer: asyncio.StreamWriter) -> bool:
        head = f"HTTP/1.1 {sent.status} OK\r\nrequest-id: {_request_id(call)}\r\n"
        head += f"content-type: {sent.kind}\r\n{sent.extra}"
        if sent.events is None:
            body, length, ending = body_sent(call.fault, sent.body)
            writer.write(f"{head}content-length: {length}\r\n\r\n".encode() + body)
        else:
            events, ending = events_sent(call.fault, sent.events)
            writer.write(f"{head}cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n".encode())
            for event in events:
                writer.write(b"%x\r\n%b\r\n" % (len(event), event))
                await writer.drain()
            if ending is Ending.STAYS:
                writer.write(b"0\r\n\r\n")
        await writer.drain()
        if call.fault.kind in ("ok", *ERRORS, *SHAPED):
            call.entry["answered"] = True
            self._write({"n": call.entry["n"], "answered": True})
        if ending is Ending.RESETS:
            await asyncio.sleep(_PAUSE)
            return _reset(writer)
        return ending is Ending.STAYS and call.headers.get("connection", "").lower() != "close"

    # The log.

    def _entry(self, kind: str, number: int, **known: Any) -> dict[str, Any]:
        blank = dict.fromkeys(("custom_id", "batch", "body_sha256", "model", "usage", "status"))
        entry = {"n": number, "time": time.time(), "kind": kind, **blank, "cache_control": False, "stream": False}
        return entry | {"fault": "ok", "answered": False} | known

    def _note(self, entry: dict[str, Any]) -> None:
        self.log.append(entry)
        self._write(entry)

    def _write(self, row: dict[str, Any]) -> None:
        if self._file:
            self._file.write(json.dumps(row).encode() + b"\n")

    # The API.

    def _answer(self, call: Call) -> Sent:
        asked = f"{call.method} {'/'.join(call.path)}"
        kind = next((kind for kind, route in _ROUTES if route.fullmatch(asked)), "")
        absent = (kind == "count" and not self.options.count_tokens) or ("batch" in kind and not self.options.batches)
        if not kind or absent:
            raise Problem("404")
        call.entry["kind"] = kind
        if self.options.key is not None and _key(call.headers) != self.options.key:
            raise Problem("401")
        if kind != "message":  # a message's fault may depend on what it says
            call.took(self.faults.take(kind.removeprefix("batch_")))
        handler: Callable[[Call], Sent] = getattr(self, f"_{kind}")
        return handler(call)

    def _problem(self, call: Call, problem: Problem) -> Sent:
        extra = f"retry-after: {problem.retry_after}\r\n" if problem.retry_after else ""
        body = error_body(problem.kind, _request_id(call), problem.message)
        return Sent(body, ERRORS[problem.kind][0], extra=extra)

    def _asked(self, entry: dict[str, Any], params: dict[str, Any], *, counting: bool = False) -> Asked:
        """What a request asks, noted in its entry; raises `Invalid`."""
        asked = self._reader.asked(params, counting=counting)
        _describe(entry, asked)
        return asked

    def _allows(self, asked: Asked) -> None:
        """Raise for what this server does not know."""
        if not self._knows(asked.model):
            raise Problem("404", f"model: {asked.model}")
        if not self.options.caching and asked.marked:
            raise Invalid("cache_control: Extra inputs are not permitted")
        if not self.options.caching and asked.system.listed:
            raise Invalid("system: Input should be a valid string")

    def _knows(self, model: str) -> bool:
        return self.options.models is None or model in self.options.models

    def _message(self, call: Call) -> Sent:
        asked = self._asked(call.entry, self._reader.read(call.body))
        wait = self._bucket.take()
        if wait is not None:
            raise Problem("429", retry_after=wait)
        self._allows(asked)
        call.took(self.faults.take("message", asked.model, asked.system.text, asked.user))
        if call.fault.kind == "late_529" and not asked.stream:
            call.took(Fault("529"))
        if call.fault.kind in SILENT:
            return Sent(b"")
        message = self._written(f"msg_{call.entry['n']:024d}", asked, call.fault, call.entry)
        return Sent(b"", kind="text/event-stream", events=_events(message)) if asked.stream else Sent(_encoded(message))

    def _written(
        self, id_: str, asked: Asked, fault: Fault, entry: dict[str, Any], tier: str = "standard"
    ) -> dict[str, Any]:
        """The answer as a message, charged to the entry."""
        text, stopped, output = said(asked, fault)
        prefix = (asked.model, asked.system.prefix)
        usage = asked.usage(output, warm=prefix in self._warm) | {"service_tier": tier}
        if asked.system.lifetime:
            self._warms(prefix)
        if not self.options.cache_fields:
            usage = {name: usage[name] for name in ("input_tokens", "output_tokens")}
        entry["usage"] = usage
        return {
            "id": id_,
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": [{"type": "text", "text": text}] if text else [],
            "stop_reason": stopped,
            "stop_sequence": None,
            "stop_details": {"type": "refusal"} if stopped == "refusal" else None,
            "usage": usage,
        }

    def _warms(self, prefix: tuple[str, str]) -> None:
        if self.options.cached_when_answered and self.options.latency:
            asyncio.get_running_loop().call_later(self.options.latency, self._warm.add, prefix)
        else:
            self._warm.add(prefix)

    def _count(self, call: Call) -> Sent:
        asked = self._asked(call.entry, self._reader.read(call.body), counting=True)
        self._allows(asked)
        return Sent(_encoded({"input_tokens": asked.tokens}))

    def _model(self, call: Call) -> Sent:
        name = call.path[-1]
        if not self._knows(name):
            raise Problem("404", f"model: {name}")
        facts = {"created_at": _moment(0), "max_input_tokens": 200_000, "max_tokens": 64_000, "lifecycle": "active"}
        return Sent(_encoded({"type": "model", "id": name, "display_name": name, **facts}))

    # Batches.

    def _batch_create(self, call: Call) -> Sent:
        requests = self._reader.read(call.body).get("requests")
        if not isinstance(requests, list) or not requests:
            raise Invalid("requests: at least one request is required")
        ids = [str(request.get("custom_id", "")) for request in requests]
        if len(set(ids)) < len(ids) or not all(map(_CUSTOM_ID.fullmatch, ids)):
            raise Invalid("requests: custom_id should be unique and match ^[a-zA-Z0-9_-]{1,64}$")
        batch = Batch(f"msgbatch_{call.entry['n']:024d}", [self._submitted(request) for request in requests])
        call.entry["batch"] = batch.id
        if call.fault.kind not in SILENT:
            self._batches[batch.id] = batch
            asyncio.get_running_loop().call_later(self.options.batch_seconds, self._finish, batch)
        return self._shown(batch)

    def _submitted(self, request: dict[str, Any]) -> tuple[str, Asked, Fault]:
        asked = self._reader.asked(request.get("params") or {})
        if not self._knows(asked.model):
            return request["custom_id"], asked, Fault("404")
        self._allows(asked)
        return request["custom_id"], asked, self.faults.take("entry", asked.model, asked.system.text, asked.user)

    def _finish(self, batch: Batch) -> None:
        """Process every entry; a batch that was cancelled has all but the first few canceled."""
        if batch.ended:
            return
        for number, (custom_id, asked, fault) in enumerate(batch.entries):
            gone = batch.cancelled is not None and number >= self.options.cancel_keeps
            result = self._result(batch, custom_id, asked, Fault("canceled") if gone else fault)
            batch.counts[result["type"]] += 1
            batch.lines.append(_encoded({"custom_id": custom_id, "result": result}) + b"\n")
        batch.ended = time.time()

    def _result(self, batch: Batch, custom_id: str, asked: Asked, fault: Fault) -> dict[str, Any]:
        self._numbers += 1
        entry = self._entry("batch_entry", self._numbers, custom_id=custom_id, batch=batch.id, fault=str(fault))
        _describe(entry, asked)
        if fault.kind in ERRORS:
            result = _errored(fault.kind)
        elif fault.kind == "errored":
            kinds = {type_: kind for kind, (_, type_, _) in reversed(ERRORS.items())}
            result = _errored(kinds[fault.value or "api_error"])
        elif fault.kind in UNSUCCESSFUL:
            result = {"type": fault.kind}
        else:
            message = self._written(f"msg_{entry['n']:024d}", asked, fault, entry, "batch")
            result = {"type": "succeeded", "message": message}
        self._note(entry)
        return result

    def _shown(self, batch: Batch) -> Sent:
        return Sent(_encoded(batch.shown(self.options.results_base or self.url)))

    def _batch(self, call: Call) -> Batch:
        call.entry["batch"] = call.path[3]
        if call.path[3] not in self._batches:
            raise Problem("404", f"batch {call.path[3]} not found")
        return self._batches[call.path[3]]

    def _batch_poll(self, call: Call) -> Sent:
        return self._shown(self._batch(call))

    def _batch_list(self, call: Call) -> Sent:
        """The newest first, a page at a time."""
        ids, limit = [*reversed(self._batches)], int(call.query.get("limit", 20))
        after, before = call.query.get("after_id"), call.query.get("before_id")
        if (after or before) and (after or before) not in ids:
            raise Invalid("after_id and before_id should name a batch")
        if before:
            rest = ids[: ids.index(before)]
            page = rest[-limit:]
        else:
            rest = ids[ids.index(after) + 1 :] if after else ids
            page = rest[:limit]
        base = self.options.results_base or self.url
        fields = {"has_more": len(rest) > limit, "first_id": page[0] if page else None}
        data = [self._batches[id_].shown(base) for id_ in page]
        return Sent(_encoded({"data": data, **fields, "last_id": page[-1] if page else None}))

    def _batch_cancel(self, call: Call) -> Sent:
        batch = self._batch(call)
        if not batch.ended and not batch.cancelled:
            batch.cancelled = time.time()
            asyncio.get_running_loop().call_later(self.options.cancel_seconds, self._finish, batch)
        return self._shown(batch)

    def _batch_results(self, call: Call) -> Sent:
        batch = self._batch(call)
        if not batch.ended:
            raise Problem("404", f"batch {batch.id} has not ended, so it has no results")
        return Sent(b"".join(self.faults.in_order(batch.lines)), kind="application/x-jsonl")


@contextmanager
def serve(port: int = 0, **options: Any) -> Iterator[Server]:
    """A running server in a thread; the options are those of `Options`, with `faults` and `log`."""
    server, started = Server(**options), threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=[server.run(port, started, stop)], daemon=True)
    thread.start()
    try:
        if not started.wait(10):
            raise TimeoutError("the server did not start")
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def _events(message: dict[str, Any]) -> list[bytes]:
    """A message as the events of a stream, its text in a few pieces."""
    usage = message["usage"]
    started = {**message, "content": [], "stop_reason": None, "stop_details": None}
    started["usage"] = {**usage, "output_tokens": 1}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": started}, {"type": "ping"}]
    for block in message["content"]:
        text = block["text"]
        size = max(1, -(-len(text) // _CHUNKS))
        events.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        for start in range(0, len(text), size):
            delta = {"type": "text_delta", "text": text[start : start + size]}
            events.append({"type": "content_block_delta", "index": 0, "delta": delta})
        events.append({"type": "content_block_stop", "index": 0})
    ending = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    counted = {name: count for name, count in usage.items() if name.endswith("_tokens")}
    events += [{"type": "message_delta", "delta": ending, "usage": counted}, {"type": "message_stop"}]
    return [b"event: %b\ndata: %b\n\n" % (event["type"].encode(), _encoded(event)) for event in events]


def _errored(kind: str) -> dict[str, Any]:
    return {"type": "errored", "error": json.loads(error_body(kind, None))}


def _describe(entry: dict[str, Any], asked: Asked) -> None:
    entry |= {"model": asked.model, "cache_control": asked.marked, "stream": asked.stream, "body_sha256": asked.sha256}


def _key(headers: dict[str, str]) -> str:
    """The key that came: the API takes it in a header of its own, the official client sends it as a bearer's."""
    return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")


def _request_id(call: Call) -> str:
    return f"req_{call.entry['n']:024d}"


def _encoded(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _reset(writer: asyncio.StreamWriter) -> bool:
    """End the connection with a reset; it does not stay."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


def main(arguments: Sequence[str] | None = None) -> None:
    """Run as a process of its own until it is told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path)
    for option in fields(Options):
        flag = f"--{option.name.replace('_', '-')}"
        if option.type is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=option.default)
        elif option.name == "models":
            parser.add_argument(flag, type=lambda text: text.split(","))
        else:
            kind = int if "int" in str(option.type) else float if "float" in str(option.type) else str
            parser.add_argument(flag, type=kind, default=option.default)
    parser.add_argument("--faults", default="{}", help='the arguments of Faults as JSON, such as {"message": ["500"]}')
    given = vars(parser.parse_args(arguments))
    port, faults = given.pop("port"), json.loads(given.pop("faults"))
    server = Server(faults=Faults(**faults) if isinstance(faults, dict) else faults, **given)
    asyncio.run(_until_told(server, port))


async def _until_told(server: Server, port: int) -> None:
    loop, started, stop = asyncio.get_running_loop(), threading.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.ensure_future(server.run(port, started, stop))
    while not started.is_set() and not running.done():
        await asyncio.sleep(0.001)
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    await running


if __name__ == "__main__":
    main()
