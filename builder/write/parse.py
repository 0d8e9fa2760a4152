"""Reading a model's reply. What cannot be read is `Unparsed` with a reason, never a guess and never a crash."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.records import Message, join_messages

_FENCE = re.compile(r"^```[a-z]*\s*\n(.*?)\n```\s*$", re.DOTALL)
_TAG = re.compile(
    r"</?(idea|document|dialogue|user|assistant|system|problems|review|title|keep)\b[^<>]*/?>", re.IGNORECASE
)
_TURN = re.compile(r"<(system|user|assistant)>(.*?)</\1>", re.DOTALL)
_VERDICTS = frozenset({"yes", "no", "not_applicable"})
_SHORTEST_IDEA, _LONGEST_IDEA = 15, 400
_SHORTEST_TEXT = 40


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A reply that could not be read, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Content:
    """The finished or unfinished body of a document, with its title and, in a rewrite, the problems listed."""

    text: str | None = None
    messages: tuple[Message, ...] = ()
    title: str | None = None
    problems: str | None = None
    kept: bool = False

    @property
    def body(self) -> str:
        """The body as one text, as the screens read it."""
        return self.text if self.text is not None else join_messages(self.messages)

    @property
    def tagged(self) -> str:
        """The body as a rewrite or review prompt shows it: dialogues with their turns in tags."""
        if self.text is not None:
            return self.text
        return "\n\n".join(f"<{m.role}>{m.content}</{m.role}>" for m in self.messages)


@dataclass(frozen=True, slots=True)
class Review:
    """A review's verdicts with their evidence, by criterion: `(verdict, evidence)`."""

    verdicts: Mapping[str, tuple[str, str]]

    @property
    def failed(self) -> tuple[str, ...]:
        """The criteria that were answered no."""
        return tuple(name for name, (verdict, _) in self.verdicts.items() if verdict == "no")

    @property
    def judged(self) -> int:
        """How many criteria were answered yes or no."""
        return sum(verdict != "not_applicable" for verdict, _ in self.verdicts.values())


def parse_idea(reply: str) -> str | Unparsed:
    """The idea's one paragraph."""
    idea = _only(reply, "idea")
    if isinstance(idea, Unparsed):
        return idea
    words = len(idea.split())
    if not _SHORTEST_IDEA <= words <= _LONGEST_IDEA:
        return Unparsed(f"the idea has {words} words")
    return " ".join(idea.split())


def parse_document(reply: str) -> Content | Unparsed:
    """A text family's draft or rewrite."""
    problems = _problems(reply)
    if problems is not None and _keeps(reply):
        return Content(problems=problems, kept=True)
    text = _only(reply, "document")
    if isinstance(text, Unparsed):
        return text
    if len(text.split()) < _SHORTEST_TEXT:
        return Unparsed(f"the document has {len(text.split())} words")
    title = _first(reply.split("<document>")[0], "title")
    return Content(text=text, title=title, problems=problems)


def parse_dialogue(reply: str) -> Content | Unparsed:
    """An advice draft or rewrite: optional system prompt, then user and assistant in turn, ending with assistant."""
    problems = _problems(reply)
    if problems is not None and _keeps(reply):
        return Content(problems=problems, kept=True)
    inside = _only(reply, "dialogue", nested=True)
    if isinstance(inside, Unparsed):
        return inside
    if _TURN.sub("", inside).strip():
        return Unparsed("the dialogue has text outside its turns")
    turns = [(role, _unfenced(content)) for role, content in _TURN.findall(inside)]
    if any(_TAG.search(content) for _, content in turns):
        return Unparsed("a turn holds a tag of its own")
    if any(not content for _, content in turns):
        return Unparsed("a turn is empty")
    spoken = [role for role, _ in turns if role != "system"]
    system_first = all(role != "system" for role, _ in turns[1:])
    if not spoken or not system_first or spoken != ["user", "assistant"] * (len(spoken) // 2):
        return Unparsed("the turns are not user and assistant in alternation")
    messages = tuple(Message(role, content, train=role == "assistant") for role, content in turns)
    return Content(messages=messages, problems=problems)


def parse_review(reply: str, criteria: Sequence[str]) -> Review | Unparsed:
    """A review's JSON; a criterion that is missing or strange makes the whole review unparsed."""
    inside = _only(reply, "review", nested=True)
    if isinstance(inside, Unparsed):
        return inside
    try:
        fields = json.loads(_unfenced(inside))
    except (ValueError, RecursionError):
        return Unparsed("the review is not JSON")
    if not isinstance(fields, dict):
        return Unparsed("the review is not a JSON object")
    verdicts: dict[str, tuple[str, str]] = {}
    for name in criteria:
        answer = fields.get(name)
        verdict = answer.get("verdict") if isinstance(answer, dict) else None
        if not isinstance(verdict, str) or verdict not in _VERDICTS:
            return Unparsed(f"the review does not answer {name!r} with yes, no or not_applicable")
        verdicts[name] = (verdict, str(fields[name].get("evidence", "")))
    return Review(verdicts)


def _only(reply: str, tag: str, *, nested: bool = False) -> str | Unparsed:
    """The content of the one `<tag>` in a reply, without code fences and surrounding space."""
    if any("\ud800" <= character <= "\udfff" for character in reply):
        return Unparsed("the reply holds broken characters")
    opened, closed = reply.count(f"<{tag}>"), reply.count(f"</{tag}>")
    if not reply.strip():
        return Unparsed("the reply is empty")
    if opened == 0:
        return Unparsed(f"the reply has no <{tag}>")
    if opened > 1 or closed > 1:
        return Unparsed(f"the reply has more than one <{tag}>")
    if closed == 0:
        return Unparsed(f"the <{tag}> is not finished")
    content = _first(reply, tag)
    if not content:
        return Unparsed(f"the <{tag}> is empty")
    if not nested and _TAG.search(content):
        return Unparsed(f"the <{tag}> holds a tag of its own")
    return content


def _first(reply: str, tag: str) -> str | None:
    start, end = reply.find(f"<{tag}>"), reply.find(f"</{tag}>")
    return _unfenced(reply[start + len(tag) + 2 : end]) if 0 <= start < end else None


def _unfenced(text: str) -> str:
    text = text.strip()
    fenced = _FENCE.match(text)
    return fenced.group(1).strip() if fenced else text


def _problems(reply: str) -> str | None:
    return _first(reply, "problems")


def _keeps(reply: str) -> bool:
    after = reply.split("</problems>", 1)[-1]
    return re.fullmatch(r"\s*(<keep\s*/>|<keep>\s*</keep>)\s*", after) is not None
