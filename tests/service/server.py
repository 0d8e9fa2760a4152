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
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.service.answers import said
from tests.service.asked import Asked, Invalid, Reader
from tests.service.batches import Batches
from tests.service.faults import (
    BUSY,
    ERRORS,
    SHAPED,
    SILENT,
    Bucket,
    Ending,
    Fault,
    Faults,
    body_sent,
    error_body,
    events_sent,
)
from tests.service.wire import Call, Problem, Sent, describe, encoded, events, key_of, moment, request_id, reset

_CHUNKS = 8
_LIMIT = 1 << 20
# How long what was sent has to arrive before a reset overtakes it.
_PAUSE = 0.02
_LOGGED = ("anthropic-version", "anthropic-beta", "user-agent", "x-stainless-retry-count", "idempotency-key")
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


@dataclass
class Options:
    """How a server behaves; all but `rate`, `burst` and `token_bytes` may be changed while it runs."""

    latency: float = 0.0  # seconds before each answer that is charged
    error_latency: float = 0.0  # seconds before each answer that is a fault and an error
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
    counted: int | None = None  # what every count comes to, right or wrong
    batches: bool = True
    caching: bool = True  # without it `cache_control` and a system prompt in blocks are invalid
    cache_fields: bool = True
    usage: bool = True  # without it answers do not say what they used
    redirect: str | None = None  # where every request is sent instead, with status 307
    token_bytes: int = 4  # of text to a token
    cached_when_answered: bool = False  # a prefix is warm once an answer was begun, not once a request came


