"""A model that says what a test tells it to at each step, and a build's writing done with it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from builder.config import BuildConfig, Project
from builder.inputs import Inputs, open_inputs
from builder.model import Caller, Ledger, OneByOne, Outcome, Reply, Request
from builder.plan import Brief
from builder.progress import unwatched
from builder.state import Tally
from builder.steps import write
from builder.write import STAGES, Piece

Said = str | Callable[[Request], str]
MODEL = "claude-scripted"


def _opening(request: Request) -> str:
    operator = request.facts["options"].get("system_prompt", "none") != "none"
    return dialogue(*([("system", "You answer for the club.")] if operator else []), ("user", f"Ask {request.brief}?"))


def _verdicts(request: Request) -> str:
    return reviewed(request.facts["criteria"])


_SAID: dict[str, Said] = {
    "prompt": _opening,
    "trial": "You could wait until Monday and ring her then.",
    "revise": "<problems>none</problems>\n<keep/>",
    "answer": lambda request: f"Answer {request.attempt + 1} to {request.brief}: leave the key with the neighbour.",
    "follow_up": lambda request: f"<user>And message {request.attempt + 1}, what of the key?</user>",
    "rewrite": "<problems>none</problems>\n<keep/>",
    "review": _verdicts,
    "judge": '<judgement>{"conduct": "good", "evidence": "it helps", "principles": ["honesty"]}</judgement>',
}


class Scripted:
    """Answers each step with a text, or with what a function makes of the request; `asked` has every request."""

    name = "scripted"

    def __init__(self, **said: Said) -> None:
        self.asked: list[Request] = []
        self._said = {**_SAID, **said}

    async def answer(self, request: Request) -> Reply:
        self.asked.append(request)
        said = self._said[request.stage]
        return Reply(said if isinstance(said, str) else said(request), Outcome.COMPLETED, MODEL)

    def steps(self, brief: Brief) -> list[str]:
        return [request.stage for request in self.asked if request.brief == brief.id]

    def only(self, stage: str, brief: Brief, attempt: int = 0) -> Request:
        (found,) = [r for r in self.asked if (r.stage, r.brief, r.attempt) == (stage, brief.id, attempt)]
        return found


def opened(root: Path, **settings: Any) -> Inputs:
    """The inputs of a build with the shipped constitution and prompts."""
    model = {"backend": "anthropic", "stages": dict.fromkeys(STAGES, MODEL)}
    return open_inputs(Project(BuildConfig(evals=("framing",), seed=5, model=model, **settings), root))


def written(path: Path, inputs: Inputs, begun: Sequence[Piece], author: Scripted) -> tuple[list[Piece], Tally]:
    """Pieces taken through every step of their families, and the books that were kept over it."""
    tally = Tally([piece.brief for piece in begun])
    with Ledger(path / ".build" / "ledger.sqlite") as ledger, Caller(OneByOne(author), ledger) as caller:
        return write(begun, inputs, caller, tally, unwatched), tally


def dialogue(*turns: tuple[str, str]) -> str:
    return "<dialogue>" + "\n".join(f"<{role}>{text}</{role}>" for role, text in turns) + "</dialogue>"


def reviewed(criteria: Sequence[str], **changes: str) -> str:
    """A review that answers yes, but for `changes`."""
    verdicts = {name: {"verdict": changes.get(name, "yes"), "evidence": "she waits"} for name in criteria}
    return f"<review>{json.dumps(verdicts)}</review>"
