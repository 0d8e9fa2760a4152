"""From a reading to a constitution: ids, kinds, statements and reasons, and an account of what was kept."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from builder.constitution.importers.kinds import propose_kind
from builder.constitution.importers.norms import statement_and_why
from builder.constitution.importers.reading import Reading, Section
from builder.constitution.importers.sentences import sentences, squeeze
from builder.constitution.schema import SLUG, Constitution, Kind
from builder.constitution.templating import hides_names

_TITLED = re.compile(
    r"^(?i:the )?(?:(?i:constitution (?:of|for)) (?P<of>[A-Z]\w+)|(?P<own>[A-Z]\w+)[’'](?i:s constitution))\b"
)
_GENERIC = frozenset(["AI", "The", "Our", "LLM", "Assistant", "Model"])
_MADE_BY = re.compile(r"(?:trained|developed|created|built|made) by (?!the\b|a\b)([A-Z]\w+(?: [A-Z]\w+)?)")


@dataclass(frozen=True, slots=True)
class Imported:
    """An imported constitution and an account of the import.

    `sentence_coverage` is the share (0 to 1) of the source's sentences that stand verbatim in the
    constitution; `unmapped` lists the sentences that do not, and what was passed over on purpose.
    """

    constitution: Constitution
    source_format: str
    sentence_coverage: float
    unmapped: tuple[str, ...]
    notes: tuple[str, ...]


def assemble(reading: Reading, source_format: str, name: str) -> Imported:
    """A constitution with one principle per section; `name` is used where the source has none.

    `reading.sections` must not be empty. A section without a single word is dropped and listed.
    """
    wordless = [section for section in reading.sections if not re.search(r"\w", section.statement or section.text)]
    reading = replace(reading, sections=tuple(one for one in reading.sections if one not in wordless))
    character, developer = _names(reading)
    places = {place: one for place, one in (("character", character), ("developer", developer)) if one}
    ids = _ids(reading.sections)
    by_name = {slug(section.title): id for section, id in zip(reading.sections, ids, strict=True)} | {
        id: id for id in ids
    }
    pairs = zip(reading.sections, ids, strict=True)
    principles = [_principle(section, id, places, by_name) for section, id in pairs]
    document: dict[str, Any] = {"schema": 1, "name": hides_names(reading.name or name, places)}
    if places:
        document["character"] = {"name": character, "developer": developer}
        document["character"] = {key: one for key, one in document["character"].items() if one}
    document |= {"preamble": hides_names(reading.preamble.strip(), places), "principles": principles}
    constitution = Constitution.model_validate(document)
    dropped = tuple(f"no words under {section.title!r}" for section in wordless)
    coverage, lost = _coverage(reading, constitution)
    notes = (*reading.notes, *_notes(constitution, places))
    return Imported(constitution, source_format, coverage, (*reading.skipped, *dropped, *lost), notes)


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
    for position, section in enumerate(sections, 1):
        base = section.id if section.id and re.fullmatch(SLUG, section.id) else slug(section.id or section.title)
        if base in ids and len(section.path) > 1:
            base = slug(" ".join(section.path[-2:]))
        base = base or f"principle-{position}"
        numbered = (f"{base}-{number}" for number in range(2, len(sections) + 2))
        ids[base if base not in ids else next(one for one in numbered if one not in ids)] = None
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
        "title": hides_names(section.title.strip() or id, places),
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


def _coverage(reading: Reading, constitution: Constitution) -> tuple[float, tuple[str, ...]]:
    quotes = [principle.source.quote for principle in constitution.principles if principle.source]
    others = [text for p in constitution.principles for text in (p.title, p.statement, p.why, *p.situations)]
    kept = squeeze(
        " ".join(" ".join(sentences(text)) for text in [constitution.preamble, *quotes]) + " " + " ".join(others)
    )
    wanted = [sentence for text in reading.prose for sentence in sentences(text)]
    lost = tuple(sentence for sentence in wanted if sentence not in kept)
    return (1 - len(lost) / len(wanted) if wanted else 1.0), lost


def _notes(constitution: Constitution, places: dict[str, str]) -> tuple[str, ...]:
    kinds = Counter(principle.kind for principle in constitution.principles)
    listed = ", ".join(f"{kinds[kind]} {kind.value}" for kind in Kind if kinds[kind])
    notes = [f"kinds are proposals, read them: {listed}"]
    bare = [principle.id for principle in constitution.principles if principle.statement == principle.why]
    if bare:
        notes.append(
            f"{len(bare)} principles give no reason in the source; their why repeats the statement: {', '.join(bare)}"
        )
    if places:
        named = ", ".join(f"{{{place}}} for {name}" for place, name in places.items())
        notes.append(f"outside the source quotes, names were replaced by their places: {named}")
    return tuple(notes)
