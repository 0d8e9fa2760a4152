"""The offline model: puts documents together from deck material, without a language model.

It is scaffolding. It lets tests and dry runs exercise every stage and every screen without a key or a network,
always with the same bytes. Its prose is assembled from patterns and is unfit for training; every record says so.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from builder.errors import InputError
from builder.hashing import keyed
from builder.model.protocol import Outcome, Reply, Request, Usage
from builder.placed_yaml import load_yaml, validate

NAME = "offline"
_SENTENCE_START = re.compile(r"(^|[.!?]['\"”’)]?\s+|\n\s*|[“\"‘](?=[a-z]))([a-zà-ÿ])")
_SHAPE: dict[str, tuple[tuple[str, int], ...]] = {
    "explanatory": (
        ("opening", 1),
        ("reason", 2),
        ("case", 2),
        ("objection", 1),
        ("turn", 2),
        ("closing", 1),
    ),
    "story": (
        ("opening", 1),
        ("scene", 2),
        ("trouble", 2),
        ("thought", 2),
        ("act", 1),
        ("aftermath", 1),
        ("closing", 1),
    ),
}
_ARTICLE = re.compile(r"^an? ")
_MATTERS = 2
_OPENING = ("user_opening", "user_middle", "user_middle", "user_ask")
_ANSWER = (
    *("answer_opening", "answer_reason", "answer_step", "answer_reason"),
    *("answer_step", "answer_step", "answer_closing"),
)


class _Parts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    idea: tuple[str, ...]
    explanatory: dict[str, tuple[str, ...]]
    story: dict[str, tuple[str, ...]]
    advice: dict[str, tuple[str, ...]]
    objects: tuple[str, ...]
    weathers: tuple[str, ...]
    matters: tuple[str, ...]


class _OfflineDeck(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal[1] = Field(alias="schema")
    family: Literal["offline"]
    parts: _Parts


class OfflineModel:
    """Composes answers from `offline.yaml` of a deck folder; the brief alone decides which patterns are used."""

    name = NAME

    def __init__(self, decks: Path) -> None:
        path = decks / "offline.yaml"
        if not path.is_file():
            raise InputError(f"{path} does not exist; the offline model composes from it, copy it from `exempla init`")
        self._parts = validate(load_yaml(path), _OfflineDeck).parts

    async def answer(self, request: Request) -> Reply:
        """Compose the answer to one request; the same request always gives the same text.

        Raises:
            InputError: for a request without facts to compose from, because it cannot read the prompt.
        """
        if not request.facts:
            raise InputError(f"the offline model cannot read, so it cannot {request.stage}; use another backend")
        text = self._compose(request)
        words = len(request.system.split()) + len(request.user.split())
        return Reply(text, Outcome.COMPLETED, NAME, Usage(words, len(text.split())))

    def _compose(self, request: Request) -> str:
        facts = request.facts
        if request.stage == "idea":
            return "\n".join(self._idea(request, *work) for work in enumerate(facts["briefs"], 1))
        if request.stage == "review":
            return _review(facts["criteria"])
        if request.stage == "judge":
            return (
                f'<judgement>{{"conduct": "good", "evidence": "", "principles": ["{facts["principle"]}"]}}</judgement>'
            )
        pen = _Pen(self._parts, facts, keyed(request.brief, request.attempt, request.stage in ("answer", "trial")))
        if request.stage == "draft":
            return self._prose(pen, facts)
        if request.stage == "prompt":
            return f"<dialogue>{self._operator(facts)}<user>{self._said(pen, _OPENING)}</user></dialogue>"
        if request.stage == "follow_up":
            return f"<user>{self._said(pen, ('followup',))}</user>"
        if request.stage in ("answer", "trial"):
            return self._said(pen, _ANSWER)
        return "<problems>The offline model finds none; it cannot read.</problems>\n<keep/>"

    def _idea(self, request: Request, number: int, work: tuple[str, Mapping[str, Any]]) -> str:
        id_, facts = work
        pen = _Pen(self._parts, facts, keyed(id_, request.attempt, True))
        text = f"{pen.write(self._parts.idea)} {pen.write(self._parts.explanatory['case'])}"
        return f'<idea n="{number}">{text}</idea>'

    def _prose(self, pen: "_Pen", facts: Mapping[str, Any]) -> str:
        family = facts["family"] if facts["family"] in _SHAPE else "explanatory"
        lists: dict[str, tuple[str, ...]] = getattr(self._parts, family)
        paragraphs: list[str] = []
        shape = _SHAPE[family]
        head, middle, tail = shape[0], shape[1:-1], shape[-1]
        paragraphs.append(pen.paragraph(lists[head[0]], 2))
        while sum(len(p.split()) for p in paragraphs) < facts["words"] * 0.9:
            paragraphs += [pen.paragraph(lists[part], times) for part, times in middle]
        paragraphs.append(pen.paragraph(lists[tail[0]], tail[1]))
        return f"<document>{_join(paragraphs)}</document>"

    def _said(self, pen: "_Pen", parts: tuple[str, ...]) -> str:
        return _join([pen.write(self._parts.advice[part]) for part in parts])

    def _operator(self, facts: Mapping[str, Any]) -> str:
        if facts["options"].get("system_prompt", "none") == "none":
            return ""
        return f"<system>{facts['axes']['system_prompt'].rstrip('.')}.</system>"


class _Pen:
    """Fills patterns for one document, using each pattern and each filling once before any comes again."""

    def __init__(self, parts: _Parts, facts: Mapping[str, Any], random: Random) -> None:
        self._facts, self._random = facts, random
        self._bags: dict[int, list[str]] = {}
        self._matters = random.sample(parts.matters, min(_MATTERS, len(parts.matters)))
        self._placed = False
        self._fillings = {
            "object": parts.objects,
            "weather": parts.weathers,
            "matter": tuple(self._matters),
            "why": tuple(facts["why_sentences"]),
            "statement": tuple(facts["statement_sentences"]),
            "situation": tuple(facts["situations"]) or tuple(facts["statement_sentences"]),
        }

    def paragraph(self, patterns: tuple[str, ...], times: int) -> str:
        """A few patterns of one part as one paragraph."""
        return " ".join(self.write(patterns) for _ in range(times))

    def write(self, patterns: tuple[str, ...]) -> str:
        """One pattern, filled."""
        filled = re.sub(r"\{(\w+)\}", lambda slot: self._fill(slot.group(1)), self._next(patterns))
        return _SENTENCE_START.sub(lambda found: found.group(1) + found.group(2).upper(), filled)

    def _fill(self, slot: str) -> str:
        if slot in self._fillings:
            return self._next(self._fillings[slot])
        text = str(self._facts["slots"][slot])
        if slot == "place":
            text, self._placed = (_ARTICLE.sub("the ", text) if self._placed else text), True
        return text

    def _next(self, options: tuple[str, ...]) -> str:
        bag = self._bags.setdefault(id(options), [])
        if not bag:
            bag.extend(options)
            self._random.shuffle(bag)
        return bag.pop()


def _join(paragraphs: list[str]) -> str:
    return "\n\n".join(paragraphs)


def _review(criteria: list[str]) -> str:
    """Nothing is judged: a program that cannot read must not say yes."""
    verdict = {"verdict": "not_applicable", "evidence": "the offline model cannot read"}
    return f"<review>{json.dumps(dict.fromkeys(criteria, verdict))}</review>"
