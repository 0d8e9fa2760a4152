"""The records that travel between rooms: plain frozen data, no behaviour beyond reading itself.

Shapes follow DESIGN sections 2, 4 and 6. `json` methods return what is written to disk.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any


class Persona(StrEnum):
    """Whose conduct a document shows."""

    OWN = "own"
    OTHER_AI = "other_ai"
    UNNAMED_AI = "unnamed_ai"
    HUMAN = "human"


class Action(StrEnum):
    """What a policy makes of findings."""

    KEEP = "keep"
    HOLD = "hold"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says of one document. `evidence` never holds eval text, only ids, offsets and hashes."""

    check: str
    reason: str
    score: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a dialogue; `train` says whether a trainer should learn to produce it."""

    role: str
    content: str
    train: bool = False


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation that exists already and ends with the assistant's answer; `tools` is JSON, as it was given."""

    id: str
    messages: tuple[Message, ...]
    tools: str | None = None

    @property
    def words(self) -> int:
        """The words of all its turns."""
        return sum(len(message.content.split()) for message in self.messages)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a build: `text` or `messages`, never both."""

    id: str
    family: str
    form: str
    persona: str
    principles: tuple[str, ...]
    tokens: int
    brief: str
    text: str | None = None
    messages: tuple[Message, ...] = ()
    tools: str | None = None
    findings: tuple[Finding, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> str:
        """The document as one text: dialogues turn by turn, as the screens read them."""
        return self.text if self.text is not None else join_messages(self.messages)

    def with_findings(self, *findings: Finding) -> "Document":
        """The same document with more findings."""
        return replace(self, findings=(*self.findings, *findings))

    def json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that was not kept: which stage, one primary reason, and the evidence."""

    id: str
    brief: str
    stage: str
    reason: str
    action: Action = Action.DROP
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The rejection as one row of `rejected.jsonl`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CorpusText:
    """One document of anybody's corpus, as the readers return it."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class EvalMessage:
    """One message that the evaluated model is shown."""

    index: int
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class EvalItem:
    """One item of an eval: every message shown, in order."""

    id: str
    messages: tuple[EvalMessage, ...]


@dataclass(frozen=True, slots=True)
class Eval:
    """An evaluation that a corpus must stay away from; `fingerprint` is the sha256 of all its messages."""

    name: str
    items: tuple[EvalItem, ...]
    fingerprint: str


def join_messages(messages: tuple[Message, ...]) -> str:
    """A dialogue as one text, roles in capitals, a blank line between turns."""
    return "\n\n".join(f"{message.role.upper()}: {message.content}" for message in messages)
