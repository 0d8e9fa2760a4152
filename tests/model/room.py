"""The model room as a build opens it, against a server on this machine, and what its ledger and the server's log say."""

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.errors import ExemplaError
from builder.hashing import canonical_json
from builder.model import (
    Caller,
    Ledger,
    ModelConfig,
    Opening,
    Patience,
    Prices,
    Reply,
    Request,
    Spend,
    Totals,
    Usage,
    open_backend,
)
from builder.progress import Watch, unwatched
from tests.service.answers import answer
from tests.service.faults import ERRORS, Faults
from tests.service.server import Server

MODEL, OTHER = "claude-sonnet-4-6", "claude-haiku-4-5"
SYSTEM = "You are one of several writers. " + "The constitution says what it hopes for and why. " * 20
SHORT, LONG = 1000, 5000  # answers of at most so many tokens come whole and as a stream
HASTY = Patience(tries=5, first=0.02, longest=0.05, silence=30.0)
# What may have been charged, though no answer came.
UNCERTAIN = ("500", "504", "reset", "stall", "lost", "malformed", "cut", "dropped", "reset_late", "late_529")
WHOLE = ("ok", "refusal", "truncated", "empty")


def asked(number: int, **changes: Any) -> Request:
    """A request of its own."""
    fields: dict[str, Any] = {
        "stage": "draft", "brief": f"b{number:03}", "attempt": 0, "model": MODEL, "system": SYSTEM,
        "user": f"Brief {number}. Please write it.", "max_tokens": SHORT,
    }  # fmt: skip
    return Request(**fields | changes)


def many(count: int, **changes: Any) -> list[Request]:
    """So many requests with one system prompt."""
    return [asked(number, **changes) for number in range(count)]


@dataclass
class Opened:
    """An open room; `said` is what the user was told."""

    caller: Caller
    ledger: Ledger
    said: list[str]

    @property
    def totals(self) -> Totals:
        account = self.caller.backend.account
        assert account
        return account.totals


@dataclass
class Done:
    """What became of a run: replies or an error, what was said, and the account's sums at its end."""

    replies: list[Reply]
    error: ExemplaError | None
    said: list[str]
    totals: Totals


@contextmanager
def room(
    server: Server | str,
    folder: Path,
    *,
    dollars: float | None = 10.0,
    patience: Patience = HASTY,
    backend: str = "anthropic",
    models: Sequence[str] = (MODEL, OTHER),
    fallback: str | None = None,
    **config: Any,
) -> Iterator[Opened]:
    """The room of a build in `folder`, opened as the pipeline opens it."""
    said: list[str] = []
    where = {} if server == "" else {"base_url": server if isinstance(server, str) else server.url}
    settings = ModelConfig(
        backend=backend, stages=dict.fromkeys(("idea", "draft", "rewrite", "review"), MODEL), fallback=fallback,
        **{"timeout": 5.0, "look": 0.05, "batch_minimum": 1, **where, **config},
    )  # fmt: skip
    spend = None if dollars is None else Spend(dollars=dollars)
    with Ledger(folder / ".build" / "ledger.sqlite") as ledger:
        opening = Opening(
            settings, spend, models, folder, folder, folder / ".build", ledger, said.append, patience
        )  # fmt: skip
        with Caller(open_backend(opening), ledger, fallback) as caller:
            yield Opened(caller, ledger, said)


def ask(
    server: Server | str, folder: Path, requests: Sequence[Request], watch: Watch = unwatched, **options: Any
) -> Done:
    """One run of a build: the requests are asked for, and the room is closed again."""
    with room(server, folder, **options) as opened:
        try:
            replies, error = opened.caller.answer_all(requests, watch), None
        except ExemplaError as problem:
            replies, error = [], problem
        return Done(replies, error, opened.said, opened.totals)


def texts(requests: Sequence[Request]) -> list[str]:
    """What the server's model answers."""
    return [answer(request.system, request.user) for request in requests]


def body_sha256(request: Request) -> str:
    """By what the server's log names a request."""
    messages = [{"role": role, "content": text} for role, text in request.turns]
    sent = {"messages": messages, "model": request.model, "system": request.system}
    return hashlib.sha256(canonical_json(sent).encode()).hexdigest()


