"""What goes wrong on the test server, and when: by order of arrival, by a seeded lot, or by what a request says."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import ceil
from random import Random

# Answers that are an error: the status, its type, and a message. Nothing was done and nothing is charged. `429:2` asks
# for two seconds of patience, and so does `529:2`; any other, such as `401:2`, comes two seconds late.
ERRORS = {
    "400": (400, "invalid_request_error", "The request is invalid"),
    "401": (401, "authentication_error", "invalid x-api-key"),
    "402": (402, "billing_error", "Your credit balance is too low to access the API"),
    "403": (403, "permission_error", "Your API key does not have permission to use the specified resource"),
    "404": (404, "not_found_error", "Not found"),
    "413": (413, "request_too_large", "Request exceeds the maximum size"),
    "429": (429, "rate_limit_error", "This request would exceed your rate limit"),
    "500": (500, "api_error", "Internal server error"),
    "504": (504, "timeout_error", "Request timed out"),
    "529": (529, "overloaded_error", "Overloaded"),
    "filter": (400, "invalid_request_error", "Output blocked by content filtering policy"),
}
BUSY = ("429", "529")
# No answer: the connection is reset, or stays silent until the client gives up. Nothing was done.
SILENT = ("reset", "stall")
# The work was done and is charged, and the answer is lost whole or in part.
DAMAGED = ("lost", "malformed", "cut", "dropped", "reset_late", "late_529")
# A whole answer which is not what was asked for; `refusal:40` comes after forty characters of text.
SHAPED = ("refusal", "truncated", "empty")
# What can become of a batch entry besides; `errored:TYPE` names an error's type, api_error if it does not.
UNSUCCESSFUL = ("errored", "expired", "canceled")
# A batch entry that is processed and charged, and which the results leave out.
MISSING = "missing"
_ANYWHERE = ("ok", *ERRORS, *SILENT, *DAMAGED)
KINDS = {
    "message": (*_ANYWHERE, *SHAPED),
    "entry": ("ok", *ERRORS, *SHAPED, *UNSUCCESSFUL, MISSING),
    **dict.fromkeys(("count", "create", "poll", "list", "cancel", "results", "model"), _ANYWHERE),
}

Rule = Callable[[str, str, str], str | None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it is written: `kind:value`, such as `429:2`, which asks for two seconds of patience."""

    kind: str = "ok"
    value: str = ""

    @classmethod
    def read(cls, text: str, endpoint: str = "message") -> "Fault":
        """A fault from its text; raises ValueError for one that does not happen there."""
        kind, _, value = text.strip().partition(":")
        if kind not in KINDS[endpoint]:
            raise ValueError(f"fault {kind!r} does not happen to {endpoint}; known are {', '.join(KINDS[endpoint])}")
        return cls(kind, value)

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}" if self.value else self.kind


OK = Fault()


