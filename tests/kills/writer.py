"""The writing part of a build, as a process that starts at once: the real steps without the embedder and its screens.

Plan, prompts, rounds, parsing, ledger, account and backend are the real ones, and so is the near-duplicate screen, whose
vectors are hashed words here: ideas are turned down and asked for again as they are in a build.
"""

import json
import os
import sys
import zlib
from collections.abc import Sequence
from dataclasses import asdict, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from builder import steps
from builder.cli import main as cli
from builder.config import load_project
from builder.inputs import Inputs, open_inputs
from builder.measure import Passage
from builder.measure.instrument import PassageSet
from builder.model import Caller, Ledger, Opening, open_backend, prove_backend
from builder.plan import Brief
from builder.progress import unwatched
from builder.screen import EvalScreen
from builder.state import Tally, check_identity
from builder.whole_file import write_whole
from builder.write.proof import prove_prompts
from tests.kills.folders import LEDGER, NOTES, RESULT
from tests.kills.noted import note_requests

BRIEFS = 80


class Words:
    """An instrument whose vectors say which words a text has; every text is one passage."""

    dimension, name, fingerprint = 256, "words", "words"

    @property
    def embedder(self) -> "Words":
        return self

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def encode64(self, texts: Sequence[str]) -> NDArray[np.float64]:
        rows = np.zeros((len(texts), self.dimension))
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[zlib.crc32(word.encode()) % self.dimension] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def read(self, texts: Sequence[str], progress: object = None) -> PassageSet:
        passages = tuple(Passage(text, 0, len(text)) for text in texts)
        vectors = self.encode64(texts).astype(np.float32) if texts else np.empty((0, self.dimension), np.float32)
        counts = tuple(self.count_tokens(texts))
        return PassageSet(passages, vectors, np.arange(len(texts) + 1), (None,) * len(texts), counts)


class Unscreened(Inputs):
    """Inputs with an instrument that needs no model, and without evals to stay away from."""

    @cached_property
    def instrument(self) -> Any:
        return Words()

    @cached_property
    def screens(self) -> tuple[EvalScreen, ...]:
        return ()


@cache
def planned(seed: int) -> tuple[Brief, ...]:
    """The plan; making one takes longer than all the rest of the start."""
    return open_inputs(load_project(None, seed=seed)).briefs(BRIEFS)


def write(folder: Annotated[Path, typer.Argument()], begun: Annotated[int, typer.Argument()]) -> None:
    """Write everything that the build.yaml in `folder` asks for, or go on with it; tell the handle `begun` first."""
    project = load_project(folder)
    config, opened = project.config, open_inputs(project)
    inputs = Unscreened(**{field.name: getattr(opened, field.name) for field in fields(Inputs)})
    briefs = planned(config.seed)
    prove_backend(config.model, config.spend, config.model_names, project.root)
    note_requests(folder / NOTES)
    os.write(begun, b"begun\n")
    with Ledger(folder / LEDGER) as ledger:
        opening = Opening(
            config.model, config.spend, config.model_names, folder, inputs.deck_folder, folder / ".build", ledger, print
        )
        with Caller(open_backend(opening), ledger, config.model.fallback) as caller:
            check_identity(ledger, folder, inputs)
            tally = Tally(briefs)
            prove_prompts(briefs, inputs.writer)
            begun_ = steps.settle_ideas(briefs, briefs, inputs, caller, ledger, tally, unwatched)
            finished = steps.write(begun_, inputs, caller, tally, unwatched)
            kept = steps.screen(steps.assemble(finished, inputs), inputs, tally, unwatched)
    result = {
        "documents": [document.json() for document in kept],
        "rejected": [asdict(rejection) for rejection in tally.rejections],
        "stages": tally.stages,
        "attempts": tally.survival(),
        "refusals": tally.refusals(),
    }
    write_whole(folder / RESULT, json.dumps(result, sort_keys=True, indent=1))


def main(folder: Path, begun: int) -> None:
    """Write as a verb of the real command, with its signals and its exit codes."""
    cli.app.command("write")(write)
    sys.argv = ["exempla", "write", str(folder), str(begun)]
    cli.run()
