"""What a build knows about itself: what it was made from, what happened at each stage, what it leaves in `.build/`."""

import json
import platform
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import __version__
from builder.errors import InputError
from builder.measure import ngram_hashes
from builder.plan import Brief
from builder.records import Document, Rejection
from builder.screen import DistanceRow

if TYPE_CHECKING:
    from builder.emit import BuildFacts
    from builder.inputs import Inputs
    from builder.model import Ledger

SCAN_WORDS = 13
_PACKAGES = ("faiss-cpu", "numpy", "pyarrow", "sentence-transformers", "spacy", "torch")


class Tally:
    """Counts that reconcile: at every stage, in = kept + rejected, each rejected once with one reason."""

    def __init__(self, briefs: Sequence[Brief]) -> None:
        self.briefs = {brief.id: brief for brief in briefs}
        self.rejections: list[Rejection] = []
        self.stages: dict[str, dict[str, int]] = {}
        self.rows: list[DistanceRow] = []
        self.dry = 0
        self.embeddings = ""
        self._attempts: Counter[tuple[int, bool]] = Counter()
        self._idea_reasons: Counter[str] = Counter()

    def close(self, stage: str, kept: Sequence[str], rejections: Sequence[Rejection]) -> None:
        """End a stage: the briefs that go on, and what was rejected."""
        self.rejections += rejections
        self.stages[stage] = {
            "in": len(kept) + len(rejections),
            "kept": len(kept),
            "rejected": len(rejections),
        }

    def attempt(self, attempt: int, kept: bool, reason: str) -> None:
        """Count one settled idea."""
        self._attempts[attempt, kept] += 1
        if reason:
            self._idea_reasons[reason] += 1

    def survival(self) -> list[dict[str, int]]:
        """Ideas kept and rejected by attempt: regenerating until something passes selects for what screens miss."""
        attempts = sorted({attempt for attempt, _ in self._attempts})
        return [{"attempt": a, "kept": self._attempts[a, True], "rejected": self._attempts[a, False]} for a in attempts]

    def attrition(self) -> dict[str, dict[str, dict[str, int]]]:
        """Planned and lost briefs by principle, family, persona and decision shape."""
        lost = {rejection.brief for rejection in self.rejections}
        table: dict[str, dict[str, dict[str, int]]] = {}
        for axis in ("principle", "family", "persona", "shape"):
            planned = Counter(getattr(brief, axis) for brief in self.briefs.values())
            gone = Counter(getattr(self.briefs[id_], axis) for id_ in lost)
            table[axis] = {key: {"planned": n, "lost": gone[key]} for key, n in sorted(planned.items())}
        return table

    def classes(self) -> dict[str, dict[str, int]]:
        """Finished documents per class and eval, as the screening instrument saw them."""
        table: dict[str, Counter[str]] = {}
        for row in self.rows:
            label = "suspect" if row.suspect else f"class {row.class_}" if row.class_ is not None else "unjudged"
            table.setdefault(row.eval, Counter())[label] += 1
        return {name: dict(sorted(counts.items())) for name, counts in table.items()}

    def facts(self, inputs: "Inputs", chosen: Sequence[Document]) -> "BuildFacts":
        """Everything that the card and the manifest say about this build."""
        from builder.emit import BuildFacts

        config = inputs.config
        constitution = inputs.constitution
        return BuildFacts(
            name=config.name,
            seed=config.seed,
            versions={"exempla": __version__, "python": platform.python_version(), **_versions()},
            inputs={label: {"path": path, "sha256": digest} for label, (path, digest) in inputs.files.items()},
            constitution={
                "name": constitution.name,
                "character": constitution.character.name,
                "sha256": constitution.sha256,
            },
            models=config.models,
            backend=config.model.backend,
            evals=[{"name": e.name, "fingerprint": e.fingerprint, "items": len(e.items)} for e in inputs.evals],
            policy=config.policy,
            thresholds={
                "near_duplicate": config.screens.duplicate,
                **{screen.eval.name: screen.thresholds() for screen in inputs.screens},
            },
            concern=config.concern,
            planned=len(self.briefs),
            counts=self.stages,
            screening={
                "label": "screened",
                "idea attempts": self.survival(),
                "idea rejections": dict(sorted(self._idea_reasons.items())),
                "classes": self.classes(),
                "attrition": self.attrition(),
            },
            embeddings_sha256=self.embeddings,
            embedder=inputs.instrument.embedder.name,
            tokenizer=inputs.instrument.embedder.name,
            notes=_notes(config.model.backend, chosen),
        )


def check_identity(ledger: "Ledger", folder: Path, inputs: "Inputs") -> None:
    """Refuse to go on with a build that was made from something else.

    Raises:
        InputError: naming what differs and the way out.
    """
    stored = ledger.note("identity")
    if stored is None:
        ledger.note("identity", json.dumps(inputs.identity, sort_keys=True))
        return
    before = json.loads(stored)
    differing = [name for name, value in inputs.identity.items() if before.get(name) != value]
    if differing:
        raise InputError(
            f"{folder} holds a build with another {' and '.join(differing)}; "
            "give this one another name (`name:` in build.yaml, or --out), or remove that folder"
        )


def write_state(folder: Path, tally: Tally, inputs: "Inputs") -> None:
    """Leave the plan, the distance rows and the scan hashes under `.build/`, which is never published."""
    import numpy as np

    state = folder / ".build"
    _write_lines(state / "plan.jsonl", [brief.json() for brief in tally.briefs.values()])
    _write_lines(state / "distance.jsonl", [row.json() for row in tally.rows])
    hashes = {e.name: ngram_hashes([m.text for i in e.items for m in i.messages], SCAN_WORDS) for e in inputs.evals}
    with (state / "evals.npz").open("wb") as file:
        np.savez_compressed(file, **hashes)  # type: ignore[arg-type]


def _write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def _versions() -> dict[str, str]:
    return {package: version(package) for package in _PACKAGES}


def _notes(backend: str, chosen: Sequence[Document]) -> list[str]:
    notes = [
        "Class 2 (the same dilemma in another world) is not measured by this version: it has no structural view, "
        "and no judge was configured.",
    ]
    if backend == "offline":
        notes.insert(
            0,
            "The text was put together by the offline model from deck material, without any language model. "
            "It shows the machinery at work and is unfit for training.",
        )
    unread = sum(any(f.check == "review" and f.reason == "not judged" for f in d.findings) for d in chosen)
    if unread:
        notes.append(f"The review judged nothing in {unread} of {len(chosen)} documents.")
    return notes
