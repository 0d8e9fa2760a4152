"""What a trial comes to: the server's log against the ledger, as it was after each kill and at the end."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from signal import SIGKILL
from typing import Any

from builder.model import Prices, Usage, dollars
from tests.kills.ledgers import Held
from tests.service.faults import SILENT

INCOMPLETE = 3
_PRICES = Prices.shipped()


@dataclass(frozen=True)
class End:
    """How a run ended: when, with which exit code, the ledger as it lay there, and the cap at that time."""

    time: float
    code: int
    held: Held
    cap: float


@dataclass
class Counts:
    """What happened, and, from `completed_again` on, what must not."""

    kills: int = 0  # SIGKILL
    codes: Counter[int] = field(default_factory=Counter)  # exit codes of processes that other signals ended
    in_flight_kills: int = 0  # kills that hit calls in flight
    received: int = 0  # requests, or entries of batches
    completed: int = 0  # calls
    in_flight: int = 0  # attempts that were open at a kill
    most_in_flight: int = 0
    sent_again: int = 0  # of those, the ones that the server had received
    billed: float = 0.0  # dollars, by the server's own count
    charged: float = 0.0  # dollars in the ledger, with
    uncertain: float = 0.0  # those among them without an answer to show for it
    cap: float = 0.0
    cap_stops: int = 0  # runs that ended at the cap, which was then raised
    completed_again: int = 0
    lost: int = 0
    strays: int = 0  # requests that no attempt in the ledger stands for, and attempts that no request explains
    over_cap: int = 0  # moments at which more was taken than the cap
    unpaid: int = 0  # moments at which the server had billed more than the ledger had taken
    released: int = 0  # attempts lost by a kill whose worst case is not charged
    differing: int = 0  # calls, documents and rejections that an uninterrupted run has otherwise
    crashed: int = 0  # lines of tracebacks
    submitted_anew: int = 0  # entries, because their batch never reached the server
    windows: Counter[str] = field(default_factory=Counter)  # where kills hit batches

    def __add__(self, other: "Counts") -> "Counts":
        both = {f.name: (getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        sums = {name: mine + its for name, (mine, its) in both.items()}
        return Counts(**{**sums, "most_in_flight": max(both["most_in_flight"])})

    @property
    def failures(self) -> dict[str, int]:
        """What must be 0 and is not."""
        names = ("completed_again", "lost", "strays", "over_cap", "unpaid", "released", "differing", "crashed")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def count(
    ends: Sequence[End], final: Held, rows: Sequence[Mapping[str, Any]], notes: Mapping[str, str], cap: float
) -> Counts:
    """Counts of a trial whose calls went out one by one; `notes` has the server's hash of each request by its key."""
    asked = [row for row in rows if row["kind"] == "message"]
    counts = _common(ends, final, asked, cap)
    counts.released = sum(
        final.attempts[a.id].state != "lost" or final.attempts[a.id].charged != a.reserved
        for end in ends
        for a in end.held.open
    )

    keys = defaultdict(list)  # two attempts at an idea may be one and the same prompt
    for key, body in notes.items():
        keys[body].append(key)
    received = Counter(row["body_sha256"] for row in asked)
    attempts = final.by_key()
    for body in received.keys() | keys.keys():
        made = [attempt for key in keys[body] for attempt in attempts.get(key, ()) if attempt.state != "unsent"]
        lost = sum(attempt.state == "lost" for attempt in made)
        again = received[body] - (len(made) - lost)
        counts.sent_again += max(again, 0)
        counts.strays += max(again - lost, 0) + max(-again, 0)

    known: list[set[str]] = [set(), *(set(end.held.calls) for end in ends)]  # before the first end, after each
    times, lasts = [end.time for end in ends], [max(end.held.attempts, default=0) for end in ends]
    counts.completed_again = sum(
        bool(keys[row["body_sha256"]]) and set(keys[row["body_sha256"]]) <= known[bisect_left(times, row["time"])]
        for row in asked
    ) + sum(attempt.key in known[bisect_left(lasts, attempt.id)] for attempt in final.attempts.values())
    return counts


