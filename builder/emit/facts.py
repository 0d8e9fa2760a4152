"""What a build says about itself when it hands over its documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFacts:
    """Everything that the manifest and the card state beside what is counted from the documents.

    `inputs` maps a label to `path` (as the user gave it; of an absolute path only the last part is published)
    and `sha256`. `constitution` has `name`, `character`, `sha256`. `models` and `counts` go by stage, in the
    order of the stages; a count has `in`, `kept`, `rejected`, in briefs. `evals` have `name`, `fingerprint`,
    `items`. `screening` holds free JSON facts measured with the instrument that screened. `notes` are whole
    sentences. `settings` are what the user chose, `fingerprints` those of embedder, chunker, background and screens.
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
