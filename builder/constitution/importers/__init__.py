"""Other people's constitutions to ours: a registry of formats, tried in order.

A new format is one module with `FORMAT`, `matches` and `read`, and one line in `IMPORTERS`.
"""

import re
from pathlib import Path

from builder.constitution.importers import flat, foreign, headed, model_spec, table, traits
from builder.constitution.importers.assemble import Imported, assemble
from builder.constitution.importers.reading import Importer, Reading, Section
from builder.errors import InputError
from builder.placed_yaml import read_text

IMPORTERS: tuple[Importer, ...] = (traits, foreign, table, model_spec, headed, flat)


def import_constitution(path: Path | str) -> Imported:
    """A constitution in any known format, its source kept verbatim under `source.quote`.

    Raises:
        InputError: if the file cannot be read, is in no known format, holds no principle, or only shares
    the name.
    """
    path = Path(path)
    text = read_text(path)
    if not text.strip():
        raise InputError(f"{path} is empty; name a file with a constitution in it")
    for importer in IMPORTERS:
        if importer.matches(path, text):
            reading = importer.read(path, text)
            if not any(re.search(r"\w", section.statement or section.text) for section in reading.sections):
                raise InputError(
                    f"{path} was read as {importer.FORMAT} and holds no principle; it needs titles with text under them"
                )
            return assemble(reading, importer.FORMAT, path.stem.replace("_", " ").replace("-", " "))
    known = ", ".join(importer.FORMAT for importer in IMPORTERS)
    raise InputError(f"{path} is in no known format; known are {known}")


__all__ = ["IMPORTERS", "Imported", "Importer", "Reading", "Section", "import_constitution"]
