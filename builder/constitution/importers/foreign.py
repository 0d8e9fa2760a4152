"""Somebody else's YAML or JSON: `principles:`, `laws:`, `values:` with `tradeoffs:`, or named sections."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.constitution.importers.kinds import propose_kind
from builder.constitution.importers.namesakes import refuse_namesakes
from builder.constitution.importers.norms import statement_and_why
from builder.constitution.importers.reading import FIELD_NAMES, Reading, Section, find_field, short_title
from builder.constitution.importers.sentences import squeeze
from builder.constitution.schema import Kind
from builder.errors import InputError, first_line
from builder.placed_yaml import load_yaml

FORMAT = "foreign YAML or JSON"

_NAMES = ("name", "title", "document", "constitution_name")
_PREAMBLES = ("preamble", "purpose", "description", "introduction", "summary", "overview")
_METADATA_KEYS = "version schema schema_version date author authors license created updated metadata"
_METADATA = frozenset(_METADATA_KEYS.split())
_OURS = ("id", "title", "statement", "why")


def matches(path: Path, text: str) -> bool:
    """Whether the file is YAML or JSON by its name, or JSON by its looks."""
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        return True
    try:
        return text.lstrip()[:1] in ("{", "[") and isinstance(json.loads(text), dict | list)
    except (json.JSONDecodeError, RecursionError):
        return False


def read(path: Path, text: str) -> Reading:
    """One section per rule, law, value or principle, under the names of the keys it lies under.

    Raises:
        InputError: if it cannot be parsed, is in our own format already, or only shares the name.
    """
    data = _parsed(path, text)
    _refuse_ours(path, data)
    refuse_namesakes(path, data)
    top = data if isinstance(data, Mapping) else {"principles": data}
    name, preamble = _first_text(top, _NAMES), _first_text(top, _PREAMBLES)
    used = {key for key in top if isinstance(top[key], str) and top[key].strip() in (name, preamble)}
    skipped = [f"metadata: {key}" for key in top if str(key).lower() in _METADATA]
    body = {key: value for key, value in top.items() if key not in used and str(key).lower() not in _METADATA}
    sections = tuple(section for key, value in body.items() for section in _sections(value, (title_of(str(key)),)))
    return Reading(sections, (preamble, *_leaves(body)), name, preamble, skipped=tuple(skipped))


def title_of(key: str) -> str:
    """A key as words: `red_lines` and `redLines` become `Red lines`."""
    spaced = "".join(
        f" {one.lower()}" if one.isupper() and place and key[place - 1].islower() else one
        for place, one in enumerate(key)
    )
    words = squeeze(spaced.replace("_", " ").replace("-", " "))
    return words[:1].upper() + words[1:] if words else key


def _parsed(path: Path, text: str) -> Any:  # noqa: ANN401 - any JSON or YAML value
    if path.suffix.lower() in (".yaml", ".yml"):
        return load_yaml(path).value
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}:{error.lineno}:{error.colno}: not JSON: {first_line(error).split(': line')[0]}"
        ) from None
    except RecursionError:
        raise InputError(f"{path} is nested too deeply to be a constitution") from None


def _refuse_ours(path: Path, data: Any) -> None:  # noqa: ANN401
    rows = data.get("principles") if isinstance(data, Mapping) else None
    if (
        isinstance(rows, list)
        and rows
        and all(isinstance(row, Mapping) and all(key in row for key in _OURS) for row in rows)
    ):
        raise InputError(f"{path} has the shape of our own constitutions already; check it instead of importing it")


def _sections(value: Any, path: tuple[str, ...]) -> Iterator[Section]:  # noqa: ANN401
    """Every rule below a key: a mapping with a statement is one rule, others and lists are sections."""
    if isinstance(value, Mapping):
        if _is_principle(value):
            yield _from_mapping(value, path)
        elif propose_kind(path, "", "") is Kind.CONTEXT:
            yield Section(
                path,
                "\n".join(f"{title_of(str(key))}: {one}" for key, one in _flat(value)),
                kind=Kind.CONTEXT,
            )
        else:
            for key, child in value.items():
                yield from _sections(child, (*path, title_of(str(key))))
    elif isinstance(value, list):
        for child in value:
            if isinstance(child, str) and child.strip():
                yield _from_text(child, (*path, short_title(child)), path)
            else:
                yield from _sections(child, path)
    elif isinstance(value, str) and value.strip():
        yield _from_text(value, path, path)


def _is_principle(value: Mapping[str, Any]) -> bool:
    """Whether a mapping states one rule: a statement, or a title with a reason."""
    named = {field: find_field(map(str, value), field) for field in FIELD_NAMES}
    texts = {field: isinstance(value.get(name), str) for field, name in named.items() if name}
    return bool(texts.get("statement") or (texts.get("title") and texts.get("why")))


def _from_mapping(value: Mapping[str, Any], path: tuple[str, ...]) -> Section:
    named = {field: find_field(map(str, value), field) for field in FIELD_NAMES}
    found = {field: value[name] for field, name in named.items() if name and isinstance(value[name], str)}
    statement = str(found.get("statement") or found.get("title", ""))
    title = str(found.get("title") or "")
    title = title if title and title != statement else short_title(statement)
    guessed_statement, guessed_why = statement_and_why(statement)
    own_title = len(path) > 1 and not found.get("title")
    kind = str(value.get("kind", value.get("type", ""))).lower()
    return Section(
        path if own_title else (*path, title),
        "\n".join(one for _, one in _flat(value)),
        id=str(found.get("id", "")) or None,
        kind=Kind(kind) if kind in list(Kind) else propose_kind((*path, found.get("title", "")), "", statement),
        statement=statement if found.get("why") else guessed_statement,
        why=str(found.get("why") or guessed_why),
        situations=tuple(one for one in _texts(value.get(named["situations"] or "", [])) if one.strip()),
        tensions=tuple(_tensions(value.get(named["tensions"] or "", []))),
    )


def _tensions(value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Pairs of other principle and resolution, where the source names both."""
    if isinstance(value, Mapping):
        yield from ((str(key), one) for key, one in value.items() if isinstance(one, str))
    for entry in value if isinstance(value, list) else []:
        if isinstance(entry, Mapping):
            other = next(
                (entry[key] for key in ("with", "against", "versus", "vs", "value", "other") if key in entry),
                None,
            )
            keys = ("resolution", "guidance", "resolve", "balance", "text", "description", "how")
            settled = next((entry[key] for key in keys if isinstance(entry.get(key), str)), None)
            if isinstance(other, str) and settled:
                yield other, settled


def _from_text(text: str, path: tuple[str, ...], named: tuple[str, ...]) -> Section:
    """A rule that is one text; its kind is proposed from the source's titles, not from a made one."""
    statement, why = statement_and_why(text)
    return Section(path, text.strip(), kind=propose_kind(named, "", statement), statement=statement, why=why)


def _first_text(data: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((str(data[key]).strip() for key in keys if isinstance(data.get(key), str)), "")


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Every leaf as text with the key it lies under."""
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from _flat(child, str(name))
    elif isinstance(value, list):
        for child in value:
            yield from _flat(child, key)
    elif value is not None:
        yield key, str(value).strip()


def _texts(value: Any) -> list[str]:  # noqa: ANN401
    return [one for _, one in _flat(value)]


def _leaves(value: Any) -> list[str]:  # noqa: ANN401
    return [one for one in _texts(value) if " " in one]
