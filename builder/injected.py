"""Words of a prompt that was given to a model and stripped: finding runs of them in a text."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

RUN = 8
"""This many consecutive words of an injected prompt are a leak; of a shorter prompt, the whole."""

# An ideograph, a kana or a Hangul syllable counts as a word: these scripts put no space between words.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)


class InjectedScan:
    """Looks for runs of injected words, whatever their case, punctuation, breaks or invisible characters."""

    def __init__(self, injected: Sequence[str]) -> None:
        self._runs: dict[int, set[tuple[str, ...]]] = {}
        for prompt in injected:
            words = _words(prompt)
            length = min(RUN, len(words))
            if length:
                self._runs.setdefault(length, set()).update(_windows(words, length))

    def __bool__(self) -> bool:
        return bool(self._runs)

    def find(self, text: str) -> str | None:
        """The words of the first injected run in a text, or None."""
        if not self._runs:
            return None
        words = _words(text)
        for length, runs in self._runs.items():
            found = next((window for window in _windows(words, length) if window in runs), None)
            if found:
                return " ".join(found)
        return None


def _words(text: str) -> list[str]:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return _WORD.findall(text.casefold())


def _windows(words: list[str], length: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(length)), strict=False)
