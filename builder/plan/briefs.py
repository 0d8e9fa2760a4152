"""A brief: one planned document, with everything that its prompts may say about it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Brief:
    """One planned document; `id` is the hash of all the rest.

    `options` maps each axis to the id of the drawn option and `axes` to its words; `second` is a principle in
    tension with the first, `situation` a seed from the constitution; `words` is the wanted length in words and
    `tokens` the size planned for it. `tools` are definitions that a dialogue carries without needing them. A brief that
    begins with a `transcript`, whose id that is, has no principle until a judge has read it.
    """

    id: str
    ordinal: int
    family: str
    principle: str
    second: str | None
    situation: str | None
    form: str
    persona: str
    shape: str
    options: Mapping[str, str]
    axes: Mapping[str, str]
    names: tuple[str, ...]
    ai_name: str | None
    words: int
    tokens: int
    principles: tuple[str, ...] = field(default=())
    tools: tuple[Mapping[str, Any], ...] = ()
    transcript: str | None = None

    def json(self) -> dict[str, Any]:
        """The brief as one row of `plan.jsonl`."""
        return asdict(self)
