"""Texts as passages: windows of whole sentences, short enough for the embedder and half overlapping."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from builder.errors import InputError
from builder.hashing import content_id

VERSION = "passages-1"
_SPACY_BLOCK = 100_000
_LONGEST_WORD = 64
_CHARACTERS_PER_TOKEN = 32
_BREAK = re.compile(r"\n+|(?<=[。！？｡！？])")
_WORD = re.compile(rf"\S{{1,{_LONGEST_WORD}}}")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a text; `text == whole[start:end]`, in characters, but for half surrogate pairs, each of which
    is U+FFFD in `text`.
    """

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    tokens: int


class Chunker:
    """Packs sentences into windows of at most `size` tokens, special tokens included, each starting about
    `1 - overlap` of a window after the one before. `count_tokens` counts as the embedder does, specials
    included.
    """

    def __init__(
        self, count_tokens: Callable[[Sequence[str]], Sequence[int]], size: int = 128, overlap: float = 0.5
    ) -> None:
        """
        Raises:
            InputError: if no room for words is left in a window, or `overlap` is not in [0, 1).
        """
        self._count = count_tokens
        self._specials = int(count_tokens([""])[0])
        self.size, self.overlap = size, overlap
        self._room = size - self._specials
        if self._room < 8:
            raise InputError(f"a passage of {size} tokens leaves no room for words; use at least {self._specials + 8}")
        if not 0 <= overlap < 1:
            raise InputError(f"the overlap of passages must be at least 0 and below 1, not {overlap}")
        self.fingerprint = content_id([VERSION, size, overlap, _spacy_version()], 64)

    def split(self, text: str) -> list[Passage]:
        """The passages of a text, in order. Every character that is not white space lies in at least one."""
        text = _SURROGATE.sub("\ufffd", text)  # neither spaCy nor a tokenizer takes half a pair
        spans = self._sized(text, list(_sentences(text)))
        windows = list(self._windows(spans))
        counts = self._count([text[a:b] for a, b in windows]) if windows else []
        passages: list[Passage] = []
        for (start, end), count in zip(windows, counts, strict=True):
            fitting = [(start, end)] if count <= self.size else self._halve(text, start, end)
            passages += [Passage(text[a:b], a, b) for a, b in fitting]
        return passages

    def _sized(self, text: str, sentences: list[tuple[int, int]]) -> list[_Span]:
        """Sentences with their token counts; one that exceeds a window becomes pieces of half a window."""
        counts = self._count([text[a:b] for a, b in sentences]) if sentences else []
        spans: list[_Span] = []
        for (start, end), count in zip(sentences, counts, strict=True):
            tokens = self._tokens(count, end - start)
            spans += [_Span(start, end, tokens)] if tokens <= self._room else self._pieces(text, start, end)
        return spans

    def _pieces(self, text: str, start: int, end: int) -> list[_Span]:
        words = list(self._words(text, start, end))
        limit = max(1, self._room // 2)
        pieces: list[_Span] = []
        for word in words:
            last = pieces[-1] if pieces else None
            if last and last.tokens + word.tokens <= limit:
                pieces[-1] = _Span(last.start, word.end, last.tokens + word.tokens)
            else:
                pieces.append(word)
        return pieces

    def _words(self, text: str, start: int, end: int) -> Iterator[_Span]:
        """Words, the long ones cut; what still exceeds half a window is cut into single characters."""
        bounds = [match.span() for match in _WORD.finditer(text, start, end)]
        counts = self._count([text[a:b] for a, b in bounds]) if bounds else []
        for (a, b), count in zip(bounds, counts, strict=True):
            tokens = self._tokens(count, b - a)
            if tokens <= self._room // 2:
                yield _Span(a, b, tokens)
                continue
            each = self._count([text[i] for i in range(a, b)])
            yield from (_Span(a + i, a + i + 1, max(1, n - self._specials)) for i, n in enumerate(each))

    def _tokens(self, count: int, characters: int) -> int:
        """Tokens without the special ones; a long unknown word, which tokenizers count as one, counts by
        its length.
        """
        return max(1, count - self._specials, characters // _CHARACTERS_PER_TOKEN)

    def _windows(self, spans: list[_Span]) -> Iterator[tuple[int, int]]:
        first = 0
        while first < len(spans):
            last, tokens = first, 0
            while last < len(spans) and (last == first or tokens + spans[last].tokens <= self._room):
                tokens += spans[last].tokens
                last += 1
            yield spans[first].start, spans[last - 1].end
            if last == len(spans):
                return
            skipped, goal = 0, tokens * (1 - self.overlap)
            while first < last and skipped < goal:
                skipped += spans[first].tokens
                first += 1

    def _halve(self, text: str, start: int, end: int) -> list[tuple[int, int]]:
        """Cut a window that a tokenizer counts longer as a whole than in parts, until each part fits."""
        if self._count([text[start:end]])[0] <= self.size or end - start < 2:
            return [(start, end)]
        middle = (start + end) // 2
        space = max(text.rfind(" ", start + 1, middle), text.rfind("\n", start + 1, middle))
        cut = space if space > start else middle
        return [
            part
            for a, b in ((start, cut), (cut, end))
            if text[a:b].strip()
            for part in self._halve(text, *_stripped(text, a, b))
        ]


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Sentence spans without surrounding white space, in order; a line break always ends one."""
    nlp = _sentencizer()
    for block_start, block_end in _blocks(text):
        for sentence in nlp(text[block_start:block_end]).sents:
            start, end = block_start + sentence.start_char, block_start + sentence.end_char
            cuts = [start, *(match.end() for match in _BREAK.finditer(text, start, end)), end]
            for a, b in pairwise(cuts):
                if text[a:b].strip():
                    yield _stripped(text, a, b)


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Parts of a text that are small enough for spaCy, cut at line ends, else at spaces, else anywhere."""
    start = 0
    while start < len(text):
        end = min(start + _SPACY_BLOCK, len(text))
        if end < len(text):
            cut = max(text.rfind("\n", start + 1, end), start)
            cut = cut if cut > start else text.rfind(" ", start + 1, end)
            end = cut if cut > start else end
        yield start, end
        start = end


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip()))


@lru_cache(maxsize=1)
def _sentencizer() -> Any:  # noqa: ANN401 - spaCy has no types
    import spacy

    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    nlp.max_length = 2 * _SPACY_BLOCK
    return nlp


def _spacy_version() -> str:
    from importlib.metadata import version

    return ".".join(version("spacy").split(".")[:2])
