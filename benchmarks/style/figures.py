"""All figures of one corpus, and the bounds they are held against."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from benchmarks.style.habits import HABITS, Habit
from benchmarks.style.sameness import (
    Grams,
    Names,
    Share,
    Top,
    answers_openings,
    names,
    openings,
    openings_behind_titles,
    repeated_sentences,
    shared_grams,
)
from benchmarks.style.texts import Text, words_in

OPENING, SENTENCE, GRAMS, NAME, MAJORITY = 0.02, 0.01, 0.01, 0.02, 0.5  # The bounds, as shares.
_LEAST = 2  # Documents: what one document does is no collapse, however small the corpus.


@dataclass(frozen=True, slots=True)
class HabitFigure:
    """The documents with a habit, and its rate in occurrences per 1,000 spoken words (None where it has none)."""

    habit: Habit
    share: Share
    rate: float | None

    @property
    def is_majority(self) -> bool:
        """Whether more than half of the documents have it."""
        return self.share.hits > MAJORITY * self.share.of


@dataclass(frozen=True, slots=True)
class Figures:
    """What one corpus sounds like."""

    name: str
    documents: int
    dialogues: int
    words: int
    tops: dict[str, Top]
    grams: Grams
    names: Names
    habits: tuple[HabitFigure, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound: the figure, the largest share allowed, whether it holds, and what has to be said beside it."""

    name: str
    share: Share
    limit: float
    held: bool
    note: str = ""


def figures_of(name: str, texts: Sequence[Text], characters: Collection[str] = ()) -> Figures:
    """Every figure of a corpus; the `characters`' names are counted apart from others."""
    return Figures(
        name=name,
        documents=len(texts),
        dialogues=sum(text.is_dialogue for text in texts),
        words=words_in(texts),
        tops={
            "opening trigram": openings(texts),
            "opening trigram behind the title": openings_behind_titles(texts),
            "opening trigram of the answer": answers_openings(texts),
            "sentence": repeated_sentences(texts),
        },
        grams=shared_grams(texts),
        names=names(texts, characters),
        habits=tuple(habit_figure(habit, texts) for habit in HABITS),
    )


def habit_figure(habit: Habit, texts: Sequence[Text]) -> HabitFigure:
    """One habit in a corpus; habits of answers are counted among dialogues."""
    asked = [text for text in texts if text.is_dialogue or habit.group != "answer"]
    counts = [habit.count(text) for text in asked]
    words = sum(len(text.prose.split()) for text in asked)
    rate = None if habit.once or not words else 1000 * sum(counts) / words
    return HabitFigure(habit, Share(sum(count > 0 for count in counts), len(asked)), rate)


def bounds_of(figures: Figures, peers: Collection[str] = ()) -> list[Bound]:
    """Every bound on a corpus; `peers` are habits that most documents of all peers have."""
    rows = [
        _in_documents(f"commonest {name}", top.share, SENTENCE if name == "sentence" else OPENING)
        for name, top in figures.tops.items()
        if top.share.of
    ]
    shared = figures.grams.shared
    rows.append(Bound("shared 8-grams", shared, GRAMS, shared.hits <= GRAMS * shared.of, "of different 8-grams"))
    rows.append(_in_documents("commonest name", figures.names.any.share, NAME))
    for figure in figures.habits:
        if figure.habit.bounded and figure.share.of:
            note = "peers' habit" if figure.habit.name in peers else ""
            rows.append(Bound(figure.habit.name, figure.share, MAJORITY, not figure.is_majority, note))
    return rows


def peers_habits(peers: Sequence[Figures]) -> list[str]:
    """Habits that most documents of every one of at least two other corpora have."""
    if len(peers) < 2:
        return []
    majorities = [{f.habit.name for f in figures.habits if f.habit.bounded and f.is_majority} for figures in peers]
    return [habit.name for habit in HABITS if all(habit.name in majority for majority in majorities)]


def _in_documents(name: str, share: Share, limit: float) -> Bound:
    allowed = limit * share.of
    note = "" if allowed >= _LEAST else f"{limit:.0%} of {share.of} is {allowed:.1f} documents; the bound is {_LEAST}"
    return Bound(name, share, limit, share.hits <= max(allowed, _LEAST), note)
