"""The four stages as requests: idea, draft, rewrite, review. What a prompt may say is gathered here."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from builder.constitution import Constitution
from builder.model.protocol import Request
from builder.plan import Brief
from builder.write.families import FAMILIES
from builder.write.parse import Content
from builder.write.prompts import Prompts

STAGES = ("idea", "draft", "rewrite", "review")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z“\"])")
_MARKUP = re.compile(r"^[\s>*#-]+|\[([^\]]*)\]\([^)]*\)|[*_`]{1,3}", re.MULTILINE)


class Writer:
    """Turns briefs into requests under one constitution; `models` names the model of each stage."""

    def __init__(self, constitution: Constitution, prompts: Prompts, models: Mapping[str, str]) -> None:
        self._constitution, self._prompts, self._models = constitution, prompts, models
        self._whole, self._charter = constitution.text(), constitution.charter()
        self._systems: dict[str, str] = {}

    def prove(self, briefs: Sequence[Brief]) -> None:
        """Render every prompt of every family once, so that a mistake in one shows before anything is spent.

        Raises:
            InputError: naming the prompt and what is wrong with it.
        """
        first = {brief.family: brief for brief in reversed(briefs)}
        for brief in first.values():
            self.idea(brief, 1, ["an idea"], "a reason")
            self.draft(brief, "an idea")
            self.rewrite(brief, Content(text="a draft"))
            self.review(brief, Content(text="a document"))

    def idea(self, brief: Brief, attempt: int, avoid: Sequence[str], because: str | None) -> Request:
        """Ask for a brief's scenario. `avoid` and `because` were settled before this round."""
        return self._request("idea", brief, attempt, 700, avoid=list(avoid), rejected_because=because)

    def draft(self, brief: Brief, idea: str) -> Request:
        """Ask for the document of an idea."""
        return self._request("draft", brief, 0, brief.words * 2 + 800, idea=idea)

    def rewrite(self, brief: Brief, draft: Content) -> Request:
        """Ask a fresh context to list a draft's problems and write it again, or keep it."""
        return self._request("rewrite", brief, 0, brief.words * 2 + 1500, draft=draft.tagged)

    def review(self, brief: Brief, content: Content) -> Request:
        """Ask for a verdict on each criterion of the finished document."""
        return self._request("review", brief, 0, 2500, document=content.tagged)

    def _request(self, stage: str, brief: Brief, attempt: int, max_tokens: int, **own: object) -> Request:
        variables = {**self._variables(stage, brief), **own}
        system, user = self._prompts.render(brief.family, stage, variables)
        system = self._systems.setdefault(system, system)  # one string for the thousands of requests that share it
        template = (f"{brief.family}/{stage}.md", self._prompts.sha256(brief.family, stage))
        facts = self._facts(brief)
        return Request(stage, brief.id, attempt, self._models[stage], system, user, max_tokens, facts, template)

    def _variables(self, stage: str, brief: Brief) -> dict[str, Any]:
        principle = self._constitution.principle(brief.principle)
        second = self._constitution.principle(brief.second) if brief.second else None
        tension = next((t for t in principle.tensions if t.with_ == brief.second), None)
        character = self._constitution.character
        titles = self._constitution.titles
        relevant = [principle, second] if second else [principle]
        return {
            "character": character.name,
            "developer": character.developer,
            "constitution_text": self._whole,
            "charter_text": self._charter,
            "relevant_text": "\n\n".join(p.text(titles) for p in relevant),
            "family": brief.family,
            "stage": stage,
            "principle": principle,
            "second": second,
            "resolution": tension.resolution if tension else None,
            "situation": brief.situation,
            "axes": brief.axes,
            "option": brief.options,
            "names": list(brief.names),
            "ai_name": brief.ai_name,
            "words": brief.words,
            "avoid": [],
            "rejected_because": None,
        }

    def _facts(self, brief: Brief) -> dict[str, Any]:
        """What the offline model composes from; never sent to a language model."""
        principle = self._constitution.principle(brief.principle)
        people = [*brief.names, "the neighbour", "the clerk", "the driver"]
        return {
            "family": brief.family,
            "words": brief.words,
            "options": brief.options,
            "axes": brief.axes,
            "criteria": list(FAMILIES[brief.family].criteria),
            "dialogue": FAMILIES[brief.family].dialogue,
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
