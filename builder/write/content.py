"""What a writer makes of a brief on the way to a document: bodies, reviews, and the piece that carries them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from builder.plan import Brief
from builder.records import Message, Transcript, join_messages


@dataclass(frozen=True, slots=True)
class Content:
    """The finished or unfinished body of a document, with its title and, in a rewrite, the problems listed."""

    text: str | None = None
    messages: tuple[Message, ...] = ()
    title: str | None = None
    problems: str | None = None
    kept: bool = False

    @property
    def body(self) -> str:
        """The body as one text, as the screens read it."""
        return self.text if self.text is not None else join_messages(self.messages)

    @property
    def tagged(self) -> str:
        """The body as a prompt shows it: dialogues with their turns in tags."""
        if self.text is not None:
            return self.text
        return "\n\n".join(f"<{m.role}>{m.content}</{m.role}>" for m in self.messages)


@dataclass(frozen=True, slots=True)
class Review:
    """A review's verdicts with their evidence, by criterion: `(verdict, evidence)`."""

    verdicts: Mapping[str, tuple[str, str]]

    @property
    def failed(self) -> tuple[str, ...]:
        """The criteria that were answered no."""
        return tuple(name for name, (verdict, _) in self.verdicts.items() if verdict == "no")

    @property
    def judged(self) -> int:
        """How many criteria were answered yes or no."""
        return sum(verdict != "not_applicable" for verdict, _ in self.verdicts.values())


@dataclass(frozen=True, slots=True)
class Piece:
    """A brief on its way to a document.

    `models` and `prompts` have the model and the prompt's sha256 of each step that was taken. `opening` is an advice
    dialogue's first message as it was before `revision`, the problems that a `trial` answer showed in it. `principles`
    are those that a judge found to bear on a transcript. `reason` says why a piece goes no further.
    """

    brief: Brief
    idea: str
    models: Mapping[str, str] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    transcript: Transcript | None = None
    opening: Content = Content()
    trial: str | None = None
    revision: str | None = None
    draft: Content = Content()
    content: Content = Content()
    review: Review | None = None
    principles: tuple[str, ...] = ()
    reason: str | None = None

    def rejected(self, reason: str) -> "Piece":
        """The piece as far as it came, with why it goes no further."""
        return replace(self, reason=reason)

    @property
    def finished(self) -> Content:
        """The body as far as it is written: the rewrite, or the draft where there is none."""
        return self.content if self.content != Content() else self.draft
