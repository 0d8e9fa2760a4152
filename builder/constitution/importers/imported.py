"""What an import gives: the constitution, and an account of what was kept and what was guessed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from builder.constitution.importers.coverage import shown_share
from builder.constitution.schema import Constitution, Kind
from builder.constitution.templating import DEFAULT_CHARACTER, DEFAULT_DEVELOPER

_MOST_NAMED = 50


@dataclass(frozen=True, slots=True)
class Imported:
    """An imported constitution and an account of the import.

    `sentence_coverage` is the share (0 to 1) of the source's sentences that stand verbatim in the constitution, be it
    under `source.quote` alone; `unmapped` lists the sentences that do not, and what was passed over on purpose.
    `sentences` are all of the source's; `remarks` are the reader's own.
    """

    constitution: Constitution
    source_format: str
    sentence_coverage: float
    unmapped: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()

    @property
    def shown(self) -> float:
        """The share of the source's sentences that stand word for word in what a writer is shown."""
        return shown_share(self.sentences, self.constitution)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of the constitution as it is now."""
        return (*self.remarks, *_notes(self.constitution))


def _notes(constitution: Constitution) -> Iterator[str]:
    kinds = Counter(principle.kind for principle in constitution.principles)
    listed = ", ".join(f"{kinds[kind]} {kind.value}" for kind in Kind if kinds[kind])
    yield f"kinds are proposals, read them: {listed}"
    bare = [principle.id for principle in constitution.principles if principle.statement == principle.why]
    if bare:
        more = f" and {len(bare) - _MOST_NAMED} more" if len(bare) > _MOST_NAMED else ""
        count, its = ("1 principle gives", "its") if len(bare) == 1 else (f"{len(bare)} principles give", "their")
        named = ", ".join(bare[:_MOST_NAMED])
        yield f"{count} no reason in the source; {its} why repeats the statement: {named}{more}"
    character = constitution.character
    names = {"character": (character.name, DEFAULT_CHARACTER), "developer": (character.developer, DEFAULT_DEVELOPER)}
    replaced = [f"{{{place}}} for {name}" for place, (name, default) in names.items() if name != default]
    if replaced:
        yield f"outside the source quotes, names were replaced by their places: {', '.join(replaced)}"