def attempts(folder: Path) -> list[dict[str, Any]]:
    """The ledger's table of attempts, in their order."""
    return _rows(folder, "SELECT * FROM attempts ORDER BY id")


def calls(folder: Path) -> list[dict[str, Any]]:
    """The ledger's completed calls."""
    return _rows(folder, "SELECT * FROM calls ORDER BY key")


def _rows(folder: Path, query: str) -> list[dict[str, Any]]:
    connection = sqlite3.connect(folder / ".build" / "ledger.sqlite")
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(query)]
    finally:
        connection.close()


def scripted(script: Mapping[str, Sequence[str]], **more: Any) -> Faults:
    """Faults by what a request says: the first requests that have a key in their prompt meet its faults in turn."""
    left = {words: list(faults) for words, faults in script.items()}

    def rule(model: str, system: str, user: str) -> str | None:
        for words, faults in left.items():
            if words in user and faults:
                return faults.pop(0)
        return None

    return Faults(rule=rule, **more)


def messages(server: Server) -> list[dict[str, Any]]:
    """The lines of the server's log about messages, once none is being answered."""
    server.wait_idle()
    return [entry for entry in server.log if entry["kind"] == "message"]


def cost(usage: Mapping[str, Any], model: str = MODEL, *, batch: bool = False, prices: Prices | None = None) -> int:
    """What a usage as the server logged it costs, in picodollars."""
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    used = Usage(*(usage.get(name) or 0 for name in names))
    return (prices or Prices.shipped()).price_of(model).cost(used, batch=batch)


def served(server: Server) -> int:
    """What everything that the server did costs, answered or not, in picodollars."""
    entries = [*server.log]
    return sum(
        cost(entry["usage"], entry["model"], batch=entry["kind"] == "batch_entry")
        for entry in entries
        if entry["usage"]
    )


def state_of(entry: Mapping[str, Any]) -> str:
    """The state that an attempt should have, from the server's line about it."""
    kind = entry["fault"].partition(":")[0]
    if entry["status"] == 429 or kind in ("429", "529"):
        return "busy"
    if kind in UNCERTAIN:
        return "fault"
    if kind in ERRORS and kind != "filter":
        return "turned away"
    return "answered"


def assert_reconciled(server: Server, folder: Path, requests: Sequence[Request]) -> None:
    """Every request on the wire has its attempt in the ledger and the other way round, call by call and in order, and
    every amount is what it should be."""
    wire: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in messages(server):
        wire[entry["body_sha256"]].append(entry)
    ledger: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in attempts(folder):
        if row["state"] != "unsent":
            ledger[row["key"]].append(row)
    assert sum(map(len, wire.values())) == sum(map(len, ledger.values()))
    for request in requests:
        entries, rows = wire[body_sha256(request)], ledger[request.key]
        assert [state_of(entry) for entry in entries] == [row["state"] for row in rows], request.user
        for entry, row in zip(entries, rows, strict=True):
            if row["state"] == "answered":
                assert entry["answered"]
                paid = cost(entry["usage"], request.model) if entry["usage"] else 0
                assert row["charged"] == paid <= row["reserved"]
            else:
                assert row["charged"] == (row["reserved"] if row["state"] == "fault" else 0)


def assert_totals(totals: Totals, folder: Path) -> None:
    """The account's sums are those of the table."""
    rows = attempts(folder)
    known = sum(row["charged"] for row in rows if row["state"] == "answered")
    uncertain = sum(row["charged"] for row in rows if row["state"] not in ("answered", "open"))
    reserved = sum(row["reserved"] for row in rows if row["state"] == "open")
    read = sum((row["input"] or 0) + (row["cache_read"] or 0) + (row["cache_write"] or 0) for row in rows)
    written = sum(row["output"] or 0 for row in rows)
    assert totals == Totals(known, uncertain, reserved, len(rows), read, written)


def reopened(server: Server | str, folder: Path, **options: Any) -> Totals:
    """The account's sums as the next run finds them."""
    with room(server, folder, **options) as opened:
        return opened.totals


def by_rule(rule: Callable[[str], str | None], **more: Any) -> Faults:
    """Faults by a rule about the user's prompt."""
    return Faults(rule=lambda model, system, user: rule(user), **more)
