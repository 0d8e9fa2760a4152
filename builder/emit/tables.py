"""Markdown from counted values: cells that cannot break a table, tables of equal rows, plain numbers."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

QUOTE = "'"
_SPACE = re.compile(r"\s+")


def inline(value: object) -> str:
    """A value as one line of Markdown that opens no table cell, no tag and no comment."""
    text = html.escape(_SPACE.sub(" ", str(value)).strip(), quote=False)
    return text.replace("|", "\\|")


def code(value: object) -> str:
    """A name as an inline code span."""
    return f"`{inline(value).replace('`', QUOTE)}`"


def number(value: float) -> str:
    """An integer with thousands separated; a fraction with four significant digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers are written with separated thousands, every other cell is made safe."""
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fact_tables(facts: Mapping[str, Any], title: str) -> list[str]:
    """Nested facts as captioned tables: plain values together, groups of the same names side by side."""
    if _alike(facts):
        return [f"{title}:", _columns([{"": name, **inner} for name, inner in sorted(facts.items())])]
    plain = {key: value for key, value in sorted(facts.items()) if _is_plain(value)}
    parts = [f"{title}:", table(("name", "value"), plain.items())] if plain else []
    groups = {key: value for key, value in facts.items() if key not in plain}
    if len(groups) > 1 and _alike(groups) and len({frozenset(group) for group in groups.values()}) == 1:
        return [*parts, *fact_tables(groups, f"{title}, by name")]
    for key, value in sorted(groups.items()):
        caption = f"{title}, {inline(key)}"
        if isinstance(value, list):
            parts += [f"{caption}:", _columns(value)]
        else:
            parts += fact_tables(value, caption)
    return parts


def _columns(rows: Sequence[Mapping[str, Any]]) -> str:
    head = list(dict.fromkeys(name for row in rows for name in row))
    return table([inline(name) for name in head], [[row.get(name, 0) for name in head] for row in rows])


def _alike(groups: Mapping[str, Any]) -> bool:
    return bool(groups) and all(isinstance(group, Mapping) and _all_plain(group) for group in groups.values())


def _all_plain(values: Mapping[str, Any]) -> bool:
    return all(_is_plain(value) for value in values.values())


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return not value or not all(isinstance(entry, Mapping) and _all_plain(entry) for entry in value)
    return not isinstance(value, Mapping) or not value


def _cell(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list | tuple):
        return ", ".join(_cell(entry) for entry in value) or "none"
    return inline(value) if value != {} else "none"
