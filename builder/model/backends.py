"""The registry of backends: a new one is a file with a class and a line here."""

from collections.abc import Callable
from pathlib import Path

from builder.errors import InputError, nearest
from builder.model.files import FilesModel
from builder.model.offline import OfflineModel
from builder.model.protocol import Model, RoundModel

# Each is made from the deck folder and the folder that holds the build's ledger.
BACKENDS: dict[str, Callable[[Path, Path], Model | RoundModel]] = {
    "offline": lambda decks, private: OfflineModel(decks),
    "files": lambda decks, private: FilesModel(private / "exchange"),
}


def open_model(backend: str, decks: Path, private: Path) -> Model | RoundModel:
    """The model behind a backend's name.

    `decks` is the deck folder, which the offline model composes from; `private` is the folder that holds the
    ledger, where a backend may keep files of its own.

    Raises:
        InputError: for a backend that does not exist.
    """
    if backend not in BACKENDS:
        known = ", ".join(BACKENDS)
        raise InputError(f"model backend {backend!r} does not exist{nearest(backend, list(BACKENDS))}; known: {known}")
    return BACKENDS[backend](decks, private)
