"""Telling sentences from labels and settings, and sentences that ask something from those that do not."""

import re

_WORDS = 4
_ENDS = ".,;:!?()[]\"'“”‘’«»"
# Scripts that set no spaces between words; about two letters of them carry what a word does.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_ASKS = re.compile(
    r"\b(?:should(?:n[’']t)?|must|ought|shall|never|always|may not|cannot|(?:do|does|will|would) not|don[’']t|won[’']t"
    r"|refuses?|avoids?|aims? to|tr(?:y|ies) to|we (?:want|hope|expect|value|care|believe)|it is important)\b"
    r"|^(?:the |our |your |an? )?(?:ai|assistant|model|chatbot|agent)s?\b"
    r"|^(?:please )?(?:be|do|act|admit|acknowledge|aim|answer|ask|care|choose|consider|decline|defer|disclose|ensure"
    r"|explain|favou?r|follow|give|help|honou?r|keep|leave|let|listen|look after|maintain|make sure|obey|prefer"
    r"|prioriti[sz]e|promote|protect|provide|put|question|refuse|remain|report|respect|respond|say|seek|serve|share|show|speak|stay"
    r"|strive|support|take care|tell|treat|use|value|work)\b",
    re.IGNORECASE,
)


def words_in(text: str) -> int:
    """How many words a text has, counting two letters as one in scripts that set no spaces."""
    return len(text.split()) + len(_UNSPACED.findall(text)) // 2


def is_unspaced(character: str) -> bool:
    """Whether a character is of a script that sets no spaces between words."""
    return _UNSPACED.match(character) is not None


def is_prose(text: str) -> bool:
    """Whether a text is four words or more, most of them of letters alone."""
    tokens = text.split()
    bare = [token.strip(_ENDS).replace("’", "").replace("'", "").replace("-", "") for token in tokens]
    plain = sum(token.isalpha() or _UNSPACED.search(token) is not None for token in bare)
    return words_in(text) >= _WORDS and plain / len(tokens) >= 0.7


def asks(text: str) -> bool:
    """Whether a text asks something of somebody, as far as English words show it."""
    return _ASKS.search(text.strip()) is not None


def is_english(text: str) -> bool:
    """Whether a text is in the letters that English has, so that `asks` may be believed."""
    letters = [one for one in text if one.isalpha()]
    return sum(one.isascii() for one in letters) > 0.95 * len(letters)
