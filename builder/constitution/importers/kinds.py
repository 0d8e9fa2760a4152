"""Proposing a kind from a section's title and words; the text decides only where the title says nothing."""

import re

from builder.constitution.importers.sentences import sentences
from builder.constitution.schema import Kind

_TITLES: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        Kind.HARD_CONSTRAINT,
        re.compile(
            r"\b(hard (?:constraints?|limits?|rules?)|red[- ]lines?|bright[- ]lines?|prohibited"
            r"|never|absolute)\b",
            re.I,
        ),
    ),
    (
        Kind.CONTEXT,
        re.compile(
            r"\b(overview|introduction|preface|preamble|foreword|background|mission|our approach"
            r"|on the (?:word|name|term)|definitions?"
            r"|glossary|acknowledge?ments?|contributors|table of contents|contents|history"
            r"|change ?log|version|about this"
            r"|structure of|concluding|conclusion|final word|afterword|appendix|governance|references)\b",
            re.I,
        ),
    ),
    (
        Kind.OPEN_QUESTION,
        re.compile(
            r"\b(open (?:problems?|questions?)|uncertaint(?:y|ies) about|unresolved|moral status"
            r"|consciousness)\b",
            re.I,
        ),
    ),
    (Kind.OPEN_QUESTION, re.compile(r"(?<!human )\bnature$", re.I)),
    (
        Kind.DISPOSITION,
        re.compile(
            r"\b(well-?being|psychological|stability|resilience|equanimity|emotion\w*|mistakes"
            r"|flaws|identity|existential|novel entity"
            r"|personality|temperament|character traits?|curio(?:us|sity)|warm(?:th)?|humou?r"
            r"|playful\w*|optimis\w+|boundaries)\b",
            re.I,
        ),
    ),
)
_UNCERTAIN = re.compile(
    r"\b(uncertain\w*|moral (?:status|patient\w*)|conscious\w*|sentien\w+|we (?:don[’']t"
    r"|do not) (?:know|fully))\b",
    re.I,
)
_ADDRESSED = re.compile(
    r"\b(should|must|never|always|we want|we(?:’|')d like|avoid|prefer|do not|don[’']t|aims? to|tries to)\b",
    re.I,
)
_ABSOLUTE = re.compile(
    r"\bmust never\b|\bnever\b[^.]{0,300}\b(?:under any circumstances?|regardless)"
    r"|\bunder no circumstances\b|\bhard constraint\b",
    re.I,
)


def propose_kind(path: tuple[str, ...], text: str, statement: str) -> Kind:
    """The kind that a section most likely has; `value` when nothing speaks for another."""
    if any(_TITLES[0][1].search(parent) for parent in path[:-1]):
        return Kind.HARD_CONSTRAINT
    for kind, pattern in _TITLES:
        if pattern.search(path[-1].strip(" .:")):
            return kind
    pieces = sentences(text)
    share = sum(bool(_UNCERTAIN.search(piece)) for piece in pieces) / max(1, len(pieces))
    if share >= 0.25 and len(pieces) >= 4:
        return Kind.OPEN_QUESTION
    if _ABSOLUTE.search(next(iter(sentences(statement)), "")):
        return Kind.HARD_CONSTRAINT
    addressed = any(_ADDRESSED.search(piece) for piece in pieces)
    return Kind.VALUE if addressed or len(pieces) < 4 else Kind.CONTEXT
