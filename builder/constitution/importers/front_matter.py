"""The block of YAML between two lines of hyphens that many Markdown files begin with."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from builder.constitution.importers.reading import Reading, find_field
from builder.errors import InputError
from builder.placed_yaml import parse_yaml

_BLOCK = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_DATA = (".yaml", ".yml", ".json", ".csv", ".tsv")


def without_front_matter(path: Path, text: str) -> tuple[Mapping[str, Any], str]:
    """The front matter's keys, and the text below it; none and the whole text where there is no such block."""
    block = _BLOCK.match(text)
    if block is None or path.suffix.lower() in _DATA:
        return {}, text
    try:
        found = parse_yaml(path, block[1], as_text=True).value
    except InputError:  # two rules with something between them
        return {}, text
    return (found, text[block.end() :]) if isinstance(found, dict) else ({}, text)


def with_front_matter(reading: Reading, front: Mapping[str, Any]) -> Reading:
    """A reading with the name and the preamble that the front matter gives it, and the rest of it as passed over."""
    texts = {key: one.strip() for key, one in front.items() if isinstance(one, str) and one.strip()}
    titled, about = find_field(texts, "title"), find_field(texts, "statement")
    used = []
    if titled and not reading.name:
        reading, used = replace(reading, name=texts[titled]), [titled]
    if about:
        preamble = "\n\n".join(one for one in (texts[about], reading.preamble) if one)
        reading, used = replace(reading, preamble=preamble, prose=(*reading.prose, texts[about])), [*used, about]
    unused = [key for key in front if key not in used]
    skipped = (f"front matter: {', '.join(unused)}",) if unused else ()
    return replace(reading, skipped=(*skipped, *reading.skipped))
