"""manifest.json: what the build was made from, what it made, and every hash needed to check both."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from builder.errors import InputError
from builder.records import Rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """Everything that the manifest and the card state beside what is counted from the documents.

    `inputs` maps a label to `path` (as the user gave it; of an absolute path only the last part is published)
    and `sha256`. `constitution` has `name`, `character`, `sha256`. `models` and `counts` go by stage, in the
    order of the stages; a count has `in`, `kept`, `rejected`, in briefs. `evals` have `name`, `fingerprint`,
    `items`. `screening` holds free JSON facts measured with the instrument that screened. `notes` are whole
    sentences. `settings` is free JSON: what the user chose, absolute paths treated as those of `inputs`.
    `fingerprints` are those of embedder, chunker, background and screens.
    """

    name: str
    seed: int
    versions: Mapping[str, str]
    inputs: Mapping[str, Mapping[str, str]]
    constitution: Mapping[str, str]
    models: Mapping[str, str]
    backend: str
    evals: Sequence[Mapping[str, Any]]
    policy: str
    thresholds: Mapping[str, Any]
    planned: int
    counts: Mapping[str, Mapping[str, int]]
    tokenizer: str
    concern: str | None = None
    screening: Mapping[str, Any]
    embeddings_sha256: str | None = None
    embedder: str | None = None
    notes: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)


NAME = "manifest.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class InputFact(_Record):
    """One input file, as the user named it."""

    path: str
    sha256: str


class OutputFact(_Record):
    """One output file: its hash, its rows (None where it has none), its size in bytes."""

    sha256: str
    rows: int | None
    bytes: int


class EvalFact(_Record):
    """An eval that the corpus was kept away from."""

    name: str
    fingerprint: str
    items: int


class ConstitutionFact(_Record):
    """The constitution that the corpus was written from."""

    name: str
    character: str
    sha256: str


class StageCount(_Record):
    """What a stage took in, kept and rejected, in briefs."""

    in_: int = Field(alias="in")
    kept: int
    rejected: int

    def counts(self) -> dict[str, int]:
        """The three numbers."""
        return {"in": self.in_, "kept": self.kept, "rejected": self.rejected}


class RejectedCount(_Record):
    """How often a stage gave a reason."""

    stage: str
    action: str
    reason: str
    count: int


class Screening(_Record):
    """Facts measured with the instrument that screened, under the label that says so."""

    label: Literal["screened"] = "screened"
    policy: str
    thresholds: dict[str, Any]
    facts: dict[str, Any]


class Embeddings(_Record):
    """What the documents' vectors were made with, and their hash."""

    embedder: str | None
    sha256: str | None


class FamilyFact(_Record):
    """What one family holds; principles, personas and forms in documents."""

    layout: str
    documents: int
    tokens: int
    recorded: int
    principles: dict[str, int]
    personas: dict[str, int]
    forms: dict[str, int]


class Holding(_Record):
    """What the corpus holds, counted from its rows."""

    documents: int
    tokens: int
    families: dict[str, FamilyFact]


class Manifest(_Record):
    """The whole manifest, version 1."""

    schema_: Literal[1] = Field(1, alias="schema")
    name: str
    seed: int
    versions: dict[str, str]
    constitution: ConstitutionFact
    concern: str | None
    inputs: dict[str, InputFact]
    backend: str
    models: dict[str, str]
    evals: list[EvalFact]
    screening: Screening
    planned: int
    stages: list[str]
    counts: dict[str, StageCount]
    rejected: list[RejectedCount]
    tokenizer: str
    embeddings: Embeddings
    notes: list[str]
    settings: dict[str, Any]
    fingerprints: dict[str, str]
    corpus: Holding
    files: dict[str, OutputFact]
    private: dict[str, OutputFact]
    facts_sha256: str = ""

    @model_validator(mode="after")
    def _every_stage_counted(self) -> "Manifest":
        if sorted(self.stages) != sorted(self.counts):
            raise ValueError("stages and counts name different stages")
        return self

    def staged(self) -> list[tuple[str, StageCount]]:
        """The counts in the order of the stages."""
        return [(stage, self.counts[stage]) for stage in self.stages]

    def json_values(self) -> dict[str, Any]:
        """The manifest as plain values."""
        return self.model_dump(mode="json", by_alias=True)

    def encoded(self) -> bytes:
        """The file's bytes: sorted keys, no time stamp, a lone surrogate as its JSON escape."""
        text = json.dumps(self.json_values(), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
        return (text + "\n").encode("utf-8", "backslashreplace")


def make_manifest(
    facts: BuildFacts,
    corpus: Mapping[str, Any],
    rejections: Iterable[Rejection],
    files: Mapping[str, OutputFact],
    private: Mapping[str, OutputFact],
) -> Manifest:
    """The manifest of an emission; `corpus` as `Holdings.json` gives it."""
    tally = Counter((r.stage, str(r.action), r.reason) for r in rejections)
    return Manifest(
        name=facts.name,
        seed=facts.seed,
        versions=dict(facts.versions),
        constitution=ConstitutionFact(**dict(facts.constitution)),
        concern=facts.concern,
        inputs={
            label: InputFact(path=_as_published(entry["path"]), sha256=entry["sha256"])
            for label, entry in facts.inputs.items()
        },
        backend=facts.backend,
        models=dict(facts.models),
        evals=[EvalFact(**dict(entry)) for entry in facts.evals],
        screening=Screening(
            policy=facts.policy,
            thresholds=_plain(facts.thresholds),
            facts=_plain({key: value for key, value in facts.screening.items() if key != "label"}),
        ),
        planned=facts.planned,
        stages=list(facts.counts),
        counts={stage: StageCount.model_validate(count) for stage, count in facts.counts.items()},
        rejected=[
            RejectedCount(stage=stage, action=action, reason=reason, count=count)
            for (stage, action, reason), count in sorted(tally.items())
        ],
        tokenizer=_as_published(facts.tokenizer),
        embeddings=Embeddings(
            embedder=facts.embedder and _as_published(facts.embedder), sha256=facts.embeddings_sha256
        ),
        notes=list(facts.notes),
        settings=_portable(_plain(facts.settings)),
        fingerprints=dict(facts.fingerprints),
        corpus=Holding.model_validate(corpus),
        files=dict(files),
        private=dict(private),
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a build folder.

    Raises:
        InputError: if the folder is no build, or its manifest cannot be read or is of another version.
    """
    path = folder / NAME
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; name the folder of a build, such as corpus/NAME")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{folder} has no {NAME}, so it is no emitted build; name the folder of a build") from None
    except OSError as problem:
        raise InputError(f"{path} cannot be read: {problem.strerror}") from None
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
        raise InputError(
            f"{path} is no manifest of this version ({f'{place}: ' if place else ''}{what}); run exempla build again"
        ) from None


def _as_published(path: str) -> str:
    # An absolute path would publish the names of somebody's machine.
    for flavour in (PurePosixPath(path), PureWindowsPath(path)):
        if flavour.is_absolute():
            return flavour.name
    return path


def _portable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """A JSON value whose texts are treated as paths: the absolute ones keep only their last part."""
    if isinstance(value, dict):
        return {name: _portable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_portable(inner) for inner in value]
    return _as_published(value) if isinstance(value, str) else value


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(value, default=float, allow_nan=False))
    return plain
