"""Rules in mappings and lists, however they are nested: each one a section under the names that it lies under."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.constitution.importers.kinds import propose_kind
from builder.constitution.importers.norms import statement_and_why
from builder.constitution.importers.prose import asks, is_prose
from builder.constitution.importers.reading import FIELD_NAMES, Section, find_field, plain_name, short_title
from builder.constitution.importers.sentences import squeeze
from builder.constitution.schema import Kind

# Keys whose entries are rules of their own, even where they lie inside one that states something itself.
_GROUP_KEYS = (
    "principles values laws rules guidelines sections articles commitments directives norms constraints commandments "
    "tenets details items points children subprinciples sub_principles clauses provisions policies standards always "
    "never categories chapters groups"
)
_ASIDE_KEYS = "metadata meta source sources reference references author authors tags keywords"
GROUPS = frozenset(_GROUP_KEYS.split())
_ASIDE = frozenset(_ASIDE_KEYS.split())
_FORBIDS = re.compile(r"^(?:never|don[’']?ts?|do not|must not|should not|avoid|prohibited|forbidden)$", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:no|not|never|cannot|avoid|refuse)\b|n[’']t\b", re.IGNORECASE)


def sections(value: Any, path: tuple[str, ...], keyed: bool = True) -> Iterator[Section]:  # noqa: ANN401 - any value
    """Every rule below a key, in order; `path` holds the titles that it lies under.

    `keyed` says that the last of them is the value's own, and not that of a list in which it lies.
    """
    if isinstance(value, Mapping):
        yield from _below(value, path, keyed and plain_name(path[-1]) not in GROUPS)
    elif isinstance(value, list):
        for child in value:
            if isinstance(child, str):
                yield from _from_text(child, (*path, short_title(child)), path)
            else:
                yield from sections(child, path, keyed=False)
    elif isinstance(value, str):
        yield from _from_text(value, path, path)


def title_of(key: str) -> str:
    """A key as words: `red_lines` and `redLines` become `Red lines`."""
    spaced = "".join(
        f" {one.lower()}" if one.isupper() and place and key[place - 1].islower() else one
        for place, one in enumerate(key)
    )
    words = squeeze(spaced.replace("_", " ").replace("-", " "))
    return words[:1].upper() + words[1:] if words else key


def leaves(value: Any) -> list[str]:  # noqa: ANN401
    """Every value that is no mapping and no list, as text, in order."""
    if isinstance(value, Mapping):
        return [leaf for child in value.values() for leaf in leaves(child)]
    if isinstance(value, list):
        return [leaf for child in value for leaf in leaves(child)]
    if value is None:
        return []
    return [str(value).lower() if isinstance(value, bool) else str(value).strip()]


def states_a_rule(value: Mapping[str, Any]) -> bool:
    """Whether a mapping says something itself: it has a statement, or a title with a reason."""
    entry = _Entry.of(value)
    return bool(entry.statement or (entry.title and entry.why)) and not entry.is_mere_list_of_rules


def holds_rules(key: str, value: Any) -> bool:  # noqa: ANN401
    """Whether what lies under a key are rules of their own, rather than more about the rule beside it."""
    name = plain_name(key)
    if name in _ASIDE or (name not in GROUPS and any(name in names for names in FIELD_NAMES.values())):
        return False
    if name in GROUPS and isinstance(value, list | Mapping):
        return bool(leaves(value)) and (name != "details" or isinstance(value, list))
    if isinstance(value, Mapping):
        return states_a_rule(value) or any(holds_rules(str(inner), child) for inner, child in value.items())
    return isinstance(value, list) and any(isinstance(one, Mapping) and states_a_rule(one) for one in value)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A mapping with those of its fields that a principle has, each as text, empty where it has none."""

    value: Mapping[str, Any]
    named: Mapping[str, str]
    title: str
    statement: str
    why: str

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "_Entry":
        found = {field: find_field(map(str, value), field) for field in FIELD_NAMES}
        named = {field: name for field, name in found.items() if name}
        title = value.get(named.get("title", ""))
        statement, why = (_joined(value.get(named.get(field, ""))) for field in ("statement", "why"))
        return cls(value, named, title.strip() if isinstance(title, str) else "", statement, why)

    @property
    def others(self) -> dict[str, Any]:
        """What lies under keys that no field of a principle goes by."""
        return {key: child for key, child in self.value.items() if key not in self.named.values()}

    @property
    def is_mere_list_of_rules(self) -> bool:
        """Whether `text` or `summary` is the name of one rule among others, as in `{honesty: ..., summary: ...}`."""
        named = sum(isinstance(child, str) and is_prose(child) for child in self.others.values())
        return not self.title and not self.why and named > 3


