"""Lint rules about how principles stand to each other and to the plan. Each yields a key path and a
sentence.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from builder.constitution.schema import Constitution
from builder.constitution.templating import DEFAULT_CHARACTER, DEFAULT_DEVELOPER
from builder.constitution.words import alike, stems
from builder.errors import nearest

Where = tuple[str | int, ...]
Found = Iterator[tuple[Where, str]]

_NEAR_IDENTICAL = 0.6
_TOO_SHORT = 4


def one_sided_tension(constitution: Constitution) -> Found:
    """A tension that only one of its two principles knows of."""
    pairs = {(principle.id, tension.with_) for principle in constitution.principles for tension in principle.tensions}
    for index, principle in enumerate(constitution.principles):
        for number, tension in enumerate(principle.tensions):
            if (tension.with_, principle.id) not in pairs:
                where = ("principles", index, "tensions", number, "with")
                yield (
                    where,
                    (
                        f"{tension.with_!r} does not know of its tension with {principle.id!r}; add it "
                        f"there from its side"
                    ),
                )


def repeated_tension(constitution: Constitution) -> Found:
    """Two tensions of one principle with the same other."""
    for index, principle in enumerate(constitution.principles):
        seen: set[str] = set()
        for number, tension in enumerate(principle.tensions):
            if tension.with_ in seen:
                where = ("principles", index, "tensions", number, "with")
                yield (
                    where,
                    f"principle {principle.id!r} names {tension.with_!r} in two tensions; settle it once",
                )
            seen.add(tension.with_)


def priority_cycle(constitution: Constitution) -> Found:
    """Priorities that lead back to where they began; found at the priority that closes the circle."""
    below: dict[str, list[str]] = {}
    for number, priority in enumerate(constitution.priorities):
        path = _path(below, priority.lower, priority.higher)
        if path:
            circle = " > ".join([priority.higher, *path])
            yield ("priorities", number), f"the priorities run in a circle: {circle}; take one of them out"
        else:
            below.setdefault(priority.higher, []).append(priority.lower)


def priority_without_reason(constitution: Constitution) -> Found:
    """A rank without its why."""
    for number, priority in enumerate(constitution.priorities):
        if len(priority.why.split()) < 3:
            yield (
                ("priorities", number),
                f"the priority of {priority.higher!r} over {priority.lower!r} gives no reason; add why",
            )


def priority_against_tier(constitution: Constitution) -> Found:
    """A priority that runs against the tiers."""
    for number, priority in enumerate(constitution.priorities):
        higher, lower = (
            constitution.principle(priority.higher).tier,
            constitution.principle(priority.lower).tier,
        )
        if higher is not None and lower is not None and higher > lower:
            reason = (
                f"{priority.higher!r} is ranked above {priority.lower!r} but is of tier {higher}, below tier {lower}"
            )
            yield ("priorities", number, "higher"), f"{reason}; change one of them"


def same_statement(constitution: Constitution) -> Found:
    """Two principles with the very same statement."""
    first: dict[str, str] = {}
    for index, principle in enumerate(constitution.principles):
        key = " ".join(re.findall(r"\w+", principle.statement.lower()))
        if key in first:
            where = ("principles", index, "statement")
            yield (
                where,
                (f"principle {principle.id!r} has the statement of {first[key]!r}; merge them or tell them apart"),
            )
        first.setdefault(key, principle.id)


def near_identical(constitution: Constitution) -> Found:
    """A principle whose title and statement share most of their words with an earlier one's; the nearest is named."""
    principles = constitution.principles
    said = [f"{principle.title} {principle.statement}" for principle in principles]
    bare = [" ".join(re.findall(r"\w+", principle.statement.lower())) for principle in principles]
    short = {place for place, text in enumerate(said) if len(set(stems(text))) < _TOO_SHORT}
    nearest_to: dict[int, tuple[float, int]] = {}
    for earlier, later, share in alike(said, _NEAR_IDENTICAL):
        if bare[earlier] != bare[later] and not short & {earlier, later}:
            nearest_to[later] = max(nearest_to.get(later, (0.0, 0)), (share, -earlier))
    for later, (share, place) in sorted(nearest_to.items()):
        reason = (
            f"principle {principles[later].id!r} says nearly what {principles[-place].id!r} says ({share:.0%} "
            f"of their words are shared)"
        )
        yield ("principles", later, "statement"), f"{reason}; merge them or tell them apart"


