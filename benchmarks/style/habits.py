"""Habits of punctuation and rhetoric as plain regular expressions for English; each says how often a document has it.

Left out as plain English: full stops, commas, colons, hyphens, apostrophes, brackets, single question marks. Kinds of
quotation mark are shown and not bound: a text that quotes has to choose one.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.style.texts import Text, is_ended, paragraphs_of, sentences_of, without_title

_SHORT_SENTENCE = 6  # words
_SHORT_PARAGRAPH = 12  # words
_OFTEN = 0.1  # The share of sentences with And or But in front that is a habit.

Count = Callable[[Text], int]


@dataclass(frozen=True, slots=True)
class Habit:
    """`count` tells how often a document has it, or 0 and 1 where `once`; `bounded` whether a majority breaks the
    bound. Those of the group `answer` are for dialogues only.
    """

    name: str
    group: str
    count: Count
    once: bool = False
    bounded: bool = True


def _found(pattern: str, flags: re.RegexFlag = re.IGNORECASE) -> Count:
    compiled = re.compile(pattern, flags | re.MULTILINE)
    return lambda text: sum(1 for _ in compiled.finditer(text.prose))


def _phrase(words: str) -> Count:
    return _found(rf"\b{words}\b")


# Denial. "did not know, but" denies a whole clause and is plain English, so a 'not' behind an auxiliary of that kind
# does not count, nor does a 'but' that begins a clause of its own.
_AUXILIARIES = (
    "do", "does", "did", "can", "could", "will", "would", "should", "may", "might", "must", "have", "has", "had",
)  # fmt: skip
_CLAUSE_NOT = "".join(rf"(?<!\b{word} not)" for word in _AUXILIARIES)
_NOT_BUT = _found(
    rf"\bnot\b{_CLAUSE_NOT}(?! sure\b)[^.;:!?—\n]{{1,60}}?,? but (?!(?:I|he|she|it|they|we|you|there|that|this)\b)"
)
_IS_NOT = r"(?:(?:is|was|are|were|am|['’]s|['’]re|['’]m) not|(?:is|was|are|were)n['’]t)\b"
_IT_IS = r"(?:it|that|this|they|he|she|these|those|I)(?:['’](?:s|re|m)| is| was| are| were| am)\b(?! not\b)"
_IS_NOT_IT_IS = _found(rf"{_IS_NOT}[^.!?;\n]{{1,90}}(?:[.;:,—–]|--) *{_IT_IS}")
_BEGINS_NOT = _found(r"(?:^|[.!?:] )Not (?:a|an|the|because|that|just|only|as|for|out|to|in|by|with|from)\b", re.NOFLAG)

# "would like a refund", "sounds like a plan": wanting and seeming are no similes.
_BEFORE_LIKE = (
    "would", "['’]d", r"\bI", "you", "we", "they", r"\bto", "look", "looks", "looked", "sound", "sounds", "sounded",
    "seem", "seems", "seemed", "feel", "feels", "felt",
)  # fmt: skip
_NO_SIMILE = "".join(rf"(?<!{word} like)" for word in _BEFORE_LIKE)
_ITEM = r"[\w'’-]+(?: [\w'’-]+){0,3}"
_ENDING_OFFER = re.compile(
    r"\b(?:let me know|happy to|glad to|feel free|reach out|come back|here if you|"
    r"if (?:(?:it|that)(?:['’]s| is|['’]d be| would) )?(?:be )?(?:useful|helpful|help)|"
    r"if you(?:['’]d| would)? (?:like|want|wish|tell|send|share|paste|give)|"
    r"(?:want|would you like) me to|would you like|do you want|shall I|"
    r"I can (?:also |then )?(?:help|draft|write|go through|look at|show|sketch))\b",
    re.IGNORECASE,
)


def _denies(text: Text) -> int:
    return _NOT_BUT(text) + _IS_NOT_IT_IS(text) + _BEGINS_NOT(text)


def _opening_question(text: Text) -> int:
    first = text.spoken[0].text
    opening = sentences_of(without_title(first) or first)[:1]
    return int(bool(opening) and opening[0].rstrip("\"'”’)*_ ").endswith("?"))


def _short_close(text: Text) -> int:
    ended = [sentence for sentence in sentences_of(text.spoken[-1].text) if is_ended(sentence)]
    return int(bool(ended) and len(ended[-1].split()) <= _SHORT_SENTENCE)


def _short_last_paragraph(text: Text) -> int:
    paragraphs = paragraphs_of(text.spoken[-1].text)
    last = sentences_of(paragraphs[-1]) if len(paragraphs) > 1 else []
    return int(len(last) == 1 and is_ended(last[0]) and len(last[0].split()) <= _SHORT_PARAGRAPH)


def _ands_and_buts(text: Text) -> int:
    begun = sum(re.match(r"\W*(?:And|But)\b", sentence) is not None for sentence in text.sentences)
    return int(begun > max(1, _OFTEN * len(text.sentences)))  # One of nine sentences is no habit.


def _opens(pattern: str, sentences: int = 1) -> Count:
    """Whether the first sentences of the first answer show a pattern."""
    compiled = re.compile(pattern, re.IGNORECASE)

    def count(text: Text) -> int:
        opening = " ".join(sentences_of(text.answers[0])[:sentences]) if text.answers else ""
        return int(compiled.search(opening) is not None)

    return count


def _asks_last(text: Text) -> int:
    last = sentences_of(text.answers[-1])[-1:] if text.answers else []
    return int(bool(last) and last[0].rstrip("\"'”’)*_ ").endswith("?"))


def _offers_last(text: Text) -> int:
    last = sentences_of(text.answers[-1])[-1:] if text.answers else []
    return int(bool(last) and _ENDING_OFFER.search(last[0]) is not None)


def _both_quotes(text: Text) -> int:
    return int(_CURLY(text) > 0 and _STRAIGHT(text) > 0)


_CURLY = _found("[“”]|[^\\W\\d_]’[^\\W\\d_]")
_STRAIGHT = _found("\"|[^\\W\\d_]'[^\\W\\d_]")

# Marks that an author may go without for a whole text. An em-dash in all its spellings is one habit.
PUNCTUATION = (
    Habit("em-dash", "punctuation", _found(r"[—―]| – |\w--\w| -- ")),  # The known mark of machine prose.
    Habit("semicolon", "punctuation", _found(";")),  # Many people never write one.
    Habit("ellipsis", "punctuation", _found(r"…|\.\.\.|\. \. \.")),  # A trailing voice.
    Habit("exclamation mark", "punctuation", _found(r"!(?![\[=])")),  # A raised voice.
    Habit("bold", "punctuation", _found(r"\*\*[^*\n]+\*\*|\b__[^_\n]+__\b")),  # Chat layout in prose.
    Habit("heading", "punctuation", _found(r"^#{1,6} +\S")),  # The same.
    Habit("bullets", "punctuation", _found(r"^\s*[-*•] +\S")),  # The same.
    Habit("numbered list", "punctuation", _found(r"^\s*\d{1,2}[.)] +\S")),  # The same.
    Habit("colon, then a list", "punctuation", _found(r":\**\s*\n\s*(?:[-*•]|\d{1,2}[.)]) ")),  # An outline for a text.
    Habit("colon, then a series", "punctuation", _found(rf": {_ITEM}, {_ITEM}(?:, {_ITEM})*,? (?:and|or) ")),
    Habit("curly quotes", "punctuation", _CURLY, bounded=False),
    Habit("straight quotes", "punctuation", _STRAIGHT, bounded=False),
    Habit("both kinds of quotes", "punctuation", _both_quotes, once=True),  # Text pasted from two hands.
)

# Figures that are fine once and a manner in most documents.
RHETORIC = (
    Habit("not X but Y", "rhetoric", _NOT_BUT),
    Habit("it is not X; it is Y", "rhetoric", _IS_NOT_IT_IS),
    Habit("a sentence that begins with Not", "rhetoric", _BEGINS_NOT),  # "Not a rule. A habit."
    Habit("any of these denials", "rhetoric", _denies),  # What readers notice is the figure, whatever its form.
    Habit("triad A, B, and C", "rhetoric", _found(rf"(?<!, )\b{_ITEM}, {_ITEM}, (?:and|or) [\w'’-]+")),
    # Half of these are no triads ("In the end, Ann and Mary"), so the row is told and not bound.
    Habit("triad A, B and C", "rhetoric", _found(r"\b[\w'’-]+, [\w'’-]+ (?:and|or) [\w'’-]+"), bounded=False),
    Habit("opening question", "rhetoric", _opening_question, once=True),
    Habit("last sentence of at most 6 words", "rhetoric", _short_close, once=True),  # The closing punch.
    Habit("last paragraph one short sentence", "rhetoric", _short_last_paragraph, once=True),  # The same, set apart.
    Habit("And/But before a tenth of sentences", "rhetoric", _ands_and_buts, once=True),
    Habit(
        "simile: like a, as if",
        "rhetoric",
        _found(rf"\blike{_NO_SIMILE} an? |\bas (?:if|though)\b"),
    ),
    Habit(
        "a sentence that begins with a hedge",
        "rhetoric",
        _found(
            r"(?:^|[.!?] )(?:Perhaps|Maybe|Probably|Arguably|Admittedly|I (?:think|suppose|suspect|guess)\b|It "
            r"(?:seems|may be|might be)\b|In a sense|To be fair|I would say|I['’]d say|I might be wrong)",
            re.NOFLAG,
        ),
    ),
)

# Words that models reach for. A subject may ask for one of them (honest, in a text on honesty); a majority does not.
_WORDS = (
    "something like", "a kind of", "the kind of", "quietly", "careful(?:ly)?", "honest(?:ly)?", "which is to say",
    "in the end", "for a moment", "for a long moment", "the thing is", "I want to be", "rather than",
)  # fmt: skip
WORDS = tuple(Habit(words.replace("?:", "").replace(")?", ")"), "words", _phrase(words)) for words in _WORDS)

_FEELING = "hard|tough|difficult|painful|rough|awful|stressful|frustrating|exhausting|miserable|lonely|a lot|heavy"
_RESTATES = (
    r"^[\"“„「]|"  # The user's words, quoted.
    r"^(?:So,? (?:you|it)\b|It sounds like|You(?:['’]re| are|['’]ve| have) (?:asking|describing|saying|trying|looking|"
    r"in|facing|weighing|been|got)\b|What you(?:['’]re| are)\b|From what you|If I understand|As I understand|You (?:"
    r"want|say|said|ask|asked|mention|mentioned|describe|described)\b|Your question)"
)

# Formulas of assistants; all are looked for in the first sentence (a refusal in the first two) or the last.
ANSWER = (
    Habit("answer opens: restates", "answer", _opens(_RESTATES), once=True),
    Habit(
        "answer opens: sympathy",
        "answer",
        _opens(
            rf"\b(?:sorry|I (?:can )?(?:hear|understand|imagine)|(?:that|this|it)(?:['’]s| is| sounds| must be)"
            rf"(?: an?)?(?: really| very| genuinely| truly| so)? (?:{_FEELING}))\b"
        ),
        once=True,
    ),
    Habit(
        "answer opens: praise",
        "answer",
        _opens(
            r"\b(?:(?:great|good|excellent|fair|thoughtful|interesting|important|sound|smart|sharp|right) (?:question|"
            r"point|instincts?|idea|call|move)|congratulations|well done|I(?:['’]m| am) glad|thank you for|thanks for|"
            r"I appreciate|(?:good|well) (?:on|for) you|(?:you(?:['’]re| are) )right to)\b"
        ),
        once=True,
    ),
    Habit(
        "answer opens: verdict",
        "answer",
        _opens(
            r"^(?:Yes|No|Yeah|Nope|(?:The )?short (?:answer|version)|Don['’]t|Do not|I['’]d|I would(?:n['’]t)?|You (?:"
            r"should(?:n['’]t)?|can(?:['’]t|not)?)|"
            r"Your (?:\w+ ){1,3}(?:is|are) (?:\w+ ){0,2}(?:right|wrong)|"
            r"My (?:view|answer|advice|recommendation|honest))\b"
        ),
        once=True,
    ),
    Habit(
        "answer opens: refusal formula",
        "answer",
        _opens(
            r"\bI(?:['’]m| am) (?:unable|not (?:able|willing|going|comfortable))\b|\bI (?:can['’]t|cannot|can not|"
            r"won['’]t|will not|must decline)\b|\bas an AI\b|\bI(?:['’]d| would) rather not\b",
            sentences=2,
        ),
        once=True,
    ),
    Habit("answer ends in a question", "answer", _asks_last, once=True),
    Habit("answer ends in an offer", "answer", _offers_last, once=True),
)

HABITS = (*PUNCTUATION, *RHETORIC, *WORDS, *ANSWER)
