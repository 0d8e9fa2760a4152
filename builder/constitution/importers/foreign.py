"""Somebody else's YAML or JSON: `principles:`, `laws:`, `values:` with `tradeoffs:`, or named sections."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builder.constitution.importers.json_text import glance, parse_json
from builder.constitution.importers.namesakes import refuse_namesakes
from builder.constitution.importers.nested import holds_rules, leaves, sections, title_of
from builder.constitution.importers.prose import is_prose, words_in
from builder.constitution.importers.reading import FIELD_NAMES, Reading, find_field, plain_name
from builder.errors import InputError
from builder.placed_yaml import parse_yaml

FORMAT = "foreign YAML or JSON"

_NAMES = ("name", "title", "document", "constitution_name")
_PREAMBLES = ("preamble", "purpose", "description", "introduction", "summary", "overview")
_METADATA_KEYS = "version schema schema_version date author authors license created updated metadata"
_METADATA = frozenset(_METADATA_KEYS.split())
_DOCUMENTS = ("constitution", "charter", "document", "spec", "model_spec", "policy")
_OURS = ("id", "title", "statement", "why")


def matches(path: Path, text: str) -> bool:
    """Whether the file is YAML or JSON by its name, or JSON by its looks."""
    return path.suffix.lower() in (".yaml", ".yml", ".json") or glance(text) is not None


def read(path: Path, text: str) -> Reading:
    """One section per rule, law, value or principle, under the names of the keys it lies under.

    Raises:
        InputError: if it cannot be parsed, is in our own format already, or only shares the name.
    """
    by_yaml = path.suffix.lower() in (".yaml", ".yml")
    data = parse_yaml(path, text, as_text=True).value if by_yaml else parse_json(path, text)
    _refuse_ours(path, data)
    refuse_namesakes(path, data)
    top = _unwrapped(data) if isinstance(data, Mapping) else {"principles": data}
    names = {key: top[key] for key in _NAMES if _is_text(top.get(key))}
    preambles = {key: top[key] for key in _PREAMBLES if _is_text(top.get(key))}
    if _is_one_principle(top):
        names, preambles, top = {}, {}, {"principles": [top]}
    name, *unused = [one.strip() for one in names.values()] or [""]
    skipped = [f"metadata: {key}" for key in top if plain_name(key) in _METADATA]
    body = {
        key: one for key, one in top.items() if key not in (*names, *preambles) and plain_name(key) not in _METADATA
    }
    found = tuple(section for key, value in body.items() for section in sections(value, (title_of(key),)))
    preamble = "\n\n".join(one.strip() for one in preambles.values())
    prose = (*preambles.values(), *unused, *(leaf for leaf in leaves(body) if words_in(leaf) > 1))
    return Reading(found, prose, name, preamble, skipped=tuple(skipped))


def _refuse_ours(path: Path, data: Any) -> None:  # noqa: ANN401
    """Say no to our own format, naming what keeps it from being valid.

    Raises:
        InputError: if it is.
    """
    rows = data.get("principles") if isinstance(data, Mapping) else None
    if not (isinstance(rows, list) and rows and all(isinstance(row, Mapping) for row in rows)):
        return
    lacking = [(place, [key for key in _OURS if not row.get(key)]) for place, row in enumerate(rows, 1)]
    lacking = [(place, keys) for place, keys in lacking if keys]
    if not lacking:
        raise InputError(f"{path} has the shape of our own constitutions already; check it instead of importing it")
    if data.get("schema") == "1":
        place, keys = lacking[0]
        named = " and ".join(map(repr, keys))
        raise InputError(f"{path} is in our own format, and its principle {place} lacks {named}; write it and check it")


def _is_one_principle(top: Mapping[str, Any]) -> bool:
    """Whether a whole file is a single principle: a title, a statement and a reason, and no other sentence."""
    named = [find_field(top, field) for field in FIELD_NAMES]
    others = [child for key, child in top.items() if key not in named]
    return all(find_field(top, one) for one in ("title", "statement", "why")) and not any(map(is_prose, leaves(others)))


def _unwrapped(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What lies under a single key such as `constitution`, if that is a document with a head of its own."""
    outer = [key for key in data if plain_name(key) not in _METADATA]
    inner = data[outer[0]] if len(outer) == 1 else None
    if not isinstance(inner, Mapping) or not any(holds_rules(key, child) for key, child in inner.items()):
        return data
    named = any(_is_text(inner.get(key)) for key in _NAMES)
    return inner if named or plain_name(outer[0]) in _DOCUMENTS else data


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
