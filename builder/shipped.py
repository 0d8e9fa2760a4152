"""Where the shipped inputs lie: under `builder/_shipped/` in a wheel, at the top of a checkout otherwise."""

from pathlib import Path

from builder.errors import InputError

_PACKAGE = Path(__file__).resolve().parent


def shipped(*parts: str) -> Path:
    """The path of a shipped file or folder such as `shipped("stories", "decks")`.

    Raises:
        InputError: if the installation lacks it.
    """
    for root in (_PACKAGE / "_shipped", _PACKAGE.parent):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise InputError(f"this installation of exempla lacks {'/'.join(parts)}; reinstall it with pip")