def _below(value: Mapping[str, Any], path: tuple[str, ...], keyed: bool) -> Iterator[Section]:
    """What a mapping states itself, if it does, and then the rules that lie under its keys."""
    entry = _Entry.of(value)
    groups = {key: child for key, child in value.items() if holds_rules(key, child)}
    own = {key: child for key, child in value.items() if key not in groups}
    below = (*path, entry.title) if entry.title else path
    if states_a_rule(own):
        yield _from_entry(_Entry.of(own), path, keyed, heads_others=bool(groups))
    elif not groups and propose_kind(path, "", "") is Kind.CONTEXT:
        yield Section(path, "\n".join(_labelled(value)), kind=Kind.CONTEXT)
    elif not groups and entry.title and not any(is_prose(leaf) for leaf in leaves(entry.others)):
        yield _from_entry(entry, path, keyed)  # the title is the rule
    else:
        groups = {key: child for key, child in value.items() if key in groups or _goes_below(key, child, entry, groups)}
    for key, child in groups.items():
        yield from sections(child, (*below, title_of(key)))


def _goes_below(key: str, child: Any, entry: _Entry, groups: Mapping[str, Any]) -> bool:  # noqa: ANN401
    """Whether a key of a mapping that states nothing itself names a rule; beside groups, a mere label does not."""
    if key in (entry.named.get("id"), entry.named.get("title") if entry.title else None):
        return False
    return not groups or not isinstance(child, str) or is_prose(child)


def _from_entry(entry: _Entry, path: tuple[str, ...], keyed: bool, heads_others: bool = False) -> Section:
    statement = entry.statement or entry.title
    title = entry.title if entry.title and entry.title != statement else short_title(statement)
    guessed_statement, guessed_why = statement_and_why(statement)
    kind = str(entry.value.get("kind", entry.value.get("type", ""))).lower()
    proposed = propose_kind((*path, entry.title), "", statement)
    if heads_others and not asks(statement):
        proposed = Kind.CONTEXT
    id = str(entry.value.get(entry.named.get("id", ""), ""))
    return Section(
        path if keyed and not entry.title else (*path, title),
        "\n".join(leaves(entry.value)),
        id=id if _is_worded(id) else None,
        kind=Kind(kind) if kind in list(Kind) else proposed,
        statement=statement if entry.why else guessed_statement,
        why=entry.why or guessed_why,
        situations=tuple(filter(_is_worded, leaves(entry.value.get(entry.named.get("situations", ""))))),
        tensions=tuple(_tensions(entry.value.get(entry.named.get("tensions", "")))),
    )


def _tensions(value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Pairs of other principle and resolution, where the source names both."""
    if isinstance(value, Mapping):
        yield from ((key, one) for key, one in value.items() if isinstance(one, str) and one.strip())
    for entry in value if isinstance(value, list) else []:
        if isinstance(entry, Mapping):
            other = next(
                (entry[key] for key in ("with", "against", "versus", "vs", "value", "other") if key in entry),
                None,
            )
            keys = ("resolution", "guidance", "resolve", "balance", "text", "description", "how")
            settled = next((one for key in keys if isinstance(one := entry.get(key), str) and one.strip()), None)
            if isinstance(other, str) and settled:
                yield other, settled


def _from_text(text: str, path: tuple[str, ...], named: tuple[str, ...]) -> Iterator[Section]:
    """A rule that is one text; its kind is proposed from the source's titles, not from a made one."""
    if _is_worded(text):
        statement, why = statement_and_why(text)
        if _FORBIDS.search(named[-1]) and not _NEGATION.search(text):  # alone, it would ask for what it forbids
            statement, why = f"{named[-1]}: {statement}", f"{named[-1]}: {why}"
        yield Section(path, text.strip(), kind=propose_kind(named, "", statement), statement=statement, why=why)


def _joined(value: Any) -> str:  # noqa: ANN401
    """A text, or a list of texts as paragraphs; nothing for anything else."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = "\n\n".join(value)
    return value.strip() if isinstance(value, str) else ""


def _is_worded(text: str) -> bool:
    return any(one.isalpha() for one in text)


def _labelled(value: Mapping[str, Any]) -> list[str]:
    """Every leaf after the key that it lies under."""
    lines: list[str] = []
    for key, child in value.items():
        if isinstance(child, Mapping):
            lines += _labelled(child)
        else:
            lines += [f"{title_of(key)}: {leaf}" for leaf in leaves(child)]
    return lines
