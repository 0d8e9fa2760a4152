"""The instrument: one chunker and one embedder, so that everything compared was read in the same way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from builder.hashing import content_id
from builder.measure.embed import Embedder
from builder.measure.language import Reading, reading
from builder.measure.passages import Chunker, Passage

UNREADABLE_SHARE = 0.1
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class PassageSet:
    """Texts as passages. `vectors` is float32 [passages, d] with unit rows; text i owns rows
    `offsets[i]:offsets[i + 1]`, and `unreadable[i]` names the language of the part of it that was not read.
    """

    passages: tuple[Passage, ...]
    vectors: NDArray[np.float32]
    offsets: NDArray[np.int64]
    unreadable: tuple[str | None, ...]
    words: tuple[int, ...]

    def rows(self, text: int) -> NDArray[np.float32]:
        """The vectors of one text."""
        return self.vectors[self.offsets[text] : self.offsets[text + 1]]

    def of(self, text: int) -> tuple[Passage, ...]:
        """The passages of one text."""
        return self.passages[self.offsets[text] : self.offsets[text + 1]]


class Instrument:
    """Reads texts into passages and vectors. `fingerprint` changes when the embedder or the chunker does."""

    def __init__(self, embedder: Embedder, chunker: Chunker | None = None) -> None:
        self.embedder = embedder
        self.chunker = chunker or Chunker(embedder.count_tokens)
        self.fingerprint = content_id([embedder.fingerprint, self.chunker.fingerprint], 64)

    def read(self, texts: Sequence[str], progress: Progress | None = None) -> PassageSet:
        """Split and embed. Passages in a language that the embedder cannot read are left out and named.

        `progress(done, total)` counts texts: splitting them is the first half, embedding their passages the other.
        """
        watch: Progress = progress or (lambda done, total: None)
        passages: list[Passage] = []
        offsets = [0]
        unreadable: list[str | None] = []
        words: list[int] = []
        seen: dict[str, Reading] = {}
        for done, text in enumerate(texts):
            watch(done // 2, len(texts))
            whole = reading(text)
            readable, foreign = self._readable(text, whole, seen)
            passages += readable
            offsets.append(len(passages))
            unreadable.append(foreign)
            words.append(whole.words)
        vectors = self.embedder.encode(
            [passage.text for passage in passages],
            lambda done, total: watch((total + done) * len(texts) // (2 * max(1, total)), len(texts)),
        )
        watch(len(texts), len(texts))
        return PassageSet(tuple(passages), vectors, np.array(offsets, dtype=np.int64), tuple(unreadable), tuple(words))

    def _readable(self, text: str, whole: Reading, seen: dict[str, Reading]) -> tuple[list[Passage], str | None]:
        """The passages to embed, and the language of the rest; `seen` holds the readings of passages met before."""
        if not text.strip():
            return [], None
        split = self.chunker.split(text)
        if len(split) == 1:
            return (split, None) if whole.english else ([], whole.language)
        for passage in split:
            if passage.text not in seen:
                seen[passage.text] = reading(passage.text)
        read = [(passage, seen[passage.text]) for passage in split]
        lost = sum(found.words for _, found in read if not found.english)
        everything = sum(found.words for _, found in read)
        if lost <= UNREADABLE_SHARE * everything:
            return split, None
        foreign = max((found for _, found in read if not found.english), key=lambda found: found.words).language
        return [passage for passage, found in read if found.english], foreign
