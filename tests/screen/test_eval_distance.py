"""Eval distance on the shipped evals: what must be found, what must not, what must not be passed over in silence."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from builder.inputs import background_texts, cache_folder
from builder.measure import Embedder, load_embedder
from builder.measure.instrument import Instrument
from builder.read import read_eval
from builder.records import Action, Eval, EvalItem, EvalMessage
from builder.screen import DistanceRow, EvalScreen, decide
from builder.screen.eval_distance import BAND, THEME_PERCENTILE

FIELDS = [
    "id", "eval", "status", "class", "text_class", "scenario_class", "suspect", "conduct", "eval_discussion",
    "closeness", "decided_by", "lexical", "semantic", "structural", "judge", "nearest", "not_run",
]  # fmt: skip
HINDI = "मुझे कल बाज़ार जाना है क्योंकि घर में चावल खत्म हो गया है और मेरी बहन शाम को आने वाली है। " * 6
CLEAN = (
    "Soak the beans overnight and change the water in the morning. A bay leaf does no harm. When the skins begin to "
    "split, turn the heat down and leave the pot alone for an hour, for they cook best when nobody is watching. "
)


@pytest.fixture(scope="module")
def instrument(shipped_vectors: None) -> Instrument:
    return Instrument(load_embedder(cache_dir=cache_folder()))


@pytest.fixture(scope="module")
def screen(instrument: Instrument) -> EvalScreen:
    return EvalScreen(read_eval("agentic-misalignment"), instrument, background_texts())


def scenario(screen: EvalScreen) -> str:
    item = next(item for item in screen.eval.items if "control" not in item.id)
    return max((message.text for message in item.messages), key=len)


def measure(screen: EvalScreen, *texts: str) -> list[DistanceRow]:
    return screen.measure([str(index) for index in range(len(texts))], texts)


def test_a_row_has_exactly_the_fields_of_the_contract(screen: EvalScreen) -> None:
    row = measure(screen, CLEAN)[0].json()
    assert list(row) == FIELDS
    assert set(row["lexical"]) == {"score", "run_words", "coverage", "entities"}
    assert set(row["semantic"]) == {"score", "background_percentile"}
    assert set(row["nearest"]) == {"eval_id", "message", "role", "eval_passage", "passage", "offsets", "cosine"}
    assert {view["view"] for view in row["not_run"]} == {"structural", "judge"}
    json.dumps(row)


def test_a_clean_text_is_measured_and_kept(screen: EvalScreen) -> None:
    row = measure(screen, CLEAN)[0]
    assert (row.status, row.class_, row.text_class, row.suspect) == ("measured", 4, None, False)
    assert decide([row], "held_out").action is Action.KEEP


@pytest.mark.parametrize("words_before", [0, 200, 2000])
def test_a_verbatim_passage_is_class_0_wherever_it_stands(screen: EvalScreen, words_before: int) -> None:
    words = scenario(screen).split()
    text = CLEAN * (words_before // 50) + " ".join(words[60:100]) + " " + CLEAN
    row = measure(screen, text)[0]
    assert (row.class_, row.text_class, row.decided_by) == (0, 0, "lexical")
    assert row.lexical["run_words"] >= 40
    assert row.nearest is not None
    start, end, eval_start, eval_end = row.nearest.offsets
    assert text[start:end] == row.nearest.passage
    item = next(item for item in screen.eval.items if item.id == row.nearest.eval_id)
    assert item.messages[row.nearest.message].text[eval_start:eval_end] == row.nearest.eval_passage
    assert decide([row], "held_out").action is Action.DROP


def test_case_spacing_and_look_alikes_do_not_hide_it(screen: EvalScreen) -> None:
    words = scenario(screen).split()[60:100]
    disguised = "  \n".join(words).upper().replace("A", "А").replace("E", "Е")  # Cyrillic look-alikes
    assert measure(screen, CLEAN + disguised)[0].class_ == 0
    assert measure(screen, CLEAN + "\u200b".join(" ".join(words)))[0].class_ == 0


def test_a_close_retelling_is_at_least_a_suspect_and_never_kept(screen: EvalScreen) -> None:
    retold = scenario(screen)
    for old, new in {
        " the ": " that ",
        " is ": " was ",
        " and ": " but also ",
        " to ": " so as to ",
        " of ": " from ",
    }.items():
        retold = retold.replace(old, new)
    row = measure(screen, retold)[0]
    assert row.suspect or row.class_ in (0, 1)
    assert decide([row], "held_out").action is not Action.KEEP


def test_another_language_is_unjudged_and_held_back(screen: EvalScreen) -> None:
    row = measure(screen, HINDI)[0]
    assert (row.status, row.class_, row.semantic) == ("unjudged", None, None)
    assert ("semantic", "language: hi") in {(view.view, view.reason) for view in row.not_run}
    assert decide([row], "held_out").action is Action.HOLD


def test_another_language_around_verbatim_words_is_still_class_0(screen: EvalScreen) -> None:
    row = measure(screen, HINDI + " ".join(scenario(screen).split()[60:100]))[0]
    assert (row.status, row.class_) == ("measured", 0)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_unjudged(screen: EvalScreen, text: str) -> None:
    row = measure(screen, text)[0]
    assert row.status == "unjudged"
    assert ("semantic", "empty") in {(view.view, view.reason) for view in row.not_run}


def test_text_that_names_the_eval_is_eval_discussion(screen: EvalScreen) -> None:
    row = measure(screen, CLEAN + "Researchers call this agentic misalignment.")[0]
    assert row.eval_discussion
    assert decide([row], "held_out").action is Action.DROP


def test_rows_do_not_depend_on_the_company_of_a_document(screen: EvalScreen) -> None:
    texts = [CLEAN, HINDI, scenario(screen), CLEAN * 9]
    together = screen.measure(list("abcd"), texts)
    assert together == [screen.measure([name], [text])[0] for name, text in zip("abcd", texts, strict=True)]


def test_more_text_never_brings_a_document_further_away(screen: EvalScreen) -> None:
    near = scenario(screen)[:1500]
    alone, longer = measure(screen, near, CLEAN * 20 + near)
    assert alone.semantic and longer.semantic
    assert longer.lexical["run_words"] >= alone.lexical["run_words"] - 1


def test_an_eval_in_a_language_that_cannot_be_read_judges_nothing(instrument: Instrument) -> None:
    foreign = Eval("hindi", (EvalItem("a", (EvalMessage(0, "user", HINDI),)),), "x")
    screen = EvalScreen(foreign, instrument, background_texts())
    row = measure(screen, CLEAN)[0]
    assert row.status == "unjudged"
    assert decide([row], "held_out").action is Action.HOLD
    assert measure(screen, CLEAN + HINDI)[0].class_ == 0


def test_the_background_itself_is_rarely_flagged(screen: EvalScreen) -> None:
    texts = background_texts()
    rows = measure(screen, *texts)
    assert sum(row.suspect for row in rows) <= 0.03 * len(rows)
    assert not any(row.class_ in (0, 1, 2) for row in rows)


def test_the_strictest_row_decides(screen: EvalScreen) -> None:
    clean, foreign, verbatim = measure(screen, CLEAN, HINDI, scenario(screen))
    assert decide([clean, foreign, verbatim], "held_out").action is Action.DROP
    assert decide([clean, foreign], "held_out").action is Action.HOLD
    assert decide([], "held_out").action is Action.KEEP


def test_an_eval_that_is_mostly_unread_judges_nothing_but_verbatim_text(instrument: Instrument) -> None:
    items = [EvalItem(str(i), (EvalMessage(0, "user", HINDI),)) for i in range(9)]
    items.append(EvalItem("english", (EvalMessage(0, "user", "You are the night desk of a ferry company. " * 8),)))
    screen = EvalScreen(Eval("mixed", tuple(items), "x"), instrument, background_texts())
    row = measure(screen, CLEAN)[0]
    assert row.status == "unjudged"
    assert any("9 of 10 eval messages are in hi" in view.reason for view in row.not_run)


def test_control_items_count_word_for_word_but_not_in_meaning(instrument: Instrument) -> None:
    inbox = "Good morning. The delivery of paper comes on Tuesday, please keep the side door free until noon. " * 6
    plot = scenario(EvalScreen(read_eval("framing"), instrument, background_texts()))
    items = (
        EvalItem("control-inbox", (EvalMessage(0, "user", inbox),)),
        EvalItem("plot", (EvalMessage(0, "user", plot),)),
    )
    screen = EvalScreen(Eval("two", items, "x"), instrument, background_texts())
    alike = "Morning all. Paper is delivered on Tuesday; leave the side door clear till twelve, please. " * 6
    row = measure(screen, alike)[0]
    assert row.nearest is not None and row.nearest.eval_id == "plot" and not row.suspect
    assert measure(screen, inbox)[0].class_ == 0


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("agentic_misalignment/rendered", "a paper on agentic misalignment", True),
        ("evals/user-prompts", "we collect user prompts every day", False),
        ("framing", "the framing of the picture", False),
    ],
)
def test_the_name_that_is_looked_for(instrument: Instrument, name: str, text: str, found: bool) -> None:
    eval_ = Eval(
        name, (EvalItem("a", (EvalMessage(0, "user", "You are the night desk of a ferry company. " * 8),)),), "x"
    )
    row = measure(EvalScreen(eval_, instrument, background_texts()), CLEAN + text)[0]
    assert row.eval_discussion is found
    assert any(view.view == "eval_discussion" for view in row.not_run) is not ("agentic" in name)


def test_only_the_word_itself_makes_a_control(instrument: Instrument) -> None:
    desk = "You are the night desk of a ferry company. " * 8
    ids = ["control-a", "set/control_2", "control/b", "controlled-burn", "uncontrolled", "a"]
    items = tuple(EvalItem(id_, (EvalMessage(0, "user", f"{desk} Boat {n}."),)) for n, id_ in enumerate(ids))
    screen = EvalScreen(Eval("ids", items, "x"), instrument, background_texts()[:20])
    assert {reference.item for reference in screen._references} == {"controlled-burn", "uncontrolled", "a"}


def test_an_eval_that_is_unread_in_a_small_part_still_measures(instrument: Instrument) -> None:
    desk = "You are the night desk of a ferry company and you answer what passengers ask about their boats."
    items = [EvalItem(str(i), (EvalMessage(0, "user", f"Boat {i}. {desk * 4}"),)) for i in range(9)]
    items.append(EvalItem("hindi", (EvalMessage(0, "user", HINDI[:60]),)))
    screen = EvalScreen(Eval("mixed", tuple(items), "x"), instrument, background_texts()[:30])
    row = measure(screen, CLEAN)[0]
    assert row.status == "measured" and row.scenario_class is not None
    assert any("1 of 10 eval messages are in hi" in view.reason for view in row.not_run)


def test_a_background_read_once_serves_every_eval(instrument: Instrument) -> None:
    texts = background_texts()[:30]
    unrelated = instrument.read(texts)
    steps: list[tuple[int, int]] = []
    for name in ("framing", "research-sabotage"):
        once = EvalScreen(read_eval(name), instrument, texts, unrelated=unrelated)
        again = EvalScreen(read_eval(name), instrument, texts)
        assert once.fingerprint == again.fingerprint and once.thresholds() == again.thresholds()
    assert once.measure(["a", "b"], [CLEAN, HINDI], progress=lambda *step: steps.append(step)) == again.measure(
        ["a", "b"], [CLEAN, HINDI]
    )
    assert steps == [(1, 2), (2, 2)]
    with pytest.raises(ValueError, match="unrelated holds 30 texts"):
        EvalScreen(read_eval("framing"), instrument, texts[:3], unrelated=unrelated)


class Shifted:
    """An embedder whose fp32 vectors are off; it counts how often float64 is asked for."""

    def __init__(self, inner: Embedder) -> None:
        self._inner, self.asked = inner, 0
        self.name, self.dimension, self.max_tokens = inner.name, inner.dimension, inner.max_tokens
        self.fingerprint, self.encode, self.count_tokens = inner.fingerprint, inner.encode, inner.count_tokens

    def encode64(self, texts: Sequence[str]) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
        self.asked += 1
        return np.array([[1.0, 0.0], [0.6, 0.8]])


@pytest.mark.parametrize("level", ["suspect", "theme"])
def test_a_score_at_a_threshold_is_decided_in_float64(
    instrument: Instrument, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    embedder = Shifted(instrument.embedder)
    screen = EvalScreen(read_eval("framing"), Instrument(embedder), background_texts()[:30])
    score = measure(screen, CLEAN)[0].semantic["score"]  # type: ignore[index]
    assert embedder.asked == 0
    exact = screen._semantic(Instrument(embedder).read([CLEAN]))[0].score  # type: ignore[union-attr]
    at = 0.99 if level == "suspect" else THEME_PERCENTILE
    monkeypatch.setattr(screen._background, "threshold", lambda p, n: exact + BAND / 2 if p == at else 9.0)
    row = measure(screen, CLEAN)[0]
    assert embedder.asked == 1
    assert row.semantic is not None and row.semantic["score"] == 0.6 != score
    assert row.nearest is not None and row.nearest.cosine == 0.6
    monkeypatch.setattr(screen._background, "threshold", lambda p, n: exact + 2 * BAND)
    measure(screen, CLEAN)
    assert embedder.asked == 1
