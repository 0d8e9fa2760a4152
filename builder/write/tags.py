"""The tags that a reply is read by. What cannot be read is `Unparsed` with a reason, never a guess or a crash."""

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^```[a-z]*[^\S\n]*\n(.*?)\n```\s*$", re.DOTALL)
_BROKEN = re.compile("[\0\ud800-\udfff]")
TAG = re.compile(
    r"</?(idea|document|dialogue|user|assistant|system|problems|review|title|keep|answer|judgement)\b[^<>]*/?>",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A reply that could not be read, and why."""

    reason: str


def only(reply: str, tag: str, *, nested: bool = False) -> str | Unparsed:
    """The content of the one `<tag>` in a reply, without code fences and surrounding space."""
    broken = unreadable(reply)
    if broken:
        return broken
    opened, closed = reply.count(f"<{tag}>"), reply.count(f"</{tag}>")
    if opened == 0:
        return Unparsed(f"the reply has no <{tag}>")
    if opened > 1 or closed > 1:
        return Unparsed(f"the reply has more than one <{tag}>")
    if closed == 0:
        return Unparsed(f"the <{tag}> is not finished")
    content = first(reply, tag)
    if not content:
        return Unparsed(f"the <{tag}> is empty")
    if not nested and TAG.search(content):
        return Unparsed(f"the <{tag}> holds a tag of its own")
    return content


def unreadable(reply: str) -> Unparsed | None:
    """What keeps a reply from being read at all, whatever it should hold."""
    if _BROKEN.search(reply):
        return Unparsed("the reply holds broken characters")
    return None if reply.strip() else Unparsed("the reply is empty")


def first(reply: str, tag: str) -> str | None:
    """The content of the first `<tag>`, or None where there is none."""
    start, end = reply.find(f"<{tag}>"), reply.find(f"</{tag}>")
    return unfenced(reply[start + len(tag) + 2 : end]) if 0 <= start < end else None


def unfenced(text: str) -> str:
    """A text without the code fence around the whole of it."""
    text = text.strip()
    fenced = _FENCE.match(text)
    return fenced.group(1).strip() if fenced else text


def problems(reply: str) -> str | None:
    """What a rewrite says was wrong, or None where it says nothing."""
    return first(reply, "problems")


def keeps(reply: str) -> bool:
    """Whether a rewrite keeps what it was given."""
    after = reply.split("</problems>", 1)[-1]
    return re.fullmatch(r"\s*(<keep\s*/>|<keep>\s*</keep>)\s*", after) is not None
