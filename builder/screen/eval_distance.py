"""Eval distance of documents: the lexical and the semantic view of one eval, and the classes they support.

The lexical view is exact and decides class 0. The semantic view compares best passage pairs with a measured
background of unrelated text, corrected for length; alone it can only make a suspect, and together with lexical
evidence (two independent views) it makes class 1. An isomorph (class 2) takes the structural view, which this
version does not have, and the rows say so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from builder.hashing import content_id
from builder.measure import Background, LexicalIndex, LexicalMatch, best_pairs
from builder.measure.instrument import UNREADABLE_SHARE, Instrument, PassageSet, Progress
from builder.records import Eval
from builder.screen.rows import DistanceRow, Nearest, NotRun

THEME_PERCENTILE = 0.95
BAND = 1e-5
# A part of an item's id that begins with this word marks a control item; `controlled-burn` is none.
_CONTROL = re.compile(r"(^|/)controls?(?![A-Za-z])", re.IGNORECASE)
_COMMON = re.compile(
    r"(data|datasets?|evals?|evaluations?|tests?|train|dev|prompts?|rendered|samples?|questions?|users?|jsonl?|csv|"
    r"items?|scenarios?|examples?)",
    re.IGNORECASE,
)
_ENTITIES = 3
_COVERAGE = 0.02
_STRUCTURAL = NotRun("structural", "this version reads no slots, so class 2 is not measured")
_NAMELESS = NotRun("eval_discussion", "the eval's name is too common to look for")
_JUDGE = NotRun("judge", "no language model is configured for it")


@dataclass(frozen=True, slots=True)
class _Reference:
    item: str
    message: int
    role: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _Semantic:
    score: float
    percentile: float
    nearest: Nearest


class EvalScreen:
    """One eval, read once: its words, its passages, and how near unrelated text comes to it."""

    def __init__(
        self,
        eval_: Eval,
        instrument: Instrument,
        background: Sequence[str],
        *,
        verbatim_words: int = 13,
        suspect_percentile: float = 0.99,
        unrelated: PassageSet | None = None,
        progress: Progress | None = None,
    ) -> None:
        """`background` are texts that have nothing to do with the eval; thresholds below them would mean nothing,
        so the verbatim length and the coverage are raised above what the background reaches. `unrelated` is what
        the instrument read of them, for a caller that opens more than one eval.

        Raises:
            ValueError: if `unrelated` is not of as many texts as `background` has.
        """
        if unrelated is not None and len(unrelated.words) != len(background):
            raise ValueError(f"unrelated holds {len(unrelated.words)} texts, but the background has {len(background)}")
        self.eval, self._instrument = eval_, instrument
        self._suspect_percentile = suspect_percentile
        messages = [(f"{item.id}\x1f{m.index}", m.text) for item in eval_.items for m in item.messages]
        self._roles = {f"{item.id}\x1f{m.index}": m.role for item in eval_.items for m in item.messages}
        self._lexical = LexicalIndex(messages, background)
        chance = [self._lexical.measure(text) for text in background]
        longest = max((match.run_words for match in chance), default=0)
        self.verbatim_words = max(verbatim_words, min(longest + 1, 20))
        self.coverage = max([_COVERAGE, *(match.coverage for match in chance)])
        self._control = frozenset(item.id for item in eval_.items if _CONTROL.search(item.id))
        self._references, self._unread, self._mostly_unread = self._read_references(messages, progress)
        unrelated = unrelated or instrument.read(background)
        self._background = Background(self._best(unrelated), unrelated.offsets)
        self._named = _own_name(eval_.name)
        self.fingerprint = content_id(
            [eval_.fingerprint, instrument.fingerprint, content_id(list(background)), sorted(self._control)], 64
        )

    def thresholds(self) -> dict[str, float]:
        """The thresholds in force, with how they came about: for the manifest and the reports."""
        lexical = {"verbatim_words": self.verbatim_words, "background_coverage": round(self.coverage, 4)}
        if not self._references:
            return lexical
        return {
            **lexical,
            "suspect_percentile": self._suspect_percentile,
            "suspect_cosine_1_passage": round(float(self._background.threshold(self._suspect_percentile, 1)), 4),
            "suspect_cosine_20_passages": round(float(self._background.threshold(self._suspect_percentile, 20)), 4),
        }

    def measure(
        self,
        ids: Sequence[str],
        texts: Sequence[str],
        read: PassageSet | None = None,
        progress: Progress | None = None,
    ) -> list[DistanceRow]:
        """One row per text, in order. `read` saves reading texts again that the instrument has read;
        `progress(done, total)` counts the texts that were matched word by word.
        """
        read = read or self._instrument.read(texts)
        rows: list[DistanceRow] = []
        for id_, text, semantic in zip(ids, texts, self._semantic(read), strict=True):
            rows.append(self._row(id_, text, semantic, read, len(rows)))
            if progress:
                progress(len(rows), len(texts))
        return rows

    def _row(self, id_: str, text: str, semantic: _Semantic | None, read: PassageSet, index: int) -> DistanceRow:
        lexical = self._lexical.measure(text)
        not_run = self._not_run(text, read, index)
        judged = not any(view.view == "semantic" for view in not_run)
        near = semantic is not None and semantic.percentile >= self._suspect_percentile
        verbatim = lexical.run_words >= self.verbatim_words
        evidence = lexical.coverage > self.coverage or len(lexical.entities) >= _ENTITIES
        text_class = 0 if verbatim else 1 if near and evidence else None
        theme = semantic is not None and semantic.percentile >= THEME_PERCENTILE
        scenario_class = (3 if theme else 4) if judged else None
        classes = [found for found in (text_class, scenario_class) if found is not None]
        measured = judged or text_class == 0
        return DistanceRow(
            id=id_,
            eval=self.eval.name,
            status="measured" if measured else "unjudged",
            class_=min(classes) if measured and classes else None,
            text_class=text_class,
            scenario_class=scenario_class,
            suspect=text_class is None and (near or len(lexical.entities) >= _ENTITIES),
            conduct=None,
            eval_discussion=self._named is not None and self._named.search(text) is not None,
            closeness=_closeness(lexical, semantic, self.verbatim_words),
            decided_by=_decided_by(text_class, near, evidence, measured),
            lexical=_lexical_json(lexical),
            semantic=_semantic_json(semantic),
            structural=None,
            judge=None,
            nearest=self._nearest(lexical, semantic, text),
            not_run=tuple(not_run),
        )

    def _not_run(self, text: str, read: PassageSet, index: int) -> list[NotRun]:
        found = [_STRUCTURAL, _JUDGE]
        if not text.strip():
            found.insert(0, NotRun("semantic", "empty"))
        elif self._unread and self._mostly_unread:
            found.insert(0, self._unread)
        elif read.unreadable[index]:
            found.insert(0, NotRun("semantic", f"language: {read.unreadable[index]}"))
        elif self._unread:
            found.append(replace(self._unread, view="semantic, in part"))
        if self._named is None:
            found.append(_NAMELESS)
        return found

    def _read_references(
        self, messages: list[tuple[str, str]], progress: Progress | None
    ) -> tuple[list[_Reference], NotRun | None, bool]:
        """Every different passage of the eval once, with its first place; what of the eval could not be read, and
        whether that is so much that nothing can be said. Control items, which hold no dilemma, count lexically only.
        """
        messages = [(key, text) for key, text in messages if key.split("\x1f")[0] not in self._control]
        read = self._instrument.read([text for _, text in messages], progress)
        first: dict[str, int] = {}
        references: list[_Reference] = []
        for index, (key, _) in enumerate(messages):
            item, message = key.split("\x1f")
            for row, passage in zip(range(read.offsets[index], read.offsets[index + 1]), read.of(index), strict=True):
                if passage.text not in first:
                    first[passage.text] = row
                    references.append(
                        _Reference(item, int(message), self._roles[key], passage.start, passage.end, passage.text)
                    )
        self._vectors = read.vectors[list(first.values())]
        foreign = [index for index, language in enumerate(read.unreadable) if language]
        if not foreign:
            return references, None if references else NotRun("semantic", "the eval holds nothing to compare"), True
        languages = ", ".join(sorted({str(read.unreadable[index]) for index in foreign}))
        unread = NotRun("semantic", f"language: {len(foreign)} of {len(messages)} eval messages are in {languages}")
        lost = sum(read.words[index] for index in foreign)
        return references, unread, not references or lost > UNREADABLE_SHARE * sum(read.words)

    def _best(self, read: PassageSet) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
        """The best cosine of every passage against the eval."""
        if not self._references or not len(read.vectors):
            return np.zeros(0)
        each = np.arange(len(read.vectors) + 1, dtype=np.int64)
        return best_pairs(read.vectors, each, self._vectors)[0]

    def _semantic(self, read: PassageSet) -> list[_Semantic | None]:
        counts = np.diff(read.offsets)
        filled = np.flatnonzero(counts)
        found: list[_Semantic | None] = [None] * len(counts)
        if not self._references or not len(filled):
            return found
        offsets = np.append(read.offsets[:-1][filled], read.offsets[-1])
        scores, passages, references = best_pairs(read.vectors, offsets, self._vectors)
        for text, score, passage, reference in zip(filled, scores, passages, references, strict=True):
            own, other = read.passages[int(passage)], self._references[int(reference)]
            sure = self._sure(float(score), int(counts[text]), own.text, other.text)
            percentile = self._background.percentile(sure, int(counts[text]))
            nearest = Nearest(
                other.item,
                other.message,
                other.role,
                other.text,
                own.text,
                (own.start, own.end, other.start, other.end),
                round(sure, 4),
            )
            found[int(text)] = _Semantic(sure, float(percentile), nearest)
        return found

    def _sure(self, score: float, passages: int, own: str, other: str) -> float:
        """The score, from float64 embeddings where fp32 cannot tell on which side of a threshold it lies."""
        levels = (self._suspect_percentile, THEME_PERCENTILE)
        if all(abs(score - self._background.threshold(level, passages)) >= BAND for level in levels):
            return score
        a, b = self._instrument.embedder.encode64([own, other])
        return float(a @ b)

    def _nearest(self, lexical: LexicalMatch, semantic: _Semantic | None, text: str) -> Nearest | None:
        """The verbatim run where there is one, else the best passage pair, else whatever run was found."""
        if semantic is not None and lexical.run_words < self.verbatim_words:
            return semantic.nearest
        if not lexical.run_words or lexical.key is None:
            return semantic.nearest if semantic else None
        item, message = lexical.key.split("\x1f")
        own = text[lexical.start : lexical.end]
        offsets = (lexical.start, lexical.end, lexical.item_start, lexical.item_end)
        quoted = self._message_text(item, int(message))[lexical.item_start : lexical.item_end]
        return Nearest(item, int(message), self._roles[lexical.key], quoted, own, offsets, None)

    def _message_text(self, item: str, message: int) -> str:
        return next(m.text for i in self.eval.items if i.id == item for m in i.messages if m.index == message)


def _closeness(lexical: LexicalMatch, semantic: _Semantic | None, verbatim_words: int) -> float:
    """A rank in [0, 1] that rises with either view."""
    run = min(1.0, lexical.run_words / verbatim_words)
    near = max(0.0, semantic.score) if semantic else 0.0
    return round(1 - (1 - max(run, lexical.score) * 0.999) * (1 - near * 0.999), 4)


def _decided_by(text_class: int | None, near: bool, evidence: bool, measured: bool) -> str:
    if text_class == 0:
        return "lexical"
    if text_class == 1:
        return "lexical+semantic"
    if not measured:
        return "nothing"
    return "semantic" if near or not evidence else "lexical"


def _lexical_json(match: LexicalMatch) -> dict[str, object]:
    return {
        "score": round(match.score, 4),
        "run_words": match.run_words,
        "coverage": round(match.coverage, 4),
        "entities": list(match.entities),
    }


def _semantic_json(semantic: _Semantic | None) -> dict[str, float] | None:
    if semantic is None:
        return None
    return {"score": round(semantic.score, 4), "background_percentile": round(semantic.percentile, 4)}


def _own_name(name: str) -> re.Pattern[str] | None:
    """A pattern for the eval's own name, where it has one that is more than a common word."""
    parts = [[w for w in re.findall(r"[A-Za-z]{2,}", part) if not _COMMON.fullmatch(w)] for part in name.split("/")]
    words = max(parts, key=len)
    return re.compile(r"\b" + r"[\s_-]+".join(words) + r"\b", re.IGNORECASE) if len(words) > 1 else None
