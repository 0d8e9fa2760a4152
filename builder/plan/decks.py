"""Decks: YAML files of axes whose weighted options a brief draws from (DESIGN sections 1 and 2)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from builder.constitution import PLANNED, Principle
from builder.errors import InputError, nearest
from builder.hashing import content_id
from builder.placed_yaml import InvalidFile, load_yaml, validate
from builder.records import Persona

SHARED = "shared"
_KINDS = [kind.value for kind in PLANNED]
_PERSONAS = [persona.value for persona in Persona]


class Tool(BaseModel):
    """The definition of a tool, as chat templates take it: `parameters` is a JSON schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
    description: str = Field(min_length=1)
    parameters: dict[str, Any]


class Option(BaseModel):
    """One option of an axis: the words that go into the prompt, its weight and where it makes sense."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9_-]*$")
    text: str = Field(min_length=1)
    weight: float | dict[str, float] = 1.0
    words: tuple[int, int] | None = None
    only: dict[Literal["kind", "tier", "principle", "persona"], tuple[str | int, ...]] = Field(default_factory=dict)
    locale: str | None = None
    tools: tuple[Tool, ...] = ()

    @field_validator("weight")
    @classmethod
    def _positive(cls, weight: float | dict[str, float]) -> float | dict[str, float]:
        by_kind = weight if isinstance(weight, dict) else {"default": weight}
        if not all(0 <= value < math.inf for value in by_kind.values()):
            raise ValueError("a weight must be a number from 0 up; to rule an option out, delete it")
        for kind in by_kind:
            if kind != "default" and kind not in _KINDS:
                raise ValueError(f"weight for kind {kind!r}, which does not exist{nearest(kind, _KINDS)}")
        return weight

    @field_validator("words")
    @classmethod
    def _in_order(cls, words: tuple[int, int] | None) -> tuple[int, int] | None:
        if words and not 0 < words[0] <= words[1]:
            raise ValueError(f"words [{words[0]}, {words[1]}] should be the shortest, then the longest length")
        return words

    @field_validator("only")
    @classmethod
    def _known(cls, only: dict[str, tuple[str | int, ...]]) -> dict[str, tuple[str | int, ...]]:
        for key, known in (("kind", _KINDS), ("persona", _PERSONAS)):
            for value in only.get(key, ()):
                if value not in known:
                    raise ValueError(f"only {key} {value!r}, which does not exist{nearest(str(value), known)}")
        return only

    def weight_for(self, kind: str) -> float:
        """The weight under a principle of this kind."""
        if isinstance(self.weight, dict):
            return self.weight.get(kind, self.weight.get("default", 1.0))
        return self.weight

    def suits(self, principle: Principle, persona: str | None) -> bool:
        """Whether the option makes sense for a principle of this kind, tier and id, and for this persona."""
        facts = {
            "kind": principle.kind.value,
            "tier": principle.tier,
            "principle": principle.id,
            "persona": persona,
        }
        free = {"persona"} if persona is None else set()
        return all(facts[key] in allowed for key, allowed in self.only.items() if key not in free)


class Deck(BaseModel):
    """The axes of one family, or those that all families share."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal[1] = Field(alias="schema")
    family: str
    axes: dict[str, tuple[Option, ...]]


@dataclass(frozen=True, slots=True)
class Decks:
    """The shared deck and one deck per family, as loaded; `sha256` identifies their whole content."""

    shared: Mapping[str, tuple[Option, ...]]
    families: Mapping[str, Mapping[str, tuple[Option, ...]]]
    sha256: str

    def axis(self, family: str, name: str) -> tuple[Option, ...]:
        """The options of an axis: the family's own, else the shared ones."""
        return self.families[family].get(name) or self.shared.get(name, ())

    def axes(self) -> dict[str, tuple[str, ...]]:
        """Every axis with the ids of all its options over the families: what a `forbid` may name."""
        found: dict[str, dict[str, None]] = {"family": dict.fromkeys(self.families)}
        for deck in (self.shared, *self.families.values()):
            for axis, options in deck.items():
                found.setdefault(axis, {}).update((option.id, None) for option in options)
        return {axis: tuple(ids) for axis, ids in found.items()}


def load_decks(folder: Path, families: tuple[str, ...]) -> Decks:
    """Read `shared.yaml` and `FAMILY.yaml` of a deck folder.

    Raises:
        InputError: if a deck is missing, names no axis, or repeats an option.
    """
    shared = _load_deck(folder / f"{SHARED}.yaml", SHARED)
    own = {family: _load_deck(folder / f"{family}.yaml", family) for family in families}
    content = {
        name: {axis: [o.model_dump() for o in options] for axis, options in deck.items()}
        for name, deck in {SHARED: shared, **own}.items()
    }
    return Decks(shared, own, content_id(content, 64))


def _load_deck(path: Path, family: str) -> Mapping[str, tuple[Option, ...]]:
    if not path.is_file():
        raise InputError(f"{path} does not exist; a project needs one deck per family, copy it from `exempla init`")
    placed = load_yaml(path)
    deck = validate(placed, Deck)
    if deck.family != family:
        sentence = f"this deck is for family {deck.family!r}; the file name asks for {family!r}"
        raise InvalidFile([placed.problem(("family",), sentence)])
    for axis, options in deck.axes.items():
        if not any(option.weight_for(kind) > 0 for option in options for kind in _KINDS):
            raise InvalidFile([placed.problem(("axes", axis), f"axis {axis!r} has no option with a weight above 0")])
        seen: set[str] = set()
        for index, option in enumerate(options):
            if option.id in seen:
                where = ("axes", axis, index)
                raise InvalidFile([placed.problem(where, f"option {option.id!r} stands twice in axis {axis!r}")])
            seen.add(option.id)
    return deck.axes
