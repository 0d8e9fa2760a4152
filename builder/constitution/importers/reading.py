"""What every importer returns: the source cut into sections, before anything is decided about them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builder.constitution.importers.prose import words_in
from builder.constitution.schema import Kind

_TITLE_CHARACTERS = 120

# What people call the fields of a principle, best name first.
FIELD_NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "key", "slug", "code", "number"),
    "title": ("title", "name", "principle", "label", "heading", "value", "law", "rule"),
    "statement": (
        "statement",
        "text",
        "description",
        "content",
        "body",
        "definition",
        "directive",
        "rule",
        "law",
        "summary",
    ),
    "why": (
        "why",
        "reason",
        "reasons",
        "rationale",
        "reasoning",
        "justification",
        "explanation",
        "because",
        "purpose",
    ),
    "situations": ("situations", "examples", "example", "scenarios", "cases", "questions"),
    "tensions": ("tensions", "tradeoffs", "trade_offs", "conflicts"),
}


@dataclass(frozen=True, slots=True)
class Section:
    """One stretch of the source that becomes one principle.

    `path` holds the titles it lies under, outermost first, its own last; `text` is verbatim. What the
    format states outright (id, kind, tier, statement, why, situations, tensions as pairs of other
    principle and resolution) goes before every heuristic.
    """

    path: tuple[str, ...]
    text: str
    id: str | None = None
    kind: Kind | None = None
    tier: int | None = None
    statement: str = ""
    why: str = ""
    situations: tuple[str, ...] = ()
    tensions: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """The section's own title."""
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole source: its sections, what stands before them, all its prose, and what was passed over."""

    sections: tuple[Section, ...]
    prose: tuple[str, ...]
    name: str = ""
    preamble: str = ""
    character: str = ""
    developer: str = ""
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Importer(Protocol):
    """One source format. A new one is a module with these three and a line in the registry."""

    FORMAT: str

    def matches(self, path: Path, text: str) -> bool:
        """Whether the text is in this format."""
        ...

    def read(self, path: Path, text: str) -> Reading:
        """The source cut into sections.

        Raises:
            InputError: if it is in this format and yet no constitution.
        """
        ...


def find_field(names: Iterable[str], field: str) -> str | None:
    """The name under which a field goes in somebody else's data, or None."""
    by_plain = {plain_name(name): name for name in reversed(list(names))}
    return next((by_plain[candidate] for candidate in FIELD_NAMES[field] if candidate in by_plain), None)


def plain_name(name: str) -> str:
    """A field's name in small letters, its words joined by underscores."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def short_title(statement: str, words: int = 9) -> str:
    """A title for a principle that has none: the statement's first words, up to its first break."""
    head = statement.strip().split("\n", 1)[0]
    for mark in (". ", "; ", ": ", " — ", " - ", ", ", "。", "、"):
        first = head.split(mark, 1)[0]
        if 2 < words_in(first) <= words:
            head = first
            break
    kept = " ".join(head.split()[:words]).rstrip(".,;:!?。、")
    return kept[:_TITLE_CHARACTERS].rstrip() or statement.strip()[:60]
