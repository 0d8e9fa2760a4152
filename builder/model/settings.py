"""Which language model answers, where it is, and what it may cost: the parts of build.yaml that this room reads."""

from typing import Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

SERVICE = "https://api.anthropic.com"
SERVICE_KEY = "ANTHROPIC_API_KEY"
Stage = Literal["idea", "draft", "rewrite", "review"]
# Backends whose requests go to a model that has to be named for each stage.
NAMING = ("files", "anthropic", "anthropic-batches")


class ModelConfig(BaseModel):
    """The model. `stages` names the model of each stage.

    `fallback` answers what the model of a stage refused. `prices` is a table in the shape of the shipped one, or `free`
    for a server that costs nothing; paths are relative to build.yaml. `timeout` is in seconds without a byte.
    Backend `anthropic-batches` sends rounds of fewer than `batch_minimum` requests live, and looks at its batches at
    least every `look` seconds. `recording` is what backend `recorded` replays: a build's folder, or a file saved from
    one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: str = "offline"
    base_url: str | None = None
    api_key_env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    stages: dict[Stage, str] = Field(default_factory=dict)
    fallback: str | None = None
    concurrency: int = Field(8, ge=1, le=1000)
    timeout: float = Field(300.0, gt=0, le=3600)
    prices: str | None = None
    batch_minimum: int = Field(100, ge=1)
    look: float = Field(60.0, gt=0, le=3600)
    recording: str | None = None

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url)
            sound = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
        except ValueError:
            sound = False
        if not sound or parts.query or parts.fragment or parts.username:
            raise ValueError("it should be an address such as http://localhost:8000, without a key in it")
        return url.rstrip("/").removesuffix("/v1")  # the client adds /v1/messages

    @model_validator(mode="after")
    def _models_named(self) -> "ModelConfig":
        named = {str(stage) for stage, name in self.stages.items() if name}
        lacking = [stage for stage in get_args(Stage) if stage not in named]
        if self.backend in NAMING and lacking:
            raise ValueError(
                f"backend {self.backend!r} has to be told who will answer, and `stages` lacks {', '.join(lacking)}; "
                "name a model for each stage, as in `stages: {idea: NAME, draft: NAME, rewrite: NAME, review: NAME}`"
            )
        return self

    def model_for(self, stage: str) -> str:
        """The model's name for a stage."""
        return {str(key): name for key, name in self.stages.items()}.get(stage, self.backend)

    @property
    def host(self) -> str:
        """Where requests go, without the path."""
        return urlsplit(self.base_url or SERVICE).netloc

    @property
    def loopback(self) -> bool:
        """Whether the server runs on this machine."""
        name = urlsplit(self.base_url or SERVICE).hostname or ""
        return name in ("localhost", "::1") or name.startswith("127.")


class Spend(BaseModel):
    """The most that a build may cost, in dollars."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dollars: float = Field(gt=0, allow_inf_nan=False)
