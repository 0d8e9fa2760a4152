"""`exempla verify`: does this build still say what its manifest says, and does it hold any eval text?"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Optional
from zipfile import BadZipFile

import typer

from builder.cli.terminal import Json, result
from builder.errors import GateFailed, InputError

SCAN_WORDS = 13


def verify(
    folder: Annotated[Path, typer.Argument(help="A build's folder, or a published copy of one.")],
    eval_: Annotated[
        Optional[list[str]], typer.Option("--eval", help="Scan for this eval's text too; may be given again.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a build against its manifest and scan every column for eval text. Exit 1 if anything is wrong."""
    from builder.emit import verify as verify_build

    found = verify_build(folder, _scanners(folder, eval_ or []))
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
    """One scan per eval: from the hashes that a build keeps, and from evals named on the command line."""
    import numpy as np

    from builder.measure import ngram_hashes, shares_ngram
    from builder.read import read_eval

    stored = folder / ".build" / "evals.npz"
    scanners: dict[str, Callable[[str], bool]] = {}
    if stored.is_file():
        try:
            with np.load(stored, allow_pickle=False) as kept:
                for index, (name, words) in enumerate(zip(kept["names"], kept["words"], strict=True)):
                    scanners[str(name)] = partial(_shares, shares_ngram, kept[f"hashes-{index}"], int(words))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            raise InputError(f"{stored} is damaged; run exempla build again") from None
    for spec in evals:
        eval_ = read_eval(spec)
        hashes = ngram_hashes([m.text for item in eval_.items for m in item.messages], SCAN_WORDS)
        scanners[eval_.name] = partial(_shares, shares_ngram, hashes, SCAN_WORDS)
    return scanners


def _shares(scan: Callable[..., bool], hashes: object, words: int, text: str) -> bool:
    return scan(text, hashes, words)
