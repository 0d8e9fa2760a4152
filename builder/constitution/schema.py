"""The shape of a constitution: frozen records that refuse unknown keys, with the names filled in."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from builder.constitution.references import broken_references
from builder.constitution.templating import DEFAULT_CHARACTER, DEFAULT_DEVELOPER, fill
from builder.errors import InputError, nearest
from builder.hashing import canonical_json, sha256_text

SLUG = r"^[a-z0-9]+([-_][a-z0-9]+)*$"


def _visible(text: str) -> str:
    if not any(one.isprintable() and not one.isspace() for one in text):
        raise PydanticCustomError("string_too_short", "String should have a character that can be seen")
    return text


def _whole(version: object) -> object:
    if type(version) is not int:  # True and 1.0 equal 1
        raise PydanticCustomError("literal_error", "Input should be 1", {"expected": "1"})
    return version


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise ValueError(f"`proposed` names {repeated!r} twice; name it once")
    return names


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_visible)]
OptionalText = Annotated[str, StringConstraints(strip_whitespace=True)]


def _slug(id: str) -> str:
    if not re.fullmatch(SLUG, id):
        raise ValueError(f"id {id!r} should be small letters, digits and hyphens, such as 'open-dissent'")
    return id


Slug = Annotated[str, AfterValidator(_slug), Field(json_schema_extra={"pattern": SLUG})]


class Kind(StrEnum):
    """What sort of principle it is; the first three are planned, the other two are background."""

    VALUE = "value"
    HARD_CONSTRAINT = "hard_constraint"
    DISPOSITION = "disposition"
    CONTEXT = "context"
    OPEN_QUESTION = "open_question"


Proposable = Literal["statement", "why", "situations", "tensions", "misuse"]
PLANNED = (Kind.VALUE, Kind.HARD_CONSTRAINT, Kind.DISPOSITION)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Character(_Record):
    """Whose constitution it is."""

    name: Text = Field(DEFAULT_CHARACTER, description="The character's name; {character} stands for it.")
    developer: Text = Field(DEFAULT_DEVELOPER, description="Who trains it; {developer} stands for it.")


def _unnamed() -> Character:
    return Character()


class Priority(_Record):
    """One principle goes before another, in general."""

    higher: Slug = Field(description="The id of the principle that usually prevails.")
    lower: Slug = Field(description="The id of the principle that usually yields.")
    why: OptionalText = Field("", description="Why it should prevail.")


class Tension(_Record):
    """Where a principle pulls against another, and what to do about it."""

    with_: Slug = Field(alias="with", description="The id of the other principle.")
    resolution: Text = Field(description="What the character does, with the reason.")
    exceptions: OptionalText = Field("", description="When the resolution does not hold.")


class Source(_Record):
    """Where an imported principle comes from."""

    section: OptionalText = Field("", description="The path of section titles in the source.")
    quote: OptionalText = Field("", description="The source's words, verbatim.")


class Principle(_Record):
    """One thing the constitution asks of the character, says about it, or leaves open."""

    id: Slug = Field(description="A stable name in lower case, words joined by hyphens.")
    title: Text = Field(description="A heading of a few words.")
    kind: Kind = Field(
        Kind.VALUE,
        description="value, hard_constraint and disposition are planned; context and open_question not.",
    )
    statement: Text = Field(description="What is asked, in a sentence or a few.")
    why: Text = Field(description="The reasons, in terms a thoughtful opponent would take seriously.")
    situations: tuple[Text, ...] = Field((), description="Scenes where it matters, concrete enough to write.")
    tensions: tuple[Tension, ...] = Field((), description="Principles it pulls against.")
    misuse: OptionalText = Field("", description="How it could be twisted into a licence, and why that is wrong.")
    tier: int | None = Field(None, ge=1, strict=True, description="1 is the most binding.")
    forbid: dict[str, tuple[Text, ...]] = Field(
        {}, description="Per axis of the plan, the options that make no sense for this principle."
    )
    proposed: Annotated[tuple[Proposable, ...], AfterValidator(_once)] = Field(
        (),
        description="Fields that a language model proposed and nobody has confirmed yet; delete the names you confirm.",
    )
    source: Source | None = Field(None, description="For imported principles: where it comes from.")

    def text(self, titles: Mapping[str, str] | None = None, level: int = 2) -> str:
        """The principle in full as Markdown, without the source quote.

        `titles` gives the titles of the principles named in tensions (their ids are shown otherwise);
        `level` is the heading's depth.
        """
        from builder.constitution.markdown import principle_text

        return principle_text(self, titles or {}, level)


class Constitution(_Record):
    """A whole constitution. Strings are filled in; `raw` keeps them as written."""

    schema_: Annotated[Literal[1], BeforeValidator(_whole)] = Field(
        1, alias="schema", description="The version of this format."
    )
    name: Text = Field("Constitution of {character}", description="What the document is called.")
    character: Character = Field(default_factory=_unnamed, description="Whose constitution it is.")
    preamble: OptionalText = Field("", description="What the whole is for.")
    priorities: tuple[Priority, ...] = Field((), description="Which principles usually prevail over which.")
    principles: tuple[Principle, ...] = Field(min_length=1, description="At least one principle.")

    _raw: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _fill_names(cls, data: Any, handler: ModelWrapValidatorHandler["Constitution"]) -> "Constitution":  # noqa: ANN401 - input not yet validated
        if not isinstance(data, Mapping):
            return handler(data)
        named = {"name": "Constitution of {character}", **data}
        constitution = handler(fill(named))
        for _, sentence in broken_references(data):
            raise ValueError(sentence)
        constitution._raw = data
        return constitution

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constitution) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    @property
    def raw(self) -> Mapping[str, Any]:
        """The document as written, with `{character}` and `{developer}` not filled in."""
        return self._raw

    @property
    def planned(self) -> tuple[Principle, ...]:
        """The principles that documents are planned for: values, hard constraints and dispositions."""
        return tuple(principle for principle in self.principles if principle.kind in PLANNED)

    @property
    def titles(self) -> dict[str, str]:
        """Title by principle id, in the document's order."""
        return {principle.id: principle.title for principle in self.principles}

    @cached_property
    def sha256(self) -> str:
        """The hash of what it says: the filled-in values, without the fields left at their default.

        `proposed` does not count, so that confirming a field without changing it leaves a build what it was.
        """
        unsaid = {"principles": {"__all__": {"proposed"}}}
        values = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=unsaid)
        return sha256_text(canonical_json(values))

    def principle(self, id: str) -> Principle:
        """The principle with this id.

        Raises:
            InputError: if there is none, with the nearest known id.
        """
        for principle in self.principles:
            if principle.id == id:
                return principle
        known = list(self.titles)
        raise InputError(
            f"{self.name} has no principle {id!r}{nearest(id, known) or '; known are ' + ', '.join(known)}"
        )

    def charter(self) -> str:
        """The name, preamble and priorities as Markdown."""
        from builder.constitution.markdown import charter_text

        return charter_text(self)

    def text(self) -> str:
        """The whole constitution as Markdown for a prompt, without source quotes."""
        from builder.constitution.markdown import constitution_text

        return constitution_text(self)
