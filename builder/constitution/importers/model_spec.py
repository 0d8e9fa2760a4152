"""The Model Spec's Markdown: headings with `{#id authority=...}`, commentary blocks, and worked examples."""

import re
from collections.abc import Mapping
from pathlib import Path

from builder.constitution.importers.headed import (
    Headed,
    document_title,
    headed_parts,
    with_paths,
    without_titles,
)
from builder.constitution.importers.kinds import propose_kind
from builder.constitution.importers.norms import prose_of, statement_and_why
from builder.constitution.importers.reading import Reading, Section
from builder.constitution.importers.sentences import plain
from builder.constitution.schema import Kind

FORMAT = "Model Spec directives"

_AUTHORITY = re.compile(r"\bauthority=(\w+)")
_ID = re.compile(r"#([\w-]+)")
_TIERS = {"root": 1, "system": 2, "developer": 3, "user": 4, "guideline": 5}
_EXAMPLE = re.compile(r"^\*\*Example\*\*:?\s*(.+?)\s*$", re.MULTILINE)
_BARE_LINK = re.compile(r"\[\?\]\(#([\w-]+)\)")
_COMMENTARY = re.compile(r"^!!! \w+[^\n]*\n((?: {4}[^\n]*\n?|\s*\n)+)", re.MULTILINE)


def matches(path: Path, text: str) -> bool:
    """Whether two headings or more state an authority."""
    return sum(bool(_AUTHORITY.search(part.attributes)) for part in headed_parts(text)) >= 2


def read(path: Path, text: str) -> Reading:
    """One section per heading with text; examples are situations, commentary belongs to the reasons."""
    name, preamble, parts = document_title(headed_parts(text))
    levels = [part.level for part in parts]
    titles_by_id = {found[1]: part.title for part in parts if (found := _ID.search(part.attributes))}
    sections = []
    for number, (titles, part) in enumerate(with_paths(parts)):
        if part.text.strip():
            has_below = number + 1 < len(levels) and levels[number + 1] > part.level
            sections.append(_section(titles, part, has_below, titles_by_id))
    return Reading(tuple(sections), (without_titles(text),), name, preamble)


def _section(titles: tuple[str, ...], part: Headed, has_below: bool, titles_by_id: Mapping[str, str]) -> Section:
    text = _BARE_LINK.sub(lambda link: f"“{titles_by_id.get(link[1], link[1])}”", part.text)
    commentary = " ".join(" ".join(found.split()) for found in _COMMENTARY.findall(text))
    bare = _EXAMPLE.sub("", _COMMENTARY.sub("", prose_of(text))).strip()
    statement, why = statement_and_why(bare or commentary or text, part.title, "assistant")
    if commentary and bare:
        why = plain(commentary) if why == statement else f"{why} {plain(commentary)}"
    authority, id = _AUTHORITY.search(part.attributes), _ID.search(part.attributes)
    kind = propose_kind(titles, bare or part.text, statement)
    if not authority and kind is Kind.VALUE and has_below:
        kind = Kind.CONTEXT
    situations = tuple(plain(title)[:1].upper() + plain(title)[1:] for title in _EXAMPLE.findall(part.text))
    return Section(
        titles,
        part.text.strip("\n"),
        id=id[1].lower() if id else None,
        kind=kind,
        tier=_TIERS.get(authority[1]) if authority else None,
        statement=statement,
        why=why,
        situations=situations,
    )
