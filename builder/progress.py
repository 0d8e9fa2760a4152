"""What a long job says while it runs; only `cli/` shows it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one step is.

    `in_flight` requests are on the wire; of what is done, `refused` were refused by the model. `kept` is how many go
    on, once the step is over. `tokens` went in and came out in all runs of the build, `dollars` they cost, `uncertain`
    dollars are charged for requests without an answer, and `projected` is what the whole build may come to. `said` is a
    sentence for the user that belongs to no step.
    """

    step: str
    done: int
    total: int
    in_flight: int = 0
    refused: int = 0
    kept: int | None = None
    tokens: tuple[int, int] | None = None
    dollars: float | None = None
    uncertain: float = 0.0
    projected: float | None = None
    said: str = ""


Watch = Callable[[Progress], None]


def unwatched(progress: Progress) -> None:
    """Nobody looks."""


def counting(watch: Watch, step: str) -> Callable[[int, int], None]:
    """A callback for jobs that only count: `(done, total)` of one step."""
    return lambda done, total: watch(Progress(step, done, total))
