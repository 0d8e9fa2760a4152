"""Open Character Training's lists: JSON (often in a `.txt` file) of traits, each with questions that bring
it out.
"""

from pathlib import Path
from typing import Any

from builder.constitution.importers.json_text import glance, parse_json
from builder.constitution.importers.nested import leaves
from builder.constitution.importers.norms import statement_and_why
from builder.constitution.importers.prose import words_in
from builder.constitution.importers.reading import Reading, Section, short_title
from builder.constitution.schema import Kind
from builder.errors import InputError

FORMAT = "Open Character Training traits"

_QUESTIONS = ("questions", "additional_questions")


def matches(path: Path, text: str) -> bool:
    """Whether it is a JSON list of objects with a `trait`."""
    value = glance(text)
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and "trait" in one for one in value)


def read(path: Path, text: str) -> Reading:
    """One disposition per trait, its questions as situations.

    Raises:
        InputError: if every trait is empty, as in a template.
    """
    rows: list[dict[str, Any]] = parse_json(path, text)
    filled = [row for row in rows if isinstance(row["trait"], str) and row["trait"].strip()]
    if not filled:
        raise InputError(f"{path} has {len(rows)} traits and all are empty, so it is a template; fill it in first")
    sections = tuple(_section(row) for row in filled)
    prose = tuple(leaf for row in filled for leaf in leaves(row) if words_in(leaf) > 1)
    skipped = (f"{len(rows) - len(filled)} empty traits",) if len(filled) < len(rows) else ()
    return Reading(sections, prose, path.stem.replace("_", " "), skipped=skipped)


def _section(row: dict[str, Any]) -> Section:
    trait = row["trait"].strip()
    statement, why = statement_and_why(trait)
    lists = [[given] if isinstance(given := row.get(key), str) else given for key in _QUESTIONS]
    questions = [one for given in lists if isinstance(given, list) for one in given if isinstance(one, str)]
    title = short_title(statement)
    return Section(
        (title,),
        trait,
        kind=Kind.DISPOSITION,
        statement=statement,
        why=why,
        situations=tuple(one.strip() for one in questions if any(map(str.isalpha, one))),
    )
