"""Files that only share the name: tool permissions and application settings hold values, and no prose."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.errors import InputError

_PERMISSION_KEYS = (
    "allow deny ask permissions allowed_tools allowedtools denied_tools tools mcpservers scopes "
    "blocked_commands "
    "allowed_commands capabilities sandbox approval_policy allowlist denylist"
)
_PERMISSIONS = frozenset(_PERMISSION_KEYS.split())
_PROSE_WORDS = 4
_PROSE_SHARE = 0.3


def refuse_namesakes(path: Path, data: Any) -> None:  # noqa: ANN401 - any JSON or YAML value
    """Say no to a file without prose, naming what it seems to be.

    Raises:
        InputError: if fewer than a third of its values are sentences.
    """
    if not isinstance(data, Mapping | list):
        raise InputError(f"{path} holds one value and no principles; a constitution is a list or mapping of them")
    leaves = list(_leaves(data))
    prose = [leaf for leaf in leaves if isinstance(leaf, str) and _is_prose(leaf)]
    if prose and len(prose) / len(leaves) >= _PROSE_SHARE:
        return
    keys = list(dict.fromkeys(_keys(data)))
    permissions = [key for key in keys if key.lower().replace("-", "_") in _PERMISSIONS]
    if permissions:
        shown = ", ".join(permissions[:4])
        raise InputError(
            f"{path} is a list of tool permissions (keys {shown}), no constitution: it states no principle in prose"
        )
    shown = ", ".join(keys[:4]) or "none"
    raise InputError(f"{path} holds settings (keys {shown}), no constitution: it states no principle in prose")


def _is_prose(leaf: str) -> bool:
    words = leaf.split()
    plain = sum(
        word.strip(".,;:!?()\"'“”’").replace("’", "").replace("'", "").replace("-", "").isalpha() for word in words
    )
    return len(words) >= _PROSE_WORDS and plain / len(words) >= 0.7


def _leaves(value: Any) -> Iterator[object]:  # noqa: ANN401
    if isinstance(value, Mapping):
        for child in value.values():
            yield from _leaves(child)
    elif isinstance(value, list):
        for child in value:
            yield from _leaves(child)
    else:
        yield value


def _keys(value: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield str(key)
            yield from _keys(child)
    elif isinstance(value, list):
        for child in value:
            yield from _keys(child)
