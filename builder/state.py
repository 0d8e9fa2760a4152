"""What a build knows about itself: what it was made from, what happened at each stage, what it leaves in `.build/`."""

import io
import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import __version__
from builder.errors import InputError
from builder.measure import ngram_hashes
from builder.plan import Brief
from builder.records import Document, Rejection
from builder.screen import DistanceRow
from builder.write import Piece

if TYPE_CHECKING:
    from builder.emit import BuildFacts
    from builder.inputs import Inputs
    from builder.model import Ledger

# Settings that decide how a build is made and not what it becomes.
_NO_MATTER: dict[str, Any] = {"model": True, "spend": True, "screens": {"batch_size", "threads"}}
_PACKAGES = ("faiss-cpu", "faker", "jinja2", "numpy", "pyarrow", "sentence-transformers", "spacy", "torch")


class Tally:
    """Counts that reconcile: at every stage, in = kept + rejected, each rejected once with one reason."""

    def __init__(self, briefs: Sequence[Brief]) -> None:
        self.briefs = {brief.id: brief for brief in briefs}
        self.rejections: list[Rejection] = []
        self.stages: dict[str, dict[str, int]] = {}
        self.rows: list[DistanceRow] = []
        self.dry = 0
        self.embeddings = ""
        self.pieces: dict[str, Piece] = {}
        self.turned_down: Mapping[str, tuple[str, ...]] = {}
        self._attempts: Counter[tuple[int, bool]] = Counter()
        self._idea_reasons: Counter[str] = Counter()
        self._refusals: Counter[tuple[str, bool]] = Counter()

    def close(self, stage: str, kept: Sequence[str], rejections: Sequence[Rejection]) -> None:
        """End a stage: the briefs that go on, and what was rejected."""
        self.rejections += rejections
        self.stages[stage] = {
            "in": len(kept) + len(rejections),
            "kept": len(kept),
            "rejected": len(rejections),
        }

    def ideas(self, turned_down: Sequence[str], *, kept: bool) -> None:
        """Count one brief's attempts at an idea: those turned down, with their reasons, and the one kept, if any."""
        for attempt, reason in enumerate(turned_down):
            self._attempts[attempt, False] += 1
            self._idea_reasons[reason] += 1
        self._attempts[len(turned_down), True] += kept

    def refused(self, brief: str, models: Sequence[str], *, answered: bool) -> None:
        """Count the refusals that a brief met, and whether another model or attempt answered after all."""
        self._refusals[brief, answered] += len(models)

    def refusals(self) -> dict[str, dict[str, dict[str, int]]]:
        """Refusals by principle, family and persona: losing them in silence would bias the corpus."""
        table: dict[str, dict[str, dict[str, int]]] = {}
        for axis in ("principle", "family", "persona"):
            counts: Counter[tuple[str, bool]] = Counter()
            for (brief, answered), count in self._refusals.items():
                counts[_value(self.briefs[brief], axis), answered] += count
            keys = sorted({key for (key, _), count in counts.items() if count})
            table[axis] = {key: {"answered after all": counts[key, True], "lost": counts[key, False]} for key in keys}
        return {axis: rows for axis, rows in table.items() if rows}

    def survival(self) -> list[dict[str, int]]:
        """Ideas kept and rejected by attempt: regenerating until something passes selects for what screens miss."""
        attempts = sorted({attempt for (attempt, _), count in self._attempts.items() if count})
        return [{"attempt": a, "kept": self._attempts[a, True], "rejected": self._attempts[a, False]} for a in attempts]

    def attrition(self) -> dict[str, dict[str, dict[str, int]]]:
        """Planned and lost briefs by principle, family, persona and decision shape."""
        lost = {rejection.brief for rejection in self.rejections}
        table: dict[str, dict[str, dict[str, int]]] = {}
        for axis in ("principle", "family", "persona", "shape"):
            planned = Counter(_value(brief, axis) for brief in self.briefs.values())
            gone = Counter(_value(self.briefs[id_], axis) for id_ in lost)
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
                "near_duplicate_idea": config.screens.duplicate_idea,
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
                "refusals": self.refusals(),
            },
            embeddings_sha256=self.embeddings,
            embedder=inputs.instrument.embedder.name,
            tokenizer=inputs.instrument.embedder.name,
            settings=config.model_dump(mode="json", exclude=_NO_MATTER),
            fingerprints={
                "instrument": inputs.instrument.fingerprint,
                "embedder": inputs.instrument.embedder.fingerprint,
                "chunker": inputs.instrument.chunker.fingerprint,
                **{f"screen {screen.eval.name}": screen.fingerprint for screen in inputs.screens},
            },
            notes=_notes(inputs, chosen),
        )


