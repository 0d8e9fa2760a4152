"""Kills builds at random points, lets them finish, and counts what that did to calls and money.

`kill_writing` and `kill_batches` kill writers (see writer.py), `kill_commands` the whole command. Each compares what
came out with a run that nobody killed, against a server of its own on which nothing goes wrong.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from typing import Any

from tests.kills.aims import Aim, anywhere, at_the_end, batch_aims, in_flight, never
from tests.kills.counts import INCOMPLETE, Counts, End, count, count_batched, differing
from tests.kills.folders import (
    CHEAP,
    DEAR,
    LEDGER,
    NOTES,
    SAID,
    crashes,
    lay_down,
    lay_down_project,
    outcome,
    published,
)
from tests.kills.ledgers import Held, read_ledger
from tests.kills.noted import read_notes
from tests.kills.processes import Command, Nursery, Running, Service, service, stop

CODES = {SIGKILL: -9, SIGTERM: 143, SIGINT: 130}
_REFUSALS = {"refuse_if": "Age: past eighty", "refuse_model": DEAR}
_FAULTS = {"429:1": 0.004, "500": 0.01, "reset": 0.01, "lost": 0.005, "cut": 0.005, "late_529": 0.005}
_ENTRY_FAULTS = {"errored": 0.02, "expired": 0.01, "canceled": 0.01}
_BATCH_FAULTS = {
    "create": ["ok", "lost", "ok", "500", "429:1", "reset", "cut"],
    "list": ["500", "ok", "reset", "429:1"],
    "poll": ["ok", "500", "ok", "429:1", "ok", "reset", "cut"],
    "results": ["ok", "cut", "reset_late", "500", "429:1", "ok", "dropped", "malformed"],
}
_LATENCY, _BATCH_SECONDS = 0.06, 0.5
_PATIENCE = 300.0
_OUT = "corpus/killed"
_COMMAND_BRIEFS, _COMMAND_LATENCY, _COMMAND_CAP = 24, 0.2, 50.0


@dataclass
class Written:
    """A run that nobody killed: its ledger, what came of it, and how long its calls took."""

    held: Held
    outcome: Mapping[tuple[str, ...], Any]
    seconds: float

    @property
    def cost(self) -> float:
        """What it cost, in dollars."""
        return self.held.taken / 10**12


@dataclass
class Cap:
    """The spend cap of a build, raised by a step whenever it is reached."""

    dollars: float
    step: float


Say = Callable[[str], None]


def kill_writing(folder: Path, kills: int, seed: int = 0, *, say: Say = print) -> Counts:
    """Kill a writer with its calls on the wire, and once each end it with SIGTERM and with SIGINT.

    A build that is finished before it was killed often enough is followed by another.
    """
    model = {"backend": "anthropic", "fallback": CHEAP}
    random, counts = Random(f"writing {seed}"), Counts()
    with Nursery() as nursery:
        whole = _written(nursery, folder / "whole", model, say)
        signals = _with_others([SIGKILL] * kills)
        while signals:
            place = folder / f"killed-{len(signals)}"
            longest = 3 * whole.seconds / max(len(signals), 8)
            aims = [
                anywhere(random, 1.0)
                if number is SIGKILL and random.random() < 0.2
                else in_flight(random, longest, _LATENCY)
                for number in signals
            ]
            with service(place, {"rates": _FAULTS, "seed": len(signals), **_REFUSALS}, latency=_LATENCY) as server:
                cap = Cap(whole.cost / 2, 3.0)
                ends = _kill_one(nursery, place, server, model, cap, [*zip(signals, aims, strict=True)])
                final = read_ledger(place / LEDGER)
                own = count(ends, final, server.rows(), read_notes(place / NOTES), cap.dollars)
            counts += _compared(own, whole, final, place, say)
            signals = signals[_hits(ends) :]
    return counts


def kill_batches(folder: Path, kills: int, seed: int = 0, *, say: Say = print) -> Counts:
    """Kill a writer whose rounds are batches: anywhere, right after its intent was written, right after the service
    took the batch, and while its results are read.
    """
    model = {"backend": "anthropic-batches", "batch_minimum": 1, "look": 0.1}
    faults = {"entry_rates": _ENTRY_FAULTS, "seed": seed, "shuffled": True, "repeated": 2, **_BATCH_FAULTS, **_REFUSALS}
    random, counts, left = Random(f"batches {seed}"), Counts(), kills
    with Nursery() as nursery:
        whole = _written(nursery, folder / "whole", {"backend": "anthropic"}, say)
        while left:
            place = folder / f"killed-{left}"
            aims = [batch_aims(random)[number % 4] for number in range(left)]
            with service(place, faults, batch_seconds=_BATCH_SECONDS) as server:
                cap = Cap(whole.cost, 1.0)  # room for some of a round at a time
                ends = _kill_one(nursery, place, server, model, cap, [(SIGKILL, aim) for aim in aims])
                time.sleep(2 * _BATCH_SECONDS)  # a batch that nobody knows of would end meanwhile
                final = read_ledger(place / LEDGER)
                own = count_batched(ends, final, server.rows(), cap.dollars)
            counts += _compared(own, whole, final, place, say)
            left -= _hits(ends)
    return counts


def kill_commands(folder: Path, kills: int = 3, seed: int = 0, *, say: Say = print) -> Counts:
    """Kill `exempla build` with its calls on the wire, the last time after its last call, and end it once each with
    SIGTERM and with SIGINT.
    """
    random, model = Random(f"commands {seed}"), {"backend": "anthropic"}
    intact, place, signals = folder / "whole", folder / "killed", _with_others([SIGKILL] * kills)
    with service(intact, {}, latency=_COMMAND_LATENCY) as server:
        lay_down_project(intact, server.url, model, _COMMAND_CAP)
        began = time.time()
        _finish(_build(intact), intact)
        ended = time.time()
        times = [row["time"] for row in server.rows() if row["kind"] == "message"]
    whole = read_ledger(intact / _OUT / LEDGER)
    say(f"uninterrupted: {len(whole.calls)} calls in {times[-1] - times[0]:.1f} s of {ended - began:.1f} s")

    longest = (times[-1] - times[0]) / len(signals)
    last = at_the_end(len(whole.calls), random.uniform(0, ended - times[-1]))
    aims = [*(in_flight(random, longest, _COMMAND_LATENCY) for _ in signals[1:]), last]
    with service(place, {"rates": _FAULTS, "seed": seed}, latency=_COMMAND_LATENCY) as server:
        lay_down_project(place, server.url, model, _COMMAND_CAP)
        ends: list[End] = []
        while len(ends) < len(signals):
            number = signals[len(ends)]
            server.mark()
            running = _build(place)
            code = stop(running, number) if aims[len(ends)](place / _OUT, server, running) else None
            if code is None:  # it was too fast
                _finish(running, place)
                aims[len(ends) :] = [last] * (len(signals) - len(ends))
                continue
            assert code == CODES[number], f"{code}: {(place / SAID).read_text()[-3000:]}"
            ends.append(End(time.time(), code, read_ledger(place / _OUT / LEDGER), _COMMAND_CAP))
        _finish(_build(place), place)
        final = read_ledger(place / _OUT / LEDGER)
        counts = count(ends, final, server.rows(), read_notes(place / NOTES), _COMMAND_CAP)
    counts.differing = differing(whole.texts(), final.texts())
    counts.differing += differing(published(intact / _OUT), published(place / _OUT))
    counts.crashed = crashes(place)
    return counts


def _with_others(kills: list[Signals]) -> list[Signals]:
    """A third of the kills, SIGTERM, another third, SIGINT, the rest."""
    third = len(kills) // 3
    return [*kills[:third], SIGTERM, *kills[third : 2 * third], SIGINT, *kills[2 * third :]]


def _kill_one(
    nursery: Nursery,
    folder: Path,
    server: Service,
    model: Mapping[str, object],
    cap: Cap,
    aims: Sequence[tuple[Signals, Aim]],
) -> list[End]:
    """Run a build until it is done, with as many kills as there are aims or as it lives to see."""
    ends: list[End] = []
    while True:
        lay_down(folder, server.url, model, cap.dollars)
        server.mark()
        running = nursery.start(folder)
        hits = _hits(ends)
        number, aim = aims[hits] if hits < len(aims) else (SIGKILL, never)
        code = None
        if aim(folder, server, running):
            code = stop(running, number)
        if code != CODES[number]:
            code = running.ended(_PATIENCE)
        if code == 0:
            return ends
        ends.append(End(time.time(), code, read_ledger(folder / LEDGER), cap.dollars))
        if code != CODES[number]:
            said = (folder / SAID).read_text()
            assert code == INCOMPLETE and "the spend cap of" in said.splitlines()[-1], f"{code}: {said[-3000:]}"
            cap.dollars += cap.step


def _hits(ends: Sequence[End]) -> int:
    """How many runs did not end of themselves."""
    return sum(end.code != INCOMPLETE for end in ends)


def _written(nursery: Nursery, folder: Path, model: Mapping[str, object], say: Say) -> Written:
    """A build that nobody kills."""
    with service(folder, _REFUSALS, latency=_LATENCY) as server:
        lay_down(folder, server.url, model, 1000)
        _finish(nursery.start(folder), folder)
        times = [row["time"] for row in server.rows() if row["kind"] == "message"]
    whole = Written(read_ledger(folder / LEDGER), outcome(folder), max(times) - min(times))
    say(f"uninterrupted: {len(whole.held.calls)} calls, ${whole.cost:.2f}, {whole.seconds:.1f} s")
    return whole


def _compared(own: Counts, whole: Written, final: Held, folder: Path, say: Say) -> Counts:
    """The counts of a build with what it has otherwise than the one that nobody killed."""
    own.differing = differing(whole.held.texts(), final.texts()) + differing(whole.outcome, outcome(folder))
    own.crashed = crashes(folder)
    stops = own.kills + own.codes.total()
    say(f"a build with {stops} kills: {own.completed} calls, {own.received} requests {own.failures or ''}")
    return own


def _build(folder: Path) -> Command:
    return Command(folder, "build", "--limit", _COMMAND_BRIEFS, "--out", folder / _OUT)


def _finish(running: Running, folder: Path) -> None:
    assert running.ended(_PATIENCE) == 0, (folder / SAID).read_text()[-3000:]
