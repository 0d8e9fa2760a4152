"""Other people's constitutions to ours: a registry of formats, tried in order.

A new format is one module with `FORMAT`, `matches` and `read`, and one line in `IMPORTERS`.
"""

import re
from pathlib import Path

from builder.constitution.importers import flat, foreign, headed, listed, model_spec, table, traits
from builder.constitution.importers.assemble import assemble
from builder.constitution.importers.front_matter import with_front_matter, without_front_matter
from builder.constitution.importers.imported import Imported
from builder.constitution.importers.reading import Importer, Reading, Section
from builder.constitution.importers.unknown import advice_on
from builder.errors import InputError
from builder.placed_yaml import read_text

IMPORTERS: tuple[Importer, ...] = (traits, foreign, table, model_spec, headed, listed, flat)


def import_constitution(path: Path | str) -> Imported:
    """A constitution in any known format, its source kept verbatim under `source.quote`.

    Raises:
        InputError: if the file cannot be read, is in no known format, holds no principle, or only shares
    the name.
    """
    path = Path(path)
    whole = read_text(path)
    if not whole.strip():
        raise InputError(f"{path} is empty; name a file with a constitution in it")
    front, text = without_front_matter(path, whole)
    importer = next((one for one in IMPORTERS if one.matches(path, text)), None)
    if importer is None:
        raise InputError(f"{path} {advice_on(text)}; see docs/constitution.md for what can be imported")
    reading = with_front_matter(importer.read(path, text), front)
    if not any(re.search(r"\w", section.statement or section.text) for section in reading.sections):
        raise InputError(
            f"{path} was read as {importer.FORMAT} and holds no principle; it needs titles with text under them"
        )
    return assemble(reading, importer.FORMAT, path)


__all__ = ["IMPORTERS", "Imported", "Importer", "Reading", "Section", "import_constitution"]
