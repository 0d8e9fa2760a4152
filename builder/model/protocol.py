"""What a language model is to Exempla: something that answers a request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from builder.hashing import canonical_json, sha256_text

if TYPE_CHECKING:
    from builder.model.account import Account


_digest = lru_cache(maxsize=256)(sha256_text)  # thousands of requests share one system prompt of 100 kB


class Outcome(StrEnum):
    """How an answer ended. Only a completed one has text that may be used."""

    COMPLETED = "completed"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a call as the backend counts them; `input` is what was neither read from nor written to a cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def read(self) -> int:
        """All the tokens that went in."""
        return self.input + self.cache_read + self.cache_write


@dataclass(frozen=True)
class Request:
    """One call. `system` is the part that many calls share, `user` what is this call's own.

    `earlier` are the turns of a conversation that `user` goes on with, as `(role, text)`, the first and the last of
    them the user's and the assistant's. `shared` is False where the system prompt is this call's own, so that caching
    it would only cost. `facts` is what the prompt was rendered from; backends that write without a model read it.
    `template` is the prompt's file and its sha256, by which a recording knows what has changed since. Neither is sent.
    """

    stage: str
    brief: str
    attempt: int
    model: str
    system: str
    user: str
    max_tokens: int
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)
    template: tuple[str, str] = field(default=("", ""), compare=False)
    earlier: tuple[tuple[str, str], ...] = ()
    shared: bool = field(default=True, compare=False)

    @cached_property
    def key(self) -> str:
        """The sha256 of the canonical request with brief and attempt: the ledger's key."""
        sent = [self.stage, self.brief, self.attempt, self.model, self.system, self.user, self.max_tokens]
        return sha256_text(canonical_json([*sent, self.earlier] if self.earlier else sent))

    @property
    def turns(self) -> tuple[tuple[str, str], ...]:
        """Every turn that is sent, as `(role, text)`; the last is the user's."""
        return (*self.earlier, ("user", self.user))

    @cached_property
    def prefix(self) -> str:
        """What a provider can cache: the model and the hash of the system prompt."""
        return f"{self.model} {_digest(self.system)}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, with the name of the model that gave it and of those that refused before it.

    `template` is the prompt's file and sha256 where it answers another than was asked now, as a recording may.
    """

    text: str
    outcome: Outcome
    model: str
    usage: Usage = Usage()
    refused_by: tuple[str, ...] = ()
    template: tuple[str, str] | None = None


class Busy(Exception):
    """The model's service took no request just now; nothing was processed and nothing is charged.

    `wait` is how many seconds it asked for, if it said so; `limit` is whether requests came too fast for it, and not
    only at a bad time.
    """

    def __init__(self, reason: str, wait: float | None = None, *, limit: bool = True) -> None:
        super().__init__(reason)
        self.wait, self.limit = wait, limit


class Fault(Exception):
    """An attempt that brought no answer and may bring one if it is made again.

    `charged` says whether the service may have done the work and want to be paid for it.
    """

    def __init__(self, reason: str, *, charged: bool) -> None:
        super().__init__(reason)
        self.charged = charged


class Withheld(Exception):
    """The service kept an answer back by a filter of its own: a refusal, for which nothing is charged."""


Arrived = Callable[[int, Reply], None]


class Model(Protocol):
    """A model that answers one request at a time, without a request on the wire. `name` says which one it is."""

    name: str

    async def answer(self, request: Request) -> Reply:
        """Answer one request.

        Raises:
            ExemplaError: saying what the user can do.
        """
        ...


class RemoteModel(Model, Protocol):
    """A model whose every answer takes one request on the wire.

    Its `answer` makes one attempt, and may raise `Busy`, `Withheld`, or `Fault` where another may bring an answer.
    """

    async def ready(self, request: Request) -> None:
        """Wait until it makes sense to send a request, such as until another has written its prefix to the cache."""
        ...

    def done(self, request: Request) -> None:
        """Told that a request which was waited for with `ready` was answered or given up."""
        ...

    async def input_bound(self, request: Request) -> int:
        """A number of tokens that the request's input cannot exceed."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


class Backend(Protocol):
    """What answers rounds: everything that a build can name as `backend`.

    `account` is where a remote backend enters its answers with what they cost; without one, whoever asks commits them.
    `in_flight` is how many requests are on the wire or in a batch.
    """

    name: str
    account: "Account | None"

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        ...

    async def answer_round(self, requests: Sequence[Request], arrived: Arrived, moved: Callable[[], None]) -> None:
        """Give `arrived(index, reply)` each answer as soon as it is there; return when every request has its own.

        What `arrived` was given is in the ledger, whatever comes after. `moved` is called when `in_flight` changes.

        Raises:
            Incomplete: if answers are still to come, saying what has to happen before the round goes on.
            ExemplaError: saying what the user can do.
        """
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...
