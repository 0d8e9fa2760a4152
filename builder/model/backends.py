"""The registry of backends: a new one is a file with a class and a line here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builder.errors import InputError, nearest
from builder.model import batches, files, live, offline, recorded
from builder.model.account import Account
from builder.model.batch_service import BatchService
from builder.model.calls import OneByOne
from builder.model.client import Say, find_key
from builder.model.dispatch import Dispatch
from builder.model.intents import has_open_batches
from builder.model.ledger import Ledger
from builder.model.patience import Patience
from builder.model.prices import Prices, pico
from builder.model.protocol import Backend
from builder.model.settings import ModelConfig, Spend
from builder.shipped import shipped


@dataclass(frozen=True, slots=True)
class Opening:
    """What a backend may be made from.

    `models` are the names that requests will carry, `root` is what paths in the config are relative to, `decks` the
    deck folder and `private` the folder that holds the ledger, where a backend may keep files of its own.
    `patience` is how often and for how long a service is tried.
    """

    config: ModelConfig
    spend: Spend | None
    models: Sequence[str]
    root: Path
    decks: Path
    private: Path
    ledger: Ledger
    say: Say
    patience: Patience = field(default_factory=Patience)


def _live(opening: Opening) -> Backend:
    if has_open_batches(opening.ledger):
        opening.say("batches of an earlier run are still open; their results are taken in, and the rest goes live")
        return _batches(opening, submits=False)
    account, free = _account(opening)
    model = live.LiveModel(opening.config, opening.say, counts=not free)
    return Dispatch(model, account, opening.config.concurrency, opening.patience)


def _batches(opening: Opening, *, submits: bool = True) -> batches.BatchModel:
    account, free = _account(opening)
    model = live.LiveModel(opening.config, opening.say, counts=not free)
    dispatch = Dispatch(model, account, opening.config.concurrency, opening.patience)
    service = BatchService(model.client, opening.config)
    return batches.BatchModel(
        model, service, account, dispatch, opening.config, opening.patience, opening.say, submits=submits
    )


def _recorded(opening: Opening) -> OneByOne:
    return OneByOne(recorded.RecordedModel(recording_path(opening.config, opening.root), opening.say))


def recording_path(config: ModelConfig, root: Path) -> Path:
    """The recording that a config names, by default the shipped one."""
    return root / config.recording if config.recording else shipped("stories", "recorded") / "default.jsonl"


BACKENDS: dict[str, Callable[[Opening], Backend]] = {
    offline.NAME: lambda opening: OneByOne(offline.OfflineModel(opening.decks)),
    recorded.NAME: _recorded,
    files.NAME: lambda opening: files.FilesModel(opening.private / "exchange", opening.ledger.knows),
    live.NAME: _live,
    batches.NAME: _batches,
}


def prove_backend(config: ModelConfig, spend: Spend | None, models: Sequence[str], root: Path) -> None:
    """See that a config names a backend that can be opened, before anything is written.

    Raises:
        InputError: if it does not exist, or lacks a recording, a key, a price or a spend cap.
    """
    name = config.backend
    if name not in BACKENDS:
        known = ", ".join(BACKENDS)
        raise InputError(f"model backend {name!r} does not exist{nearest(name, list(BACKENDS))}; known: {known}")
    if name == recorded.NAME and not recording_path(config, root).exists():
        raise InputError(
            f"{recording_path(config, root)} does not exist; name a recording by `recording: PATH` under `model`"
        )
    if name in (live.NAME, batches.NAME):
        find_key(config)
        if not _free(open_prices(config, root), models) and spend is None:
            raise InputError(
                "calls to this model cost money; say how much at most by `spend: {dollars: N}` in build.yaml"
            )


def open_backend(opening: Opening) -> Backend:
    """The backend that a config names.

    Raises:
        InputError: as `prove_backend`.
    """
    prove_backend(opening.config, opening.spend, opening.models, opening.root)
    return BACKENDS[opening.config.backend](opening)


def _account(opening: Opening) -> tuple[Account, bool]:
    """The account that a remote backend keeps, and whether all its models are free."""
    prices = open_prices(opening.config, opening.root)
    cap = pico(str(opening.spend.dollars)) if opening.spend else None
    return Account(opening.ledger, prices, cap), _free(prices, opening.models)


def _free(prices: Prices, models: Sequence[str]) -> bool:
    return all(prices.price_of(model).free for model in models)


def open_prices(config: ModelConfig, root: Path) -> Prices:
    """The price table that a config asks for.

    Raises:
        InputError: if it cannot be read, with file and line.
    """
    if config.prices == "free":
        return Prices.free()
    shipped = Prices.shipped()
    return shipped.overridden_by(Prices.load(root / config.prices)) if config.prices else shipped
