"""The text that answers a request to the test server, and the tokens of that text.

The text depends on the prompts alone. It is put together from the offline model's sentences, so that it parses, differs
from the answers to other prompts, and passes the screens.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from tests.service.asked import Asked, in_bytes
from tests.service.faults import Fault

_DECK = Path(__file__).parents[2] / "stories" / "decks" / "offline.yaml"
# The offline model fills these from the constitution, which a reader of prompts would have to take apart.
_UNFILLED = re.compile(r"\{(why|statement|situation)\}")
_STARTS = re.compile(r"(^|[.!?]['\"”’)]?\s+|\n\s*|[“\"])\{([a-z]+)\}")
_SHAPES = {
    "explanatory": ("opening", "reason", "case", "objection", "turn"),
    "story": ("opening", "trouble", "thought", "act", "closing"),
}
_ASKED = ("user_opening", "user_middle", "user_ask")
_ANSWERED = ("answer_opening", "answer_reason", "answer_step")
_STAGES = (
    ("review", "<review>"),
    ("judge", "<judgement>"),
    ("answered", "<answer>"),
    ("rewrite", "<problems>"),
    ("prompt", "<dialogue>"),
    ("document", "<document>"),
    ("idea", '<idea n="1">'),
    ("follow_up", "<user>the person's next message"),
    ("distill", '<principle>{"statement"'),
)
_PEOPLE = ("the neighbour", "the clerk", "the driver")


def said(asked: Asked, fault: Fault) -> tuple[str, str, int]:
    """The answer's text, why it stopped, and its tokens."""
    text, stopped = answer(asked.system.text, asked.user), "end_turn"
    if fault.kind == "refusal":
        text, stopped = text[: int(fault.value or 0)], "refusal"
    elif fault.kind == "truncated":
        text, stopped = text[: len(text) // 2], "max_tokens"
    elif fault.kind == "empty":
        text = ""
    written, size = in_bytes(text), asked.token_bytes
    if len(written) // size >= asked.max_tokens:
        return written[: size * asked.max_tokens - 1].decode("utf-8", "ignore"), "max_tokens", asked.max_tokens
    return text, stopped, len(written) // size + 1


def answer(system: str, user: str) -> str:
    """The text that answers a prompt; equal prompts have equal answers."""
    stage, form = _stage(system)
    if stage == "review":
        return _review(form, user)
    if stage == "distill":
        return _distilled(user)
    pen = _Pen(user)
    if stage == "judge":
        return f'<judgement>{{"conduct": "good", "evidence": "it helps", "principles": ["{form}"]}}</judgement>'
    if stage == "idea":
        works = re.findall(r'<work n="(\d+)">(.*?)</work>', user, re.DOTALL)
        return "\n".join(f'<idea n="{number}">{_idea(_Pen(work), form)}</idea>' for number, work in works)
    if stage in ("revise", "answered") and pen.draw(2):
        return "<problems>It tells too much.</problems>\n<keep/>"
    if stage == "answered":
        return f"<problems>It gives no reason.</problems>\n<answer>{pen.paragraphs('advice', _ANSWERED)}</answer>"
    if stage in ("prompt", "revise"):
        problems = "<problems>It tells too much.</problems>\n" if stage == "revise" else ""
        return problems + _opening(pen, user)
    if stage == "follow_up":
        return f"<user>{pen.paragraphs('advice', ('followup',))}</user>"
    if stage == "rewrite":
        problems = f"<problems>{pen.write('explanatory', 'objection')}</problems>\n"
        return problems + ("<keep/>" if pen.draw(4) == 0 else _body(pen, form, user, titled=False))
    return _body(pen, form, user, titled=True) if form else pen.paragraphs("explanatory", ("reason", "case"))


def _idea(pen: "_Pen", form: str) -> str:
    return f"{pen.write('idea')} {pen.write(form, 'case' if form == 'explanatory' else 'trouble')}"


@lru_cache(maxsize=256)
def _stage(system: str) -> tuple[str, str]:
    """Which stage a system prompt belongs to, and the family of its texts or, for a review, its criteria."""
    stage = next((name for name, sign in _STAGES if sign in system), "")
    if stage == "review":
        start = system.rfind("\n\n- ", 0, system.rfind("<review>"))
        block = system[start + 2 :].split("\n\n", 1)[0]
        return stage, " ".join(re.findall(r"^- (\w+):", block, re.MULTILINE))
    if stage == "rewrite" and "<dialogue>" in system and "<assistant>" not in system:
        return "revise", ""
    if stage == "judge":
        return stage, re.findall(r"^- (\w+) \(", system, re.MULTILINE)[0]
    if stage in ("rewrite", "document", "idea"):
        dialogue = "<dialogue>" in system
        story = "the whole story" in system or "to think of stories" in system
        return stage, "advice" if dialogue and stage != "idea" else "story" if story else "explanatory"
    return stage, ""


def _body(pen: "_Pen", family: str, user: str, *, titled: bool) -> str:
    if family == "advice":
        return _dialogue(pen, user)
    title = f"<title>{pen.write('objects').capitalize()}</title>\n" if titled and pen.draw(2) else ""
    return f"{title}<document>{pen.paragraphs(family, _SHAPES[family])}</document>"


def _dialogue(pen: "_Pen", user: str) -> str:
    """The turns of a draft with other answers."""
    draft = user.rsplit("<draft>", 1)[-1].split("</draft>")[0]
    turns = []
    for role, text in re.findall(r"<(system|user|assistant)>(.*?)</\1>", draft, re.DOTALL):
        said = pen.paragraphs("advice", _ANSWERED) if role == "assistant" else text
        turns.append(f"<{role}>{said}</{role}>")
    return "<dialogue>\n" + "\n".join(turns) + "\n</dialogue>"


def _opening(pen: "_Pen", user: str) -> str:
    setting = _brief(user).get("System prompt")
    operator = f"<system>{setting}.</system>\n" if setting else ""
    return f"<dialogue>\n{operator}<user>{pen.paragraphs('advice', _ASKED)}</user>\n</dialogue>"


def _review(criteria: str, user: str) -> str:
    """Every criterion answered yes, each with words of the text as evidence."""
    text = user.rsplit("<text>", 1)[-1].split("</text>")[0].rsplit("<transcript>", 1)[-1].split("</transcript>")[0]
    words = re.sub(r"<[^>]*>", " ", text).replace('"', "'").split() or ["none"]
    verdicts = {}
    for number, name in enumerate(criteria.split()):
        start = number * 7 % len(words)
        verdicts[name] = {"verdict": "yes", "evidence": " ".join(words[start : start + 8])}
    return f"<review>{json.dumps(verdicts, ensure_ascii=False)}</review>"


def _distilled(user: str) -> str:
    """A section's own first sentences as its statement and its reasons."""
    section = user.split(">", 1)[-1].split("</section>")[0]
    sentences = [one.strip() for one in re.split(r"(?<=[.!?])\s", section) if len(one.split()) >= 8] or [
        section.strip()
    ]
    fields = {"statement": sentences[0], "why": " ".join(sentences[-2:]), "situations": [], "tensions": []}
    fields |= {"misuse": None, "conflicts": [], "quotes": [*dict.fromkeys([sentences[0], sentences[-1]])]}
    return f"<principle>{json.dumps(fields, ensure_ascii=False)}</principle>"


class _Pen:
    """Fills patterns for one text; the user prompt alone decides which patterns and with what."""

    def __init__(self, user: str) -> None:
        self._random = Random(hashlib.sha256(user.encode("utf-8", "surrogatepass")).digest()).random
        self._parts, self._used = _parts(), set()
        brief = _brief(user)
        names = [name for name in brief.get("Names for people, if they need any", "").split(", ") if name]
        called = brief.get("The AI", brief.get("The assistant", ""))
        slots = dict(zip(("name", "other", "third"), [*names, *_PEOPLE], strict=False))
        slots |= {
            "ai": called[7:].split(";")[0] if called.startswith("called ") else "the assistant",
            "place": brief.get("Place", "a small town"),
            "trade": brief.get("Trade or walk of life", "neighbour"),
            "title": user.split("<principle>", 1)[-1].strip().split("\n", 1)[0][:80],
            "shape": brief.get("Shape of the decision", "help fully"),
        }
        self._slots = slots | {slot.capitalize(): _capital(text) for slot, text in slots.items()}
        self._matters = [self._next(self._parts["matters"]) for _ in range(2)]

    def draw(self, count: int) -> int:
        """A number below `count`."""
        return int(self._random() * count)

    def write(self, *part: str) -> str:
        """A pattern of one part of the deck, filled."""
        patterns: Any = self._parts
        for name in part:
            patterns = patterns[name]
        slots, matter = self._slots, self._matters[self.draw(2)]
        object_, weather = self._next(self._parts["objects"]), self._next(self._parts["weathers"])
        slots["object"], slots["weather"], slots["matter"] = object_, weather, matter
        slots["Object"], slots["Weather"], slots["Matter"] = _capital(object_), _capital(weather), _capital(matter)
        return self._next(patterns).format_map(slots)

    def paragraphs(self, family: str, parts: tuple[str, ...]) -> str:
        """A paragraph for each part."""
        return "\n\n".join([self.write(family, part) for part in parts])

    def _next(self, options: tuple[str, ...]) -> str:
        """One of the options; a few draws look for one that this text has not used yet."""
        for _ in range(8):
            choice = options[int(self._random() * len(options))]
            if choice not in self._used:
                break
        self._used.add(choice)
        return choice


@cache
def _parts() -> Mapping[str, Any]:
    """The offline deck, with slots at the start of a sentence written in capitals."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    deck: dict[str, Any] = yaml.load(_DECK.read_text("utf-8"), loader)["parts"]

    def patterns(lines: list[str]) -> tuple[str, ...]:
        found = [line for line in lines if not _UNFILLED.search(line)]
        return tuple(_STARTS.sub(lambda start: f"{start[1]}{{{start[2].capitalize()}}}", line) for line in found)

    return {
        name: {part: patterns(lines) for part, lines in value.items()} if isinstance(value, dict) else patterns(value)
        for name, value in deck.items()
    }


def _brief(user: str) -> dict[str, str]:
    """The lines of a prompt's brief, by their labels."""
    lines = user[user.find("<brief>") :].split("</brief>", 1)[0].split("\n")
    return dict(line.rstrip(".").split(": ", 1) for line in lines if ": " in line)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
