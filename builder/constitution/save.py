"""Writing a constitution as YAML that people like to read: schema order, block text, no empty fields."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from builder.constitution.schema import Character, Constitution, Principle, Priority, Source, Tension
from builder.errors import InputError
from builder.whole_file import write_whole

_WIDTH = 110
_ORDER: dict[str, list[str]] = {
    "": [field.alias or name for name, field in Constitution.model_fields.items()],
    "character": list(Character.model_fields),
    "priorities": list(Priority.model_fields),
    "principles": list(Principle.model_fields),
    "tensions": [field.alias or name for name, field in Tension.model_fields.items()],
    "source": list(Source.model_fields),
}


def write_constitution(constitution: Constitution, path: Path | str, overwrite: bool = False) -> Path:
    """Write a constitution as YAML, whole or not at all, names as they were written.

    Raises:
        InputError: if the file exists and `overwrite` is not set, or cannot be written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already; choose another name, or --force to write over it")
    write_whole(path, yaml_text(constitution))
    return path


def yaml_text(constitution: Constitution) -> str:
    """The constitution as YAML text, without the fields left empty."""
    ordered = _ordered(dict(constitution.raw), "")
    document = yaml.dump({"schema": 1, **ordered}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return document.replace("\n- id:", "\n\n- id:").replace("principles:\n\n- id:", "principles:\n- id:")


def _ordered(value: Any, key: str) -> Any:  # noqa: ANN401 - any YAML value
    if isinstance(value, Mapping):
        order = _ORDER.get(key, list(value))
        known = [name for name in order if value.get(name) not in (None, "", [], (), {})]
        return {name: _ordered(value[name], name) for name in known}
    if isinstance(value, list | tuple):
        return [_ordered(item, key) for item in value]
    return value.strip() if isinstance(value, str) else value


class _Dumper(yaml.SafeDumper):
    """Block text for prose; short values stay on their line."""


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # YAML reads U+0085 in block text as a line feed, so a text with one is written in quotes, as its escape.
    style = '"' if "\x85" in text else "|" if "\n" in text else ">" if len(text) > _WIDTH - 20 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)
