"""From a reading to a constitution: ids, kinds, statements and reasons, and an account of what was kept."""

import re
import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from builder.constitution.importers.coverage import lost_sentences, wanted_sentences
from builder.constitution.importers.imported import Imported
from builder.constitution.importers.kinds import propose_kind
from builder.constitution.importers.norms import statement_and_why
from builder.constitution.importers.reading import Reading, Section
from builder.constitution.importers.sentences import squeeze
from builder.constitution.schema import SLUG, Constitution
from builder.constitution.templating import hides_names
from builder.errors import InputError

_TITLED = re.compile(
    r"^(?i:the )?(?:(?i:constitution (?:of|for)) (?P<of>[A-Z]\w+)|(?P<own>[A-Z]\w+)[’'](?i:s constitution))\b"
)
_GENERIC = frozenset(["AI", "The", "Our", "LLM", "Assistant", "Model"])
_MADE_BY = re.compile(r"(?:trained|developed|created|built|made) by (?!the\b|a\b)([A-Z]\w+(?: [A-Z]\w+)?)")


def assemble(reading: Reading, source_format: str, path: Path) -> Imported:
    """A constitution with one principle per section; the file's name is used where the source has none.

    `reading.sections` must not be empty. A section without a single word is dropped and listed.

    Raises:
        InputError: if what was read cannot be a constitution, naming the section.
    """
    worded = [(section, bool(re.search(r"\w", section.statement or section.text))) for section in reading.sections]
    dropped = tuple(f"no words under {section.title!r}" for section, has_words in worded if not has_words)
    reading = replace(reading, sections=tuple(section for section, has_words in worded if has_words))
    character, developer = _names(reading)
    places = {place: one for place, one in (("character", character), ("developer", developer)) if one}
    ids = _ids(reading.sections)
    by_name = {slug(section.title): id for section, id in zip(reading.sections, ids, strict=True)} | {
        id: id for id in ids
    }
    principles = [_principle(one, id, places, by_name) for one, id in zip(reading.sections, ids, strict=True)]
    document: dict[str, Any] = {"schema": 1, "name": hides_names(reading.name or _name_of(path), places)}
    if places:
        document["character"] = {"name": character, "developer": developer}
        document["character"] = {key: one for key, one in document["character"].items() if one}
    document |= {"preamble": hides_names(reading.preamble.strip(), places), "principles": principles}
    constitution = _validated(document, path)
    wanted = wanted_sentences(reading.prose)
    lost = lost_sentences(wanted, constitution)
    coverage = 1 - len(lost) / len(wanted) if wanted else 1.0
    unmapped = (*reading.skipped, *dropped, *lost)
    return Imported(constitution, source_format, coverage, unmapped, reading.notes, wanted)


def _validated(document: dict[str, Any], path: Path) -> Constitution:
    """The constitution in a document that we made; that it is invalid is the source's doing or ours, and no traceback.

    Raises:
        InputError: if it is invalid.
    """
    try:
        return Constitution.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key, place = first["loc"][-1] if first["loc"] else "document", first["loc"][:2]
        at = (
            f" under {document['principles'][place[1]]['title']!r}"
            if place[:1] == ("principles",) and place[1:]
            else ""
        )
        raise InputError(
            f"{path}: what became the {key}{at} cannot stand ({first['msg']}); mend it in the source"
        ) from None


def _name_of(path: Path) -> str:
    """A file's name as words, or a name for a document without one."""
    words = path.stem.replace("_", " ").replace("-", " ").encode("utf-8", "replace").decode()
    return words if re.search(r"\w", words) else "Constitution of {character}"


def slug(title: str) -> str:
    """A title as an id: ASCII letters and digits in lower case, joined by hyphens, at most 60 characters."""
    text = re.sub(r"[’'`´]", "", title)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", text)
    kept: list[str] = []
    for word in words:
        if kept and len("-".join([*kept, word])) > 60:
            break
        kept.append(word[:60])
    return "-".join(kept)


def _ids(sections: tuple[Section, ...]) -> list[str]:
    """One id per section; a repeated title takes its parent's words before it, then a number."""
    ids: dict[str, None] = {}
    numbers: Counter[str] = Counter()
    for position, section in enumerate(sections, 1):
        base = section.id if section.id and re.fullmatch(SLUG, section.id) else slug(section.id or section.title)
        if base in ids and len(section.path) > 1:
            base = slug(" ".join(section.path[-2:]))
        base = base or f"principle-{position}"
        id = base
        while id in ids:
            numbers[base] += 1
            id = f"{base}-{numbers[base] + 1}"
        ids[id] = None
    return list(ids)


def _principle(section: Section, id: str, places: dict[str, str], by_name: dict[str, str]) -> dict[str, Any]:
    found = (
        ("", "")
        if section.statement and section.why
        else statement_and_why(section.text, section.title, places.get("character", ""))
    )
    statement = section.statement or found[0] or squeeze(section.text)
    kind = section.kind or propose_kind(section.path, section.text, statement)
    record: dict[str, Any] = {
        "id": id,
        "title": hides_names(section.title.strip() if re.search(r"\w", section.title) else id, places),
        "kind": kind.value,
        "statement": hides_names(statement, places),
        "why": hides_names(section.why or found[1] or statement, places),
        "source": {"section": " > ".join(section.path), "quote": section.text.strip()},
    }
    if section.situations:
        record["situations"] = [hides_names(one, places) for one in section.situations]
    tensions = [
        {"with": by_name[slug(other)], "resolution": text} for other, text in section.tensions if slug(other) in by_name
    ]
    if tensions := [one for one in tensions if one["with"] != id]:
        record["tensions"] = tensions
    if section.tier:
        record["tier"] = section.tier
    return record


def _names(reading: Reading) -> tuple[str, str]:
    """The character and its developer, where the title or the prose says who they are."""
    titled = _TITLED.match(reading.name)
    name = (titled["of"] or titled["own"]) if titled else ""
    character = reading.character or ("" if name in _GENERIC else name)
    counts = Counter(name for text in reading.prose for name in _MADE_BY.findall(text))
    developer = reading.developer or (counts.most_common(1)[0][0] if counts and character else "")
    return character, developer
