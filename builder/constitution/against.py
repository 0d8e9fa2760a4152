"""Two versions of a constitution: which principles came, went, or say something else."""

from dataclasses import dataclass

from builder.constitution.schema import Constitution, Principle
from builder.constitution.words import same_words

_SAYS = ("title", "kind", "statement", "why", "situations", "tensions", "misuse")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Principle ids by what became of them, in document order.

    The ids of `renamed`, pairs of old and new, are also in `removed` and `added`.

    Documents made for an id in `stale` should be looked at again.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    reworded: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...] = ()

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
    reworded = tuple(id for id in after if id in before and _says(before[id]) != _says(after[id]))
    renamed = tuple((gone, come) for gone in removed for come in added if _alike(before[gone], after[come]))
    return Comparison(added, removed, reworded, renamed)


def _says(principle: Principle) -> str:
    values = principle.model_dump(mode="json", include=set(_SAYS))
    return " ".join(str(values).replace("\\n", " ").split())


def _alike(old: Principle, new: Principle) -> bool:
    return same_words(old.statement, new.statement) >= 0.8
