"""Lint rules about one principle; each yields a key path inside it and a sentence that says what to do."""

import re
from collections.abc import Callable, Iterator, Mapping

from builder.constitution.schema import PLANNED, Kind, Principle
from builder.constitution.words import stems

Found = Iterator[tuple[tuple[str | int, ...], str]]

_LONG_REASON = 60
_NEW_WORDS = 0.4
_APPEAL = re.compile(
    r"^(?:because )?(?:it|this|that|doing so)\s*(?:is|’s|'s|matters)\b"
    r"(?: (?:simply|just|very|so|our|the|a|an|always))* ?"
    r"(?:rules?|polic(?:y|ies)|law|requirement|required|forbidden|not allowed|mandatory|important|right"
    r"|wrong|good|bad|best practice)?\b[^.]{0,20}\.?$"
    r"|^(?:because )?(?:\S+ ){1,3}(?:says?|said|decided|requires?|wants?) (?:so|it|this)\b[^.]{0,20}\.?$",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(
    r"^no\b|\b(?:never|always|must not|may not|cannot|can not|can[’']t|will not|won[’']t|does not|do not"
    r"|don[’']t|refuses?|no matter"
    r"|regardless|under no circumstances|in no case|without exception|whatever|not at all"
    r"|at no time|nobody|no one|none)\b",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:usually|generally|normally|typically|mostly|where (?:possible|appropriate"
    r"|reasonable)|when (?:possible|appropriate)"
    r"|if possible|tr(?:y|ies) (?:not )?to|as far as possible|should consider|by default|ideally"
    r"|in most cases|reasonably|unless)\b",
    re.IGNORECASE,
)
_VIRTUE_WORDS = (
    "good ethical moral virtuous virtue honest honesty kind kindness caring care wise wisdom fair "
    "fairness respectful respect "
    "responsible responsibility integrity compassion compassionate trustworthy trust excellence "
    "noble decent dignity humble humility "
    "courage courageous benevolent beneficial positive values value ethics goodness truth justice "
    "just right helpful safe thoughtful "
    "authentic sincere upright honourable character principles principled better best"
)
_VIRTUES = frozenset(stems(_VIRTUE_WORDS))
_NEUTRAL = frozenset(stems("act acts behave behaves things way ways strive strives embody embodies ai being"))
_VIRTUE_SHARE = 0.45
_CONCRETE = re.compile(
    r"\b(?:when|if|where|whenever|after|before|asks?|asked|tells?|told|for (?:example|instance)"
    r"|such as|e\.g\.|says?|even (?:if|when))\b|\d",
    re.IGNORECASE,
)


def bare_rule(principle: Principle) -> Found:
    """A rule without a reason: the why repeats it, is a few words, or appeals to the rule itself."""
    if principle.kind not in PLANNED:
        return
    why, statement = _bare(principle.why), _bare(principle.statement)
    if why in (statement, _bare(principle.title)):
        yield (
            ("why",),
            f"principle {principle.id!r} gives no reason: its why repeats the rule; say what the rule protects",
        )
    elif len(why.split()) < 5 or _APPEAL.match(principle.why.strip()):
        yield (
            ("why",),
            f"principle {principle.id!r} gives no reason but {principle.why.strip()!r}; say what would be lost",
        )


def reason_restates(principle: Principle) -> Found:
    """A short why that says the statement again in nearly the same words."""
    reason, rule = stems(principle.why), set(stems(f"{principle.title} {principle.statement}"))
    if (
        principle.kind not in PLANNED
        or not reason
        or len(principle.why.split()) > _LONG_REASON
        or any(True for _ in bare_rule(principle))
    ):
        return
    fresh = sum(stem not in rule for stem in reason) / len(reason)
    if fresh < _NEW_WORDS:
        share = f"{1 - fresh:.0%}"
        yield (
            ("why",),
            f"the why of {principle.id!r} restates its rule ({share} of its words are the rule's); add what follows",
        )


def no_situation(principle: Principle) -> Found:
    """A planned principle without a scene to write from."""
    if principle.kind in PLANNED and not principle.situations:
        yield (), f"principle {principle.id!r} has no situations; give two or three scenes where it matters"


def no_tension(principle: Principle) -> Found:
    """A value that pulls against nothing."""
    if principle.kind is Kind.VALUE and not principle.tensions:
        yield (
            (),
            f"value {principle.id!r} has no tensions; name a principle that it pulls against and how that is settled",
        )


def no_misuse(principle: Principle) -> Found:
    """A planned principle that does not say how it could be twisted."""
    if principle.kind in PLANNED and not principle.misuse.strip():
        yield (), f"principle {principle.id!r} has no misuse; say how it could be twisted into a licence"


def virtue_talk(principle: Principle) -> Found:
    """General praise of goodness, with no situation and nothing that could be seen to be done."""
    if principle.kind not in PLANNED or principle.situations or _CONCRETE.search(principle.statement):
        return
    words = [word for word in stems(principle.statement) if word not in _NEUTRAL]
    virtues = [word for word in words if word in _VIRTUES]
    if len(virtues) >= 2 and len(virtues) / len(words) >= _VIRTUE_SHARE:
        yield (
            ("statement",),
            f"the statement of {principle.id!r} speaks of virtue in general; say what is done, and when",
        )


def no_bright_line(principle: Principle) -> Found:
    """A hard constraint that hedges, or that nobody could see being crossed."""
    if principle.kind is not Kind.HARD_CONSTRAINT:
        return
    if not _ABSOLUTE.search(principle.statement):
        yield (
            ("statement",),
            f"hard constraint {principle.id!r} draws no bright line; say what is never (or always) done",
        )
    elif hedge := _HEDGE.search(principle.statement):
        yield (
            ("statement",),
            f"hard constraint {principle.id!r} hedges with {hedge[0]!r}; make it absolute or a value",
        )


def proposed(principle: Principle) -> Found:
    """Fields that a language model proposed and nobody has confirmed."""
    if principle.proposed:
        *most, last = principle.proposed
        named = f"{', '.join(most)} and {last}" if most else last
        yield (
            ("proposed",),
            f"the {named} of {principle.id!r} {'were' if most else 'was'} proposed by a language model; "
            "read against the source, mend, and take out of `proposed` what you confirm",
        )


PRINCIPLE_RULES: Mapping[str, Callable[[Principle], Found]] = {
    "bare_rule": bare_rule,
    "reason_restates": reason_restates,
    "no_situation": no_situation,
    "no_tension": no_tension,
    "no_misuse": no_misuse,
    "virtue_talk": virtue_talk,
    "no_bright_line": no_bright_line,
    "proposed": proposed,
}


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))
