"""What a language model is to Exempla: something that answers a request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from builder.hashing import canonical_json, sha256_text


class Outcome(StrEnum):
    """How an answer ended. Only a completed one has text that may be used."""

    COMPLETED = "completed"
    TRUNCATED = "truncated"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a call read and wrote, as the backend counts them."""

    input: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `facts` is what the prompt was rendered from; backends that write without a model read it,
    and it is never sent.
    """

    stage: str
    brief: str
    attempt: int
    model: str
    system: str
    user: str
    max_tokens: int
    facts: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> str:
        """The sha256 of the canonical request with brief and attempt: the ledger's key."""
        sent = [self.stage, self.brief, self.attempt, self.model, self.system, self.user, self.max_tokens]
        return sha256_text(canonical_json(sent))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, with the name of the model that gave it."""

    text: str
    outcome: Outcome
    model: str
    usage: Usage = Usage()


Arrived = Callable[[int, Reply], None]


class Model(Protocol):
    """A backend that answers one request at a time. `name` says which one it is."""

    name: str
    paid: bool

    async def answer(self, request: Request) -> Reply:
        """Answer one request, or raise an `ExemplaError` that says what the user can do."""
        ...


@runtime_checkable
class RoundModel(Protocol):
    """A backend that has to see a whole round at once, such as one that exchanges files or submits batches."""

    name: str
    paid: bool

    async def answer_round(
        self, requests: Sequence[Request], arrived: Arrived, answered: Callable[[str], bool]
    ) -> None:
        """Give `arrived(index, reply)` each answer as soon as it is there; return when every request has its own.

        What `arrived` was given is in the ledger, whatever comes after. `answered(key)` says whether the ledger
        holds the answer to a request of any round.

        Raises:
            Incomplete: if answers are still to come, saying what has to happen before the round goes on.
            ExemplaError: saying what the user can do.
        """
        ...