def hard_coded_name(constitution: Constitution) -> Found:
    """A name written out where its place should stand, so that the constitution fits one model only."""
    names = {"character": constitution.character.name, "developer": constitution.character.developer}
    for place, name in names.items():
        if name in (DEFAULT_CHARACTER, DEFAULT_DEVELOPER):
            continue
        pattern = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
        for where, text in _strings(constitution.raw, ()):
            if pattern.search(text):
                yield where, f"the name {name!r} is written out; write {{{place}}}, which is filled in"


def nothing_to_plan(constitution: Constitution) -> Found:
    """No value, hard constraint or disposition at all."""
    if not constitution.planned:
        yield (
            ("principles",),
            "no principle is a value, hard_constraint or disposition, so nothing can be planned; set a kind",
        )


def unplannable(constitution: Constitution, axes: Mapping[str, Collection[str]] | None) -> Found:
    """`forbid` entries that name nothing in the plan or leave nothing of an axis; empty ones always."""
    for index, principle in enumerate(constitution.principles):
        for axis, options in principle.forbid.items():
            where = ("principles", index, "forbid", axis)
            if not options:
                yield (
                    where,
                    (f"principle {principle.id!r} forbids nothing of {axis!r}; name options or leave the axis out"),
                )
            if axes is None:
                continue
            if axis not in axes:
                hint = nearest(axis, sorted(axes)) or "; known are " + ", ".join(sorted(axes))
                yield (
                    where,
                    (f"principle {principle.id!r} forbids options of {axis!r}, which is no axis of the plan{hint}"),
                )
                continue
            for number, option in enumerate(options):
                if option not in axes[axis]:
                    hint = nearest(option, sorted(axes[axis])) or "; known are " + ", ".join(sorted(axes[axis]))
                    yield (*where, number), f"{option!r} is no option of {axis!r}{hint}"
            if set(axes[axis]) <= set(options):
                yield (
                    where,
                    (
                        f"principle {principle.id!r} forbids every option of {axis!r}, so it cannot be "
                        f"planned; leave one"
                    ),
                )


WHOLE_RULES: Mapping[str, Callable[[Constitution], Found]] = {
    "one_sided_tension": one_sided_tension,
    "repeated_tension": repeated_tension,
    "priority_cycle": priority_cycle,
    "priority_without_reason": priority_without_reason,
    "priority_against_tier": priority_against_tier,
    "same_statement": same_statement,
    "near_identical": near_identical,
    "hard_coded_name": hard_coded_name,
    "nothing_to_plan": nothing_to_plan,
}


def _path(below: Mapping[str, list[str]], start: str, goal: str) -> list[str]:
    """A way from one principle down to another, both named; empty if there is none."""
    queue = [[start]]
    seen = {start}
    while queue:
        path = queue.pop(0)
        if path[-1] == goal:
            return path
        for following in below.get(path[-1], []):
            if following not in seen:
                seen.add(following)
                queue.append([*path, following])
    return []


def _strings(value: Any, where: Where) -> Iterator[tuple[Where, str]]:  # noqa: ANN401 - any YAML value
    """Every string with its key path, except ids, the character block and verbatim sources."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, child in value.items():
            if key not in ("id", "with", "higher", "lower", "character", "source", "forbid", "kind"):
                yield from _strings(child, (*where, key))
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from _strings(child, (*where, index))