def check_identity(ledger: "Ledger", folder: Path, inputs: "Inputs") -> None:
    """Refuse to go on with a build that was made from something else.

    Raises:
        InputError: naming what differs and the way out.
    """
    stored = ledger.note("identity")
    if stored is None and (folder / "manifest.json").exists():
        raise InputError(
            f"{folder} holds a corpus whose ledger is gone, so its build cannot go on; "
            "give this one another name (`name:` in build.yaml, or --out), or remove that folder"
        )
    if stored is None:
        ledger.note("identity", json.dumps(inputs.identity, sort_keys=True))
        return
    before = json.loads(stored)
    names = {**inputs.identity, **before}
    differing = [name for name in names if before.get(name) != inputs.identity.get(name)]
    if differing:
        raise InputError(
            f"{folder} holds a build with another {' and '.join(differing)}; "
            "give this one another name (`name:` in build.yaml, or --out), or remove that folder"
        )


def private_files(tally: Tally, inputs: "Inputs", making: Sequence[dict[str, Any]]) -> dict[str, bytes]:
    """What goes under `.build/` and is never published: the plan, how each text came about, the distance rows, the
    prompts that were stripped, and the hashes that `verify` scans by.

    `evals.npz` holds `names`, `words` (the n of each eval's n-grams, its verbatim threshold) and `hashes-0` and so on.
    """
    import numpy as np

    screens = inputs.screens
    texts = [[m.text for item in screen.eval.items for m in item.messages] for screen in screens]
    arrays = {
        f"hashes-{i}": ngram_hashes(own, screen.verbatim_words)
        for i, (own, screen) in enumerate(zip(texts, screens, strict=True))
    }
    packed = io.BytesIO()
    names, words = [screen.eval.name for screen in screens], [screen.verbatim_words for screen in screens]
    np.savez_compressed(packed, names=np.array(names), words=np.array(words), **arrays)  # type: ignore[arg-type]
    return {
        "writing.jsonl": _lines(making),
        "injected.json": json.dumps(list(inputs.writer.injected()), ensure_ascii=False).encode(),
        "plan.jsonl": _lines([brief.json() for brief in tally.briefs.values()]),
        "distance.jsonl": _lines([row.json() for row in tally.rows]),
        "evals.npz": packed.getvalue(),
    }


def _value(brief: Brief, axis: str) -> str:
    """A brief's value on an axis; a transcript has no principle or shape until it is read."""
    return str(getattr(brief, axis)) or "of a transcript"


def _lines(rows: Sequence[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "backslashreplace")


def _versions() -> dict[str, str]:
    return {package: version(package) for package in _PACKAGES}


def _notes(inputs: "Inputs", chosen: Sequence[Document]) -> list[str]:
    config = inputs.config
    notes = [
        "Class 2 (the same dilemma in another world) is not measured by this version: it has no structural view, "
        "and no judge was configured.",
    ]
    notes = [*inputs.about, *notes]
    if config.ablate:
        notes.append(f"This build is for comparing: it leaves out the {' and the '.join(config.ablate)}.")
    unread = sum(any(f.check == "review" and f.reason == "not judged" for f in d.findings) for d in chosen)
    if unread:
        notes.append(f"The review judged nothing in {unread} of {len(chosen)} documents.")
    return notes
