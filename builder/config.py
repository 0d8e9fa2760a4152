"""`build.yaml`: everything that decides what a build is, frozen, with unknown keys refused."""

import math
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from builder.errors import InputError, nearest
from builder.model import ModelConfig, Spend
from builder.placed_yaml import load_yaml, validate
from builder.shipped import shipped
from builder.write import FAMILIES, STAGES


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Size(_Part):
    """How large the corpus should be."""

    tokens: int = Field(gt=0)


class Screens(_Part):
    """Thresholds and the instrument of the screens.

    At `duplicate` 0.70 the screen finds 98 % of real revisions and merges none of 3,741 pairs of different documents
    (benchmarks/duplicate_threshold.py). Ideas are one paragraph each and get a bound of their own.
    """

    embedder: str = "all-MiniLM-L6-v2"
    duplicate: float = Field(0.70, gt=0, le=1)
    duplicate_idea: float = Field(0.82, gt=0, le=1)
    verbatim_words: int = Field(13, ge=8, le=20)
    suspect_percentile: float = Field(0.99, gt=0.5, lt=1)
    batch_size: int = Field(64, ge=1)
    threads: int | None = Field(None, ge=1)


_FAMILIES = {"explanatory": 0.38, "story": 0.38, "advice": 0.18, "demonstration": 0.06}


class BuildConfig(_Part):
    """A whole build. Paths are relative to the folder that `build.yaml` stands in.

    `transcripts` are what demonstrations are made from. `ablate` leaves a stage out, for comparing with and without it.
    """

    name: str = Field("default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    constitution: str = "constitution/linnet.yaml"
    concern: str | None = None
    decks: str = "stories/decks"
    prompts: str = "stories/prompts"
    transcripts: str = "stories/transcripts/everyday.jsonl"
    families: dict[str, float] = Field(default_factory=lambda: dict(_FAMILIES))
    size: Size = Size(tokens=110_000)
    evals: tuple[str, ...] = ("agentic-misalignment", "research-sabotage", "framing")
    model: ModelConfig = ModelConfig()
    spend: Spend | None = None
    screens: Screens = Screens()
    policy: Literal["held_out", "production"] = "held_out"
    ablate: tuple[Literal["rewrite", "review"], ...] = ()
    seed: int = 0

    @field_validator("families")
    @classmethod
    def _known_families(cls, shares: dict[str, float]) -> dict[str, float]:
        for name, share in shares.items():
            if name not in FAMILIES:
                hint = nearest(name, list(FAMILIES)) or f"; known are {', '.join(FAMILIES)}"
                raise ValueError(f"family {name!r} does not exist{hint}")
            if not 0 <= share < math.inf:
                raise ValueError(
                    f"the share of family {name!r} must be a number from 0 up; to leave the family out, delete it"
                )
        if not any(shares.values()):
            raise ValueError("no family has a share; give at least one, such as `story: 1`")
        return {name: share for name, share in shares.items() if share > 0}

    @model_validator(mode="after")
    def _an_eval(self) -> "BuildConfig":
        if not self.evals:
            raise ValueError("a build needs at least one eval to stay away from; name one under `evals`")
        return self

    @property
    def models(self) -> dict[str, str]:
        """The model of each stage."""
        return {stage: self.model.model_for(stage) for stage in STAGES}

    @property
    def model_names(self) -> tuple[str, ...]:
        """Every model that may be asked, the fallback included."""
        return tuple(dict.fromkeys([*self.models.values(), *([self.model.fallback] if self.model.fallback else [])]))


class Project:
    """A config with the folder that its paths are relative to; shipped inputs fill in what the folder lacks."""

    def __init__(self, config: BuildConfig, root: Path) -> None:
        self.config, self.root = config, root

    def path(self, key: Literal["constitution", "decks", "prompts", "transcripts"]) -> Path:
        """Where a configured input lies. What build.yaml names must exist in the project; what it leaves out may
        also be the shipped one.

        Raises:
            InputError: if it does not exist.
        """
        given = str(getattr(self.config, key))
        own = self.root / given
        if own.exists():
            return own
        if key in self.config.model_fields_set:
            raise InputError(f"{own} does not exist; correct `{key}` in build.yaml")
        return shipped(*Path(given).parts)

    def eval_spec(self, given: str) -> str:
        """An eval as the reader wants it: a path of the project if there is one, else a shipped name.

        Raises:
            InputError: if it is a path that does not exist.
        """
        own = self.root / given
        if own.exists():
            return str(own)
        if "/" in given or Path(given).suffix:
            raise InputError(f"{own} does not exist; correct `evals` in build.yaml")
        return given

    def background(self) -> Path:
        """The folder of unrelated text: the project's own, else the shipped one."""
        own = self.root / "evals" / "background"
        return own if own.is_dir() else shipped("evals", "background")

    def embedder(self) -> str:
        """The embedder's name, or its folder where the project has it."""
        own = self.root / self.config.screens.embedder
        return str(own) if own.is_dir() else self.config.screens.embedder


def load_project(path: Path | None, **changes: object) -> Project:
    """Read a `build.yaml` (or take the shipped default) and apply the command line's changes.

    Raises:
        InputError: if it cannot be read or a value is wrong, with file, line and column.
    """
    if path is None:
        here = Path("build.yaml")
        config = validate(load_yaml(here), BuildConfig) if here.is_file() else BuildConfig()
        root = Path()
    else:
        file = path / "build.yaml" if path.is_dir() else path
        config = validate(load_yaml(file), BuildConfig)
        root = file.parent
    given = {key: value for key, value in changes.items() if value is not None}
    try:
        config = BuildConfig.model_validate({**config.model_dump(exclude_unset=True), **given}) if given else config
    except ValidationError as error:
        wrong = error.errors()[0]
        sentence = f"--{wrong['loc'][0]} {wrong['input']!r}: {wrong['msg'].replace('Input', 'it', 1)}"
        raise InputError(sentence) from None
    return Project(config, root)
