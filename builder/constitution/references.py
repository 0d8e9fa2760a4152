"""Ids that stand twice and ids that name no principle, found on a document that may be wrong in other ways
too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from builder.errors import nearest

Where = tuple[str | int, ...]


def broken_references(data: Any) -> list[tuple[Where, str]]:  # noqa: ANN401 - input not yet validated
    """Key path and sentence of every repeated id, unknown id, and principle set against itself."""
    if not isinstance(data, Mapping):
        return []
    principles = _mappings(data.get("principles"))
    first: dict[str, int] = {}
    found: list[tuple[Where, str]] = []
    for index, principle in principles:
        id = principle.get("id")
        if not isinstance(id, str):
            continue
        if id in first:
            sentence = f"id {id!r} stands twice (first as principle {first[id] + 1}); give one of them another id"
            found.append((("principles", index, "id"), sentence))
        first.setdefault(id, index)
    # without a single id there is nothing to refer to, and that is what has to be said
    for where, id, own in _references(data, principles) if first else ():
        if id == own:
            found.append((where, f"principle {id!r} is set against itself; name another principle"))
        elif id not in first:
            hint = nearest(id, list(first)) or "; known are " + ", ".join(first)
            found.append((where, f"no principle has the id {id!r}{hint}"))
    return found


def _references(
    data: Mapping[str, Any], principles: list[tuple[int, Mapping[str, Any]]]
) -> Iterator[tuple[Where, str, object]]:
    for index, principle in principles:
        for number, tension in _mappings(principle.get("tensions")):
            if isinstance(tension.get("with"), str):
                yield ("principles", index, "tensions", number, "with"), tension["with"], principle.get("id")
    for number, priority in _mappings(data.get("priorities")):
        for end in ("higher", "lower"):
            if isinstance(priority.get(end), str):
                own = priority.get("higher") if end == "lower" else None
                yield ("priorities", number, end), priority[end], own


def _mappings(value: object) -> list[tuple[int, Mapping[str, Any]]]:
    items = value if isinstance(value, list | tuple) else []
    return [(index, item) for index, item in enumerate(items) if isinstance(item, Mapping)]
