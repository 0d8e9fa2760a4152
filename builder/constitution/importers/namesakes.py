"""Files that only share the name: settings, tool permissions, chats, prompts and an application's own texts."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.constitution.importers.nested import GROUPS
from builder.constitution.importers.prose import asks, is_english, is_prose, words_in
from builder.constitution.importers.reading import find_field, plain_name
from builder.errors import InputError

_PERMISSION_KEYS = (
    "allow deny ask permissions allowed_tools allowedtools denied_tools tools mcpservers scopes "
    "blocked_commands "
    "allowed_commands capabilities sandbox approval_policy allowlist denylist"
)
_PERMISSIONS = frozenset(_PERMISSION_KEYS.split())
_PROSE_SHARE = 0.3
# What the entries of other things have for keys, all of them together.
_SHAPES = {
    ("role", "content"): "chat messages",
    ("from", "value"): "chat messages",
    ("prompt", "response"): "prompts with answers",
    ("prompt", "completion"): "prompts with answers",
    ("instruction", "output"): "prompts with answers",
}
_INTERFACES, _TOOLS = ("openapi", "swagger", "asyncapi", "$schema"), ("tools", "functions")
# Under these names a few words are enough.
_RULES = frozenset(
    ["principles", "values", "laws", "rules", "guidelines", "commitments", "norms", "commandments", "tenets"]
)
_CRITIC = re.compile(r"^(?:critics?|critiques?|critique_?requests?|critique_?prompts?)$")
_REVISION = re.compile(r"^(?:revis(?:e|er|ion)s?|revision_?requests?|revision_?prompts?)$")
_INTERFACE = re.compile(
    r"\{\w*\}|\{\{|%[sd@]|\b(?:log ?in|log ?out|sign (?:in|up|out)|click|tap|passwords?|e-?mail|loading|saved?|cancel"
    r"|deleted?|buttons?|settings|pages?|upload|download|accounts?|try again|wrong|welcome)\b",
    re.IGNORECASE,
)


def refuse_namesakes(path: Path, data: Any) -> None:  # noqa: ANN401 - any JSON or YAML value
    """Say no to what is no constitution, naming what it seems to be.

    Raises:
        InputError: if it is of another kind, or too little of it is in sentences.
    """
    if not isinstance(data, Mapping | list):
        raise InputError(f"{path} holds one value and no principles; a constitution is a list or mapping of them")
    keys = list(dict.fromkeys(_keys(data)))
    kind = _other_kind(data, keys)
    if kind:
        raise InputError(f"{path} holds {kind}, no constitution; name a file that states principles")
    if _enough_prose(data):
        return
    permissions = [key for key in keys if plain_name(key) in _PERMISSIONS]
    if permissions:
        shown = ", ".join(permissions[:4])
        raise InputError(
            f"{path} is a list of tool permissions (keys {shown}), no constitution: it states no principle in prose; "
            "name a file that does"
        )
    shown = ", ".join(keys[:4]) or "none"
    raise InputError(
        f"{path} holds settings (keys {shown}), no constitution: it states no principle in prose; name a file that does"
    )


def _other_kind(data: Any, keys: list[str]) -> str:  # noqa: ANN401
    """What a file with sentences in it is, if that is no constitution."""
    plain = {plain_name(key): key for key in keys}
    entries = [{plain_name(key) for key in entry} for entry in _entries(data)]
    top = data if isinstance(data, Mapping) else {}
    interface = next((key for key in _INTERFACES if key in top), "") or next(
        (key for key in _TOOLS if _entries(top.get(key))), ""
    )
    if interface and not _RULES & set(plain):
        return f"the description of an interface (key {interface})"
    for shape, kind in _SHAPES.items():
        if entries and sum(set(shape) <= entry for entry in entries) > len(entries) / 2:
            return f"{kind} (keys {', '.join(shape)})"
    critics, revisions = ([key for name, key in plain.items() if kind.match(name)] for kind in (_CRITIC, _REVISION))
    if (critics and revisions) or "edit_request" in plain:
        shown = ", ".join([*critics, *revisions] or [plain["edit_request"]])
        return f"requests for critiques and revisions (keys {shown})"
    return "the texts of a program's windows" if not entries and _is_interface(data, keys) else ""


def _is_interface(data: Any, keys: list[str]) -> bool:  # noqa: ANN401
    """Whether it is a table of texts by key, as programs are translated with, in which little is asked of anybody."""
    texts = [leaf for leaf in _leaves(data) if isinstance(leaf, str) and is_prose(leaf) and is_english(leaf)]
    if len(texts) < 2 or any(plain_name(key) in GROUPS for key in keys):
        return False
    marked = sum(_INTERFACE.search(text) is not None for text in texts)
    return marked >= 0.2 * len(texts) and sum(map(asks, texts)) < 0.3 * len(texts)


def _enough_prose(data: Any) -> bool:  # noqa: ANN401
    every = list(_leaves(data))
    texts = [leaf for leaf in every if isinstance(leaf, str)]
    prose = sum(map(is_prose, texts))
    groups = list(_pairs(data))
    if isinstance(data, list) and any(map(asks, texts)):
        groups.append(("principles", data))
    return (prose > 0 and prose >= _PROSE_SHARE * len(every)) or any(_are_rules(key, one) for key, one in groups)


def _are_rules(key: str, value: Any) -> bool:  # noqa: ANN401
    """Whether rules in short words, or in sentences among many labels, lie under a key that is meant for rules."""
    if plain_name(key) not in _RULES or not isinstance(value, list) or not value:
        return False
    return sum(_says_something(one) for one in value) > len(value) / 2


def _says_something(entry: Any) -> bool:  # noqa: ANN401
    """Whether an entry is of two words or more, or is called or states something in as many."""
    if isinstance(entry, Mapping):
        fields = [find_field(map(str, entry), field) for field in ("title", "statement")]
        return any(_says_something(entry[field]) for field in fields if field)
    return isinstance(entry, str) and words_in(entry) > 1


def _entries(data: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401
    """The mappings that lie in lists: the rows of whatever it is."""
    if isinstance(data, Mapping):
        return [entry for child in data.values() for entry in _entries(child)]
    if not isinstance(data, list):
        return []
    own = [child for child in data if isinstance(child, Mapping)]
    return [*own, *(entry for child in data for entry in _entries(child))]


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield str(key), child
            yield from _pairs(child)
    elif isinstance(value, list):
        for child in value:
            yield from _pairs(child)


def _keys(value: Any) -> Iterator[str]:  # noqa: ANN401
    yield from (key for key, _ in _pairs(value))


def _leaves(value: Any) -> Iterator[object]:  # noqa: ANN401
    if isinstance(value, Mapping):
        for child in value.values():
            yield from _leaves(child)
    elif isinstance(value, list):
        for child in value:
            yield from _leaves(child)
    else:
        yield value