class Server:
    """The server. `log` holds what came in, `most_at_once` how many requests were being answered at most; `faults` is
    what goes wrong, `options` the rest.
    """

    def __init__(self, *, faults: Faults | Sequence[str] = (), log: Path | str | None = None, **options: Any) -> None:
        self.options, self.faults = Options(**options), faults
        self.log: list[dict[str, Any]] = []
        self.url = ""
        self._file = Path(log).open("ab", buffering=0) if log else None  # noqa: SIM115 - closed when it stops
        self.reader = Reader(self.options.token_bytes)
        self._bucket = Bucket(self.options.rate, self.options.burst, self.options.retry_after)
        self._warm: set[tuple[str, str]] = set()
        self._batches = Batches(self)
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = self._busy = self.most_at_once = 0

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
                self.most_at_once = max(self.most_at_once, self._busy)
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
        call = Call(method, path, dict(parse_qsl(url.query)), headers, body, self.entry("other"))
        key = key_of(headers)
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
        self.note(call.entry)
        if call.entry["usage"] and self.options.latency:
            await asyncio.sleep(self.options.latency)
        if call.fault.kind in ERRORS:
            late = float(call.fault.value or 0) if call.fault.kind not in BUSY else 0.0
            await asyncio.sleep(late + self.options.error_latency)
        if call.fault.kind == "stall":
            await reader.read(1)
            return False
        if silent:
            return reset(writer)
        return await self._send(call, sent, writer)

    async def _send(self, call: Call, sent: Sent, writer: asyncio.StreamWriter) -> bool:
        head = f"HTTP/1.1 {sent.status} OK\r\nrequest-id: {request_id(call)}\r\n"
        head += f"content-type: {sent.kind}\r\n{sent.extra}"
        if sent.events is None:
            body, length, ending = body_sent(call.fault, sent.body)
            writer.write(f"{head}content-length: {length}\r\n\r\n".encode() + body)
        else:
            pieces, ending = events_sent(call.fault, sent.events)
            writer.write(f"{head}cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n".encode())
            for event in pieces:
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
            return reset(writer)
        return ending is Ending.STAYS and call.headers.get("connection", "").lower() != "close"

    # The log.

    def entry(self, kind: str, **known: Any) -> dict[str, Any]:
        """A line of the log with the next number."""
        self._numbers += 1
        blank = dict.fromkeys(("custom_id", "batch", "body_sha256", "model", "usage", "status"))
        entry = {
            "n": self._numbers,
            "time": time.time(),
            "kind": kind,
            **blank,
            "cache_control": False,
            "stream": False,
        }
        return entry | {"fault": "ok", "answered": False} | known

    def note(self, entry: dict[str, Any]) -> None:
        """Put a line into the log."""
        self.log.append(entry)
        self._write(entry)

    def _write(self, row: dict[str, Any]) -> None:
        if self._file:
            self._file.write(json.dumps(row).encode() + b"\n")

    # The API.

    def _answer(self, call: Call) -> Sent:
        if self.options.redirect:
            return Sent(b"", 307, extra=f"location: {self.options.redirect}/{'/'.join(call.path)}\r\n")
        asked = f"{call.method} {'/'.join(call.path)}"
        kind = next((kind for kind, route in _ROUTES if route.fullmatch(asked)), "")
        absent = (kind == "count" and not self.options.count_tokens) or ("batch" in kind and not self.options.batches)
        if not kind or absent:
            raise Problem("404")
        call.entry["kind"] = kind
        if self.options.key is not None and key_of(call.headers) != self.options.key:
            raise Problem("401")
        if kind != "message":  # a message's fault may depend on what it says
            call.took(self.faults.take(kind.removeprefix("batch_")))
        batches = kind.startswith("batch_")
        handler: Callable[[Call], Sent]
        handler = getattr(self._batches, kind.removeprefix("batch_")) if batches else getattr(self, f"_{kind}")
        return handler(call)

    def _problem(self, call: Call, problem: Problem) -> Sent:
        extra = f"retry-after: {problem.retry_after}\r\n" if problem.retry_after else ""
        body = error_body(problem.kind, request_id(call), problem.message)
        return Sent(body, ERRORS[problem.kind][0], extra=extra)

    def _asked(self, entry: dict[str, Any], params: dict[str, Any], *, counting: bool = False) -> Asked:
        """What a request asks, noted in its entry; raises `Invalid`."""
        asked = self.reader.asked(params, counting=counting)
        describe(entry, asked)
        return asked

    def allows(self, asked: Asked) -> None:
        """Raise for what this server does not know."""
        if not self.knows(asked.model):
            raise Problem("404", f"model: {asked.model}")
        if not self.options.caching and asked.marked:
            raise Invalid("cache_control: Extra inputs are not permitted")
        if not self.options.caching and asked.system.listed:
            raise Invalid("system: Input should be a valid string")

    def knows(self, model: str) -> bool:
        """Whether there is such a model."""
        return self.options.models is None or model in self.options.models

    def _message(self, call: Call) -> Sent:
        asked = self._asked(call.entry, self.reader.read(call.body))
        wait = self._bucket.take()
        if wait is not None:
            raise Problem("429", retry_after=wait)
        self.allows(asked)
        call.took(self.faults.take("message", asked.model, asked.system.text, asked.user))
        if call.fault.kind == "late_529" and not asked.stream:
            call.took(Fault("529"))
        if call.fault.kind in SILENT:
            return Sent(b"")
        message = self.written(f"msg_{call.entry['n']:024d}", asked, call.fault, call.entry)
        return Sent(b"", kind="text/event-stream", events=events(message)) if asked.stream else Sent(encoded(message))

    def written(
        self, id_: str, asked: Asked, fault: Fault, entry: dict[str, Any], tier: str = "standard"
    ) -> dict[str, Any]:
        """An answer as a message, charged to the entry."""
        text, stopped, output = said(asked, fault)
        prefix = (asked.model, asked.system.prefix)
        usage = asked.usage(output, warm=prefix in self._warm) | {"service_tier": tier}
        if asked.system.lifetime:
            self._warms(prefix)
        if not self.options.cache_fields:
            usage = {name: usage[name] for name in ("input_tokens", "output_tokens")}
        entry["usage"] = usage
        message = {
            "id": id_,
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": [{"type": "text", "text": text}] if text else [],
            "stop_reason": stopped,
            "stop_sequence": None,
            "stop_details": {"type": "refusal"} if stopped == "refusal" else None,
        }
        return message | ({"usage": usage} if self.options.usage else {})

    def _warms(self, prefix: tuple[str, str]) -> None:
        if self.options.cached_when_answered and self.options.latency:
            asyncio.get_running_loop().call_later(self.options.latency, self._warm.add, prefix)
        else:
            self._warm.add(prefix)

    def _count(self, call: Call) -> Sent:
        asked = self._asked(call.entry, self.reader.read(call.body), counting=True)
        self.allows(asked)
        counted = self.options.counted
        return Sent(encoded({"input_tokens": asked.tokens if counted is None else counted}))

    def _model(self, call: Call) -> Sent:
        name = call.path[-1]
        if not self.knows(name):
            raise Problem("404", f"model: {name}")
        facts = {"created_at": moment(0), "max_input_tokens": 200_000, "max_tokens": 64_000, "lifecycle": "active"}
        return Sent(encoded({"type": "model", "id": name, "display_name": name, **facts}))


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
