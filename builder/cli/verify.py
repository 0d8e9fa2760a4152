"""`exempla verify`: does this build still say what its manifest says, and does it hold any eval text?"""

import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Optional
from zipfile import BadZipFile

import typer

from builder.cli.terminal import Json, result
from builder.errors import GateFailed, InputError

SCAN_WORDS = 13

_Hashes = tuple[Any, int]
# What numpy and zipfile raise over a file that was cut, overwritten or flipped somewhere.
_DAMAGED = (
    BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    NotImplementedError,
    RuntimeError,
)


def verify(
    folder: Annotated[Path, typer.Argument(help="A build's folder, or a published copy of one.")],
    eval_: Annotated[
        Optional[list[str]], typer.Option("--eval", help="Scan for this eval's text too; may be given again.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a build against its manifest and scan every column for eval text. Exit 1 if anything is wrong."""
    from builder.emit import verify as verify_build

    found = verify_build(folder, _scanners(folder, eval_ or []), _injected(folder / ".build" / "injected.json"))
    lines = [
        *(f"wrong: {problem}" for problem in found.problems),
        *(f"not run: {reason}" for reason in found.not_run),
    ]
    lines.append(
        f"{folder}: {'as its manifest says' if found.ok else f'{len(found.problems)} problems'}"
        f" ({len(found.checked)} checks)"
    )
    facts = {
        "folder": str(folder),
        "problems": found.problems,
        "checked": found.checked,
        "not_run": found.not_run,
    }
    result("done" if found.ok else "refused", facts, "\n".join(lines), as_json=json)
    if not found.ok:
        raise typer.Exit(GateFailed.exit_code)


def _scanners(folder: Path, evals: list[str]) -> dict[str, Callable[[str], bool]]:
    """One scan per eval: for the hashes that a build keeps, and for those of an eval named on the command line."""
    from builder.measure import ngram_hashes, shares_ngram
    from builder.read import read_eval

    scans = _kept_hashes(folder / ".build" / "evals.npz")
    for spec in evals:
        eval_ = read_eval(spec)
        hashes = ngram_hashes([m.text for item in eval_.items for m in item.messages], SCAN_WORDS)
        scans.setdefault(eval_.name, []).append((hashes, SCAN_WORDS))
    return {name: partial(_shares, shares_ngram, pairs) for name, pairs in scans.items()}


def _injected(stored: Path) -> list[str]:
    """The prompts that were stripped, as the build left them; none where they are not there.

    Raises:
        InputError: if the file is damaged.
    """
    from json import loads

    if not stored.is_file():
        return []
    try:
        return [str(prompt) for prompt in loads(stored.read_bytes())]
    except (OSError, ValueError, TypeError):
        raise InputError(f"{stored} is damaged; run exempla build again") from None


def _kept_hashes(stored: Path) -> dict[str, list[_Hashes]]:
    """The n-gram hashes of each eval and their n, as the build left them; empty where they are not there.

    Raises:
        InputError: if the file is damaged.
    """
    import numpy as np

    if not stored.is_file():
        return {}
    try:
        with np.load(stored, allow_pickle=False) as kept:
            named = list(zip(kept["names"], kept["words"], strict=True))
            return {str(name): [(kept[f"hashes-{index}"], int(n))] for index, (name, n) in enumerate(named)}
    except _DAMAGED:
        raise InputError(f"{stored} is damaged; run exempla build again") from None


def _shares(scan: Callable[..., bool], pairs: list[_Hashes], text: str) -> bool:
    return any(scan(text, hashes, words) for hashes, words in pairs)
