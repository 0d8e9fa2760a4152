"""The registry of backends: a new one is a file with a class and a line here."""

from collections.abc import Callable
from pathlib import Path

from builder.errors import InputError, nearest
from builder.model.offline import OfflineModel
from builder.model.protocol import Model

BACKENDS: dict[str, Callable[[Path], Model]] = {
    "offline": OfflineModel,
}


def open_model(backend: str, decks: Path) -> Model:
    """The model behind a backend's name; `decks` is the deck folder, which the offline model composes from.

    Raises:
        InputError: for a backend that does not exist.
    """
    if backend not in BACKENDS:
        known = ", ".join(BACKENDS)
        raise InputError(f"model backend {backend!r} does not exist{nearest(backend, list(BACKENDS))}; known: {known}")
    return BACKENDS[backend](decks)