class Faults:
    """Decides what happens to each request of each endpoint.

    A schedule applies its n-th fault to the n-th request of its endpoint that got past the key and the rate limit:
    `message` to POST /v1/messages, `entry` to each entry of each batch, `poll` to the GET of one batch, and so on.
    After its end, and without one, a rate for a fault is the chance that a request meets it, drawn from the seed and
    the request's number. Before both, a request whose text (system prompt or messages) has `refuse_if` in it, or which
    asks `refuse_model`, is refused; given both, it has to be both. `rule(model, system, user)` names a fault or None.
    `shuffled` and `repeated` are about batch results: their order, and how many lines come twice.
    """

    def __init__(
        self,
        message: Sequence[str] = (),
        *,
        rates: Mapping[str, float] | None = None,
        entry_rates: Mapping[str, float] | None = None,
        seed: int = 0,
        refuse_if: str | None = None,
        refuse_model: str | None = None,
        rule: Rule | None = None,
        shuffled: bool = False,
        repeated: int = 0,
        **schedules: Sequence[str],
    ) -> None:
        unknown = set(schedules) - set(KINDS)
        if unknown:
            raise TypeError(f"no endpoint {sorted(unknown)}; known are {', '.join(KINDS)}")
        self._schedules = {
            endpoint: [Fault.read(text, endpoint) for text in texts]
            for endpoint, texts in {"message": message, **schedules}.items()
        }
        self._rates = {
            "message": [(Fault.read(text), rate) for text, rate in (rates or {}).items()],
            "entry": [(Fault.read(text, "entry"), rate) for text, rate in (entry_rates or {}).items()],
        }
        self._seed, self._seen = seed, Counter()
        self._refuse_if, self._refuse_model, self._rule = refuse_if, refuse_model, rule
        self.repeated, self.shuffled = repeated, shuffled

    def take(self, endpoint: str, model: str = "", system: str = "", user: str = "") -> Fault:
        """What happens to the next request of an endpoint."""
        number = self._seen[endpoint]
        self._seen[endpoint] += 1
        if model and self._refuses(model, system, user):
            return Fault("refusal")
        named = self._rule(model, system, user) if model and self._rule else None
        if named:
            return Fault.read(named, endpoint)
        schedule = self._schedules.get(endpoint, ())
        return schedule[number] if number < len(schedule) else self._drawn(endpoint, number)

    def in_order(self, lines: Sequence[bytes]) -> list[bytes]:
        """The lines of a batch's results as they are sent."""
        sent = [*lines, *lines[: self.repeated]]
        if self.shuffled:
            Random(f"{self._seed} {len(sent)}").shuffle(sent)
        return sent

    def _refuses(self, model: str, system: str, user: str) -> bool:
        if self._refuse_if is None and self._refuse_model is None:
            return False
        said = self._refuse_if is None or self._refuse_if in user or self._refuse_if in system
        return said and self._refuse_model in (None, model)

    def _drawn(self, endpoint: str, number: int) -> Fault:
        rates = self._rates.get(endpoint)
        if not rates:
            return OK
        lot = Random(f"{self._seed} {endpoint} {number}").random()
        for fault, rate in rates:
            lot -= rate
            if lot < 0:
                return fault
        return OK


class Bucket:
    """Lets `burst` requests through at once and `rate` a second after that."""

    def __init__(self, rate: float | None, burst: int, retry_after: int | None) -> None:
        self._rate, self._burst, self._retry_after = rate, burst, retry_after
        self._left, self._filled = float(burst), time.monotonic()

    def take(self) -> int | None:
        """None if there was something left, or else after how many seconds to come back."""
        if self._rate is None:
            return None
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._filled) * self._rate)
        self._filled = now
        if self._left >= 1:
            self._left -= 1
            return None
        return self._retry_after or max(1, ceil((1 - self._left) / self._rate))


class Ending(Enum):
    """How the connection goes on after what was sent."""

    STAYS = "stays"
    CLOSES = "closes"
    RESETS = "resets"


def body_sent(fault: Fault, body: bytes) -> tuple[bytes, int, Ending]:
    """What is sent of a body, the length that is announced for it, and how that ends."""
    half = body[: len(body) // 2]
    if fault.kind == "malformed":
        return half, len(half), Ending.STAYS
    if fault.kind in ("cut", "dropped"):
        return half, len(body), Ending.CLOSES
    if fault.kind == "reset_late":
        return half, len(body), Ending.RESETS
    return body, len(body), Ending.STAYS


def events_sent(fault: Fault, events: Sequence[bytes]) -> tuple[list[bytes], Ending]:
    """What is sent of a stream's events, and how that ends. A `cut` one ends as a whole one does, only earlier."""
    half = len(events) // 2
    if fault.kind == "malformed":
        broken = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'
        return [*events[:half], broken, *events[half:]], Ending.STAYS
    if fault.kind == "late_529":
        return [*events[:half], b"event: error\ndata: " + error_body("529", None) + b"\n\n"], Ending.STAYS
    endings = {"cut": Ending.STAYS, "dropped": Ending.CLOSES, "reset_late": Ending.RESETS}
    return (list(events[:half]), endings[fault.kind]) if fault.kind in endings else (list(events), Ending.STAYS)


def error_body(kind: str, request_id: str | None, message: str | None = None) -> bytes:
    """An error as the API words it."""
    _, type_, usual = ERRORS[kind]
    error = {"type": type_, "message": message or usual}
    return json.dumps({"type": "error", "error": error, "request_id": request_id}).encode()
