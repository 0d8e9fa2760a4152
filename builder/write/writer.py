"""The writer: from briefs to requests. What a prompt may say is gathered here, and nowhere else."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from builder.constitution import Constitution
from builder.hashing import content_id
from builder.injected import InjectedScan
from builder.model.protocol import Request
from builder.plan import Brief
from builder.write.prompts import Prompts

STAGES = ("idea", "draft", "rewrite", "review")
IDEAS_PER_CALL = 4
STAGE_OF = {
    **{stage: stage for stage in STAGES},
    **{"prompt": "draft", "trial": "draft", "revise": "rewrite", "answer": "draft", "follow_up": "draft"},
    "judge": "review",
}
"""Every call by name, with the stage whose model makes it, in the order in which a document meets them."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z“\"])")
_MARKUP = re.compile(r"^[\s>*#-]+|\[([^\]]*)\]\([^)]*\)|[*_`]{1,3}", re.MULTILINE)
_IDEA_TOKENS = 500  # for each idea of a call
_INJECTED = ("advice", "answer", "values")  # the family, the prompt and its block that are stripped

Turns = tuple[tuple[str, str], ...]


class Writer:
    """Turns briefs into requests under one constitution; `models` names the model of each stage."""

    def __init__(self, constitution: Constitution, prompts: Prompts, models: Mapping[str, str]) -> None:
        self._constitution, self._prompts, self._models = constitution, prompts, models
        self._whole, self._charter = constitution.text(), constitution.charter()
        self._systems: dict[str, str] = {}
        self._scan: InjectedScan | None = None

    @property
    def planned(self) -> tuple[str, ...]:
        """The ids of the principles that documents may show."""
        return tuple(principle.id for principle in self._constitution.planned)

    def ideas(
        self, briefs: Sequence[Brief], attempt: int, avoid: Sequence[str], because: Mapping[str, str | None]
    ) -> Request:
        """Ask for the ideas of a few briefs of one family. `avoid` and `because` were settled before this round."""
        works = [
            {**self._work(brief), "n": number, "rejected_because": because.get(brief.id)}
            for number, brief in enumerate(briefs, 1)
        ]
        variables = {**self._variables("idea", briefs[0]), "briefs": works, "avoid": list(avoid)}
        facts = {**self._facts(briefs[0]), "briefs": [(brief.id, self._facts(brief)) for brief in briefs]}
        id_ = briefs[0].id if len(briefs) == 1 else content_id([brief.id for brief in briefs])
        system, user = self._prompts.render(briefs[0].family, "idea", variables)
        return self._asked("idea", briefs[0].family, id_, attempt, (system, user), _IDEA_TOKENS * len(briefs), facts)

    def request(
        self,
        name: str,
        brief: Brief,
        max_tokens: int,
        own: Mapping[str, object],
        *,
        attempt: int = 0,
        facts: Mapping[str, Any] | None = None,
        principles: Sequence[str] = (),
    ) -> Request:
        """Ask what a prompt asks of one brief; `own` are the variables that only this prompt has.

        `principles` are those that a judge found to bear on a transcript, where the brief has none.
        """
        variables = {**self._variables(name, brief, principles), **own}
        texts = self._prompts.render(brief.family, name, variables)
        known = {**self._facts(brief), **(facts or {})}
        return self._asked(name, brief.family, brief.id, attempt, texts, max_tokens, known)

    def bare(self, name: str, brief: Brief, system: str, turns: Turns, max_tokens: int) -> Request:
        """Ask for the next turn of a conversation, with nothing but what its user and operator wrote."""
        *earlier, (_, message) = turns
        model = self._models[STAGE_OF[name]]
        facts = self._facts(brief)
        return Request(
            name, brief.id, 0, model, system, message, max_tokens, facts, earlier=tuple(earlier), shared=False
        )

    def under(
        self, name: str, brief: Brief, turns: Turns, max_tokens: int, own: Mapping[str, object], *, attempt: int
    ) -> Request:
        """Ask for the next turn of a conversation under a system prompt that is stripped afterwards."""
        *earlier, (_, message) = turns
        variables = {**self._variables(name, brief), **own, "message": message}
        system, _ = self._prompts.render(brief.family, name, variables)
        facts, template = self._facts(brief), self._template(brief.family, name)
        model = self._models[STAGE_OF[name]]
        return Request(
            *(name, brief.id, attempt, model, system, message, max_tokens, facts, template),
            earlier=tuple(earlier),
            shared=False,
        )

    def injected(self) -> tuple[str, ...]:
        """The standing words of prompts that are stripped, which no document may repeat."""
        family, name, block = _INJECTED
        if not self._prompts.has(family, name):
            return ()
        character = self._constitution.character
        return (
            self._prompts.block(family, name, block, {"character": character.name, "developer": character.developer}),
        )

    def shows_injected(self, text: str) -> bool:
        """Whether a text repeats a run of words of a prompt that is stripped."""
        if self._scan is None:
            self._scan = InjectedScan(self.injected())
        return self._scan.find(text) is not None

    def _asked(
        self,
        name: str,
        family: str,
        id_: str,
        attempt: int,
        texts: tuple[str, str],
        max_tokens: int,
        facts: Mapping[str, Any],
    ) -> Request:
        system = self._systems.setdefault(texts[0], texts[0])  # one string for the thousands of requests that share it
        model, template = self._models[STAGE_OF[name]], self._template(family, name)
        return Request(name, id_, attempt, model, system, texts[1], max_tokens, facts, template)

    def _template(self, family: str, name: str) -> tuple[str, str]:
        return f"{family}/{name}.md", self._prompts.sha256(family, name)

    def _variables(self, name: str, brief: Brief, principles: Sequence[str] = ()) -> dict[str, Any]:
        """What every prompt may say: the constitution, and the brief's work both by itself and as the one of a list."""
        work = self._work(brief)
        relevant = principles or brief.principles
        titles = self._constitution.titles
        character = self._constitution.character
        return {
            "character": character.name,
            "developer": character.developer,
            "constitution_text": self._whole,
            "charter_text": self._charter,
            "relevant_text": "\n\n".join(self._constitution.principle(id_).text(titles) for id_ in relevant),
            "principles": self._constitution.planned,
            "family": brief.family,
            "stage": name,
            **work,
            "briefs": [{**work, "n": 1}],
            "avoid": [],
        }

    def _work(self, brief: Brief) -> dict[str, Any]:
        principle = self._constitution.principle(brief.principle) if brief.principle else None
        tensions = principle.tensions if principle else ()
        tension = next((t for t in tensions if t.with_ == brief.second), None)
        return {
            "principle": principle,
            "second": self._constitution.principle(brief.second) if brief.second else None,
            "resolution": tension.resolution if tension else None,
            "situation": brief.situation,
            "axes": brief.axes,
            "option": brief.options,
            "persona": brief.persona,
            "names": list(brief.names),
            "ai_name": brief.ai_name,
            "words": brief.words,
            "tools": [dict(tool) for tool in brief.tools],
            "rejected_because": None,
        }

    def _facts(self, brief: Brief) -> dict[str, Any]:
        """What the offline model composes from; never sent to a language model."""
        principle = self._constitution.principle(brief.principle or self.planned[0])
        people = [*brief.names, "the neighbour", "the clerk", "the driver"]
        return {
            "family": brief.family,
            "words": brief.words,
            "options": brief.options,
            "axes": brief.axes,
            "principle": principle.id,
            "situations": [brief.situation] if brief.situation else [],
            "why_sentences": _sentences(principle.why) or [_whole(principle.title)],
            "statement_sentences": _sentences(principle.statement) or [_whole(principle.title)],
            "slots": {
                "name": people[0],
                "other": people[1],
                "third": people[2],
                "ai": brief.ai_name or "the assistant",
                "place": brief.axes.get("place", "a small town"),
                "trade": brief.axes.get("trade", "neighbour"),
                "title": principle.title,
                "shape": brief.axes.get("shape", "help fully").rstrip("."),
            },
        }


def _sentences(text: str) -> list[str]:
    """Whole sentences of a sayable length, without Markdown."""
    plain = " ".join(_MARKUP.sub(lambda found: found.group(1) or "", text).split())
    return [s for s in _SENTENCE.split(plain) if 5 <= len(s.split()) <= 45 and s[-1] in '.!?”"' and s[0].isupper()]


def _whole(title: str) -> str:
    return f"The question was one of {title.strip().rstrip('.')}."