def count_batched(ends: Sequence[End], final: Held, rows: Sequence[Mapping[str, Any]], cap: float) -> Counts:
    """Counts of a trial whose calls went out in batches, whose entries go by the ledger's keys."""
    entries = [row for row in rows if row["kind"] == "batch_entry"]
    counts = _common(ends, final, entries, cap)
    counts.strays += sum(row["kind"] == "message" for row in rows)

    reached = {row["batch"] for row in rows if row["kind"] == "batch_create" and row["fault"] not in SILENT} - {None}
    attempts = final.by_key()
    by_key = defaultdict(list)
    for row in entries:
        by_key[row["custom_id"]].append(row)
    for key in by_key.keys() | attempts.keys():
        paid = [row for row in by_key[key] if row["usage"]]
        unsent = [attempt for attempt in attempts[key] if attempt.state == "unsent"]
        counts.sent_again += max(len(paid) - 1, 0)
        counts.strays += abs(len(by_key[key]) - (len(attempts[key]) - len(unsent)))
    counts.submitted_anew = sum(attempt.state == "unsent" for attempt in final.attempts.values())
    counts.strays += len(reached - {service_id for service_id, _ in final.batches.values()})
    counts.released = len(final.open) + sum(state != "closed" for _, state in final.batches.values())

    created = {row["batch"]: row["time"] for row in rows if row["kind"] == "batch_create" and row["batch"]}
    known, times = [set(), *(set(end.held.calls) for end in ends)], [end.time for end in ends]
    counts.completed_again = sum(
        row["custom_id"] in known[bisect_left(times, created[row["batch"]])] for row in entries
    )
    read = [(row["batch"], row["time"]) for row in rows if row["kind"] == "batch_results"]
    for end in ends:
        asked_for = {batch for batch, time in read if time < end.time}
        counts.windows.update(_window(end.held, final, id_, asked_for) for id_ in end.held.batches)
    counts.windows.pop("closed", None)
    return counts


def _window(held: Held, final: Held, batch: int, read: set[str]) -> str:
    """How far a batch was when the process was killed."""
    service_id, state = held.batches[batch]
    if state != "open":
        return "closed"
    if service_id is None:
        return "written down, and taken by the service" if final.batches[batch][0] else "written down, never taken"
    left = sum(attempt.batch == batch for attempt in held.open)
    whole = sum(attempt.batch == batch for attempt in held.attempts.values())
    if left < whole:
        return "results taken in in part" if left else "results taken in, not closed"
    return "results asked for" if service_id in read else "waited for"


def differing(mine: Mapping[Any, Any], its: Mapping[Any, Any]) -> int:
    """How many entries of two tables differ or stand in one of them only."""
    return sum(mine.get(key) != its.get(key) for key in mine.keys() | its.keys())


def _common(ends: Sequence[End], final: Held, asked: Sequence[Mapping[str, Any]], cap: float) -> Counts:
    counts = Counts(received=len(asked), completed=len(final.calls), cap=cap)
    counts.codes = Counter(end.code for end in ends)
    counts.kills, counts.cap_stops = counts.codes.pop(-SIGKILL, 0), counts.codes.pop(INCOMPLETE, 0)
    open_ = [len(end.held.open) for end in ends if end.code != INCOMPLETE]
    counts.in_flight, counts.in_flight_kills = sum(open_), sum(map(bool, open_))
    counts.most_in_flight = max(open_, default=0)

    seen: dict[str, Any] = {}
    for end in ends:
        seen |= end.held.calls
    counts.lost = sum(final.calls.get(key) != call for key, call in seen.items())
    for held in (*(end.held for end in ends), final):
        counts.lost += sum(call != seen.get(key, call) for key, call in held.calls.items())
        counts.lost += sum(a.state == "answered" and a.key not in held.calls for a in held.attempts.values())
    answered = Counter(attempt.key for attempt in final.attempts.values() if attempt.state == "answered")
    counts.strays = sum(answered.values()) - len(answered)

    pico = 10**12
    costs = [(row["time"], _cost(row)) for row in asked if row["usage"]]
    moments = [*((end.time, end.held, end.cap) for end in ends), (float("inf"), final, cap)]
    for moment, held, most in moments:
        counts.over_cap += held.taken > most * pico
        counts.unpaid += sum(cost for time, cost in costs if time <= moment) > held.taken
    counts.billed = dollars(sum(cost for _, cost in costs))
    counts.charged = dollars(final.taken)
    counts.uncertain = dollars(sum(a.charged or 0 for a in final.attempts.values() if a.state != "answered"))
    return counts


def _cost(row: Mapping[str, Any]) -> int:
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    usage = Usage(*(row["usage"][name] for name in names))
    return _PRICES.price_of(row["model"]).cost(usage, batch=row["kind"] == "batch_entry")
