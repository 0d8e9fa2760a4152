"""Two versions of a constitution: which principles came, went, or say something else."""

from collections.abc import Sequence
from dataclasses import dataclass

from builder.constitution.schema import Constitution, Principle
from builder.constitution.words import alike

# What stands before the principles in every prompt.
_CHARTER = ("name", "character", "preamble", "priorities")
_SAYS = ("title", "kind", "statement", "why", "situations", "tensions", "misuse")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Principle ids by what became of them, in document order.

    The ids of `renamed`, pairs of old and new, are also in `removed` and `added`.

    Documents made for an id in `stale` should be looked at again. `charter` names what changed of the parts that every
    writer is shown, whatever the principle.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    reworded: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...] = ()
    charter: tuple[str, ...] = ()

    @property
    def stale(self) -> tuple[str, ...]:
        """Ids of the old version whose documents no longer show what the new version says."""
        return (*self.removed, *self.reworded)


def compare(old: Constitution, new: Constitution) -> Comparison:
    """What changed from one version to the next, principle by principle, by id.

    A principle counts as reworded when what it says differs; white space, tiers, plan exclusions and
    sources do not count.
    """
    before = {principle.id: principle for principle in old.principles}
    after = {principle.id: principle for principle in new.principles}
    added = tuple(id for id in after if id not in before)
    removed = tuple(id for id in before if id not in after)
    reworded = tuple(id for id in after if id in before and _said(before[id], *_SAYS) != _said(after[id], *_SAYS))
    renamed = _renamed([before[id] for id in removed], [after[id] for id in added])
    charter = tuple(name for name in _CHARTER if _said(old, name) != _said(new, name))
    return Comparison(added, removed, reworded, renamed, charter)


def _said(record: Constitution | Principle, *fields: str) -> str:
    """What a record's fields say, whatever the white space."""
    values = record.model_dump(mode="json", include=set(fields))
    return " ".join(str(values).replace("\\n", " ").split())


def _renamed(gone: Sequence[Principle], come: Sequence[Principle]) -> tuple[tuple[str, str], ...]:
    """The pairs of removed and added principles that say the same, or nearly."""
    statements = [principle.statement for principle in (*gone, *come)]
    pairs = {(old, new - len(gone)) for old, new, _ in alike(statements, 0.8) if old < len(gone) <= new}
    places = {principle.statement: place for place, principle in enumerate(come)}
    pairs |= {(old, places[one.statement]) for old, one in enumerate(gone) if one.statement in places}
    return tuple((gone[old].id, come[new].id) for old, new in sorted(pairs))
