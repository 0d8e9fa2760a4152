"""Reading a model's reply: ideas, documents, dialogues and their turns, judgements and reviews."""

import json
import re
from collections.abc import Collection, Sequence
from typing import Any

from builder.records import Message
from builder.write.content import Content, Review
from builder.write.tags import TAG, Unparsed, first, keeps, only, problems, unfenced, unreadable

# A turn holds no tag of a turn, so that looking for its end never goes past the next one.
_TURN = re.compile(r"<(system|user|assistant)>([^<]*+(?:<(?!/?(?:system|user|assistant)>)[^<]*+)*+)</\1>")
_IDEA = re.compile(r"""<idea\s+n=["']?(\d{1,3})["']?\s*>""")
_VERDICTS = frozenset({"yes", "no", "not_applicable"})
_SHORTEST_IDEA, _LONGEST_IDEA = 15, 400
_SHORTEST_TEXT = 40


def parse_ideas(reply: str, count: int) -> list[str | Unparsed]:
    """The ideas of a call, one for each of its `count` briefs: `<idea n="1">` and so on, each read by itself."""
    broken = unreadable(reply)
    if broken:
        return [broken] * count
    if count == 1 and "<idea>" in reply:
        return [_idea(only(reply, "idea"))]
    found: dict[int, list[str]] = {}
    starts = list(_IDEA.finditer(reply))
    for match, after in zip(starts, [*(m.start() for m in starts[1:]), len(reply)], strict=False):
        found.setdefault(int(match.group(1)), []).append(reply[match.end() : after])
    return [_idea(_numbered(found.get(number, []), number)) for number in range(1, count + 1)]


def _numbered(bodies: list[str], number: int) -> str | Unparsed:
    if not bodies:
        return Unparsed(f"the reply has no idea {number}")
    if len(bodies) > 1:
        return Unparsed(f"the reply has more than one idea {number}")
    body, closed, _ = bodies[0].partition("</idea>")
    if not closed:
        return Unparsed(f"idea {number} is not finished")
    return Unparsed(f"idea {number} holds a tag of its own") if TAG.search(body) else unfenced(body)


def _idea(idea: str | Unparsed) -> str | Unparsed:
    if isinstance(idea, Unparsed):
        return idea
    words = len(idea.split())
    if not _SHORTEST_IDEA <= words <= _LONGEST_IDEA:
        return Unparsed(f"the idea has {words} words")
    return " ".join(idea.split())


def parse_document(reply: str) -> Content | Unparsed:
    """A text family's draft or rewrite."""
    found = problems(reply)
    if found is not None and keeps(reply):
        return Content(problems=found, kept=True)
    text = only(reply, "document")
    if isinstance(text, Unparsed):
        return text
    if len(text.split()) < _SHORTEST_TEXT:
        return Unparsed(f"the document has {len(text.split())} words")
    title = first(reply.split("<document>")[0], "title")
    if title and TAG.search(title):
        return Unparsed("the title holds a tag of its own")
    return Content(text=text, title=title, problems=found)


def parse_dialogue(reply: str) -> Content | Unparsed:
    """A whole dialogue: optional system prompt, then user and assistant in turn, ending with assistant."""
    return _dialogue(reply, ("user", "assistant"))


def parse_opening(reply: str) -> Content | Unparsed:
    """How a dialogue opens: an optional system prompt and the person's first message."""
    content = _dialogue(reply, ("user",))
    if isinstance(content, Content) and not content.kept and sum(m.role == "user" for m in content.messages) != 1:
        return Unparsed("the opening has more than one message of the user")
    return content


def _dialogue(reply: str, round_: tuple[str, ...]) -> Content | Unparsed:
    found = problems(reply)
    if found is not None and keeps(reply):
        return Content(problems=found, kept=True)
    inside = only(reply, "dialogue", nested=True)
    if isinstance(inside, Unparsed):
        return inside
    if _TURN.sub("", inside).strip():
        return Unparsed("the dialogue has text outside its turns")
    turns = [(role, unfenced(content)) for role, content in _TURN.findall(inside)]
    if any(TAG.search(content) for _, content in turns):
        return Unparsed("a turn holds a tag of its own")
    if any(not content for _, content in turns):
        return Unparsed("a turn is empty")
    spoken = [role for role, _ in turns if role != "system"]
    system_first = all(role != "system" for role, _ in turns[1:])
    if not spoken or not system_first or spoken != [*round_] * (len(spoken) // len(round_)):
        return Unparsed(f"the turns are not {' and '.join(round_)} in alternation")
    messages = tuple(Message(role, content, train=role == "assistant") for role, content in turns)
    return Content(messages=messages, problems=found)


def parse_turn(reply: str) -> str | Unparsed:
    """The person's next message."""
    return only(reply, "user")


def parse_bare(reply: str) -> str | Unparsed:
    """An answer as a model gives it in a conversation, without tags."""
    broken = unreadable(reply)
    if broken:
        return broken
    return Unparsed("the answer holds a tag of ours") if TAG.search(reply) else reply.strip()


def parse_answer(reply: str) -> tuple[str, str | None] | Unparsed:
    """A rewritten final answer and the problems listed; None for the answer where the draft is kept."""
    found = problems(reply)
    if found is not None and keeps(reply):
        return found, None
    answer = only(reply, "answer")
    return answer if isinstance(answer, Unparsed) else (found or "", answer)


def parse_judgement(reply: str, known: Collection[str]) -> tuple[bool, str, tuple[str, ...]] | Unparsed:
    """Whether a transcript's final answer is good conduct, the evidence, and the known principles that bear on it."""
    fields = _json(reply, "judgement")
    if isinstance(fields, Unparsed):
        return fields
    conduct, principles = fields.get("conduct"), fields.get("principles")
    if not isinstance(conduct, str) or conduct not in ("good", "bad"):
        return Unparsed("the judgement does not call the conduct good or bad")
    if not isinstance(principles, list) or not all(isinstance(id_, str) for id_ in principles):
        return Unparsed("the judgement has no list of principles")
    strange = [id_ for id_ in principles if id_ not in known]
    if strange:
        return Unparsed(f"the judgement names a principle {strange[0][:60]!r} that does not exist")
    return conduct == "good", str(fields.get("evidence", "")), tuple(dict.fromkeys(principles))


def parse_review(reply: str, criteria: Sequence[str]) -> Review | Unparsed:
    """A review's JSON; a criterion that is missing or strange makes the whole review unparsed."""
    fields = _json(reply, "review")
    if isinstance(fields, Unparsed):
        return fields
    verdicts: dict[str, tuple[str, str]] = {}
    for name in criteria:
        answer = fields.get(name)
        verdict = answer.get("verdict") if isinstance(answer, dict) else None
        if not isinstance(verdict, str) or verdict not in _VERDICTS:
            return Unparsed(f"the review does not answer {name!r} with yes, no or not_applicable")
        verdicts[name] = (verdict, str(fields[name].get("evidence", "")))
    return Review(verdicts)


def _json(reply: str, tag: str) -> dict[str, Any] | Unparsed:
    inside = only(reply, tag, nested=True)
    if isinstance(inside, Unparsed):
        return inside
    try:
        fields = json.loads(unfenced(inside))
    except (ValueError, RecursionError):
        return Unparsed(f"the {tag} is not JSON")
    return fields if isinstance(fields, dict) else Unparsed(f"the {tag} is not a JSON object")
