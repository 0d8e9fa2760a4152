"""Ideas in rounds: screened before money is spent, asked for again, settled once and for all."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.config import BuildConfig, Project
from builder.errors import InputError
from builder.ideas import REGENERATIONS, groups
from builder.inputs import Inputs, open_inputs
from builder.model import Caller, Ledger, OneByOne, Outcome, Reply, Request
from builder.plan import Brief
from builder.progress import unwatched
from builder.state import Tally
from builder.steps import settle_ideas
from builder.write import IDEAS_PER_CALL, Piece

TAKEN = "A ferryman keeps two books, one of what people paid and one of what they owed, and is asked for both."
BRIEFS = 12


class Author:
    """A model of the tests' own. `repeats` is how many attempts at each brief it wastes on the same idea."""

    name = "author"

    def __init__(self, repeats: int = 0, wasted: str = TAKEN, stop_after: int = 10**9) -> None:
        self.asked: list[Request] = []
        self._repeats, self._wasted, self._stop_after = repeats, wasted, stop_after

    async def answer(self, request: Request) -> Reply:
        if len(self.asked) >= self._stop_after:
            raise InputError("the author has gone home; ask tomorrow")
        self.asked.append(request)
        ideas = [self._idea(request.attempt, facts) for _, facts in request.facts["briefs"]]
        text = "\n".join(f'<idea n="{number}">{idea}</idea>' for number, idea in enumerate(ideas, 1))
        return Reply(text, Outcome.COMPLETED, self.name)

    def _idea(self, attempt: int, facts: dict[str, Any]) -> str:
        if attempt < self._repeats:
            return self._wasted
        slots = facts["slots"]
        words = f"{slots['trade']} at {slots['place']}: {slots['title']}. {slots['name']} and {slots['other']} {slots['shape']}"
        return f"{words}. {facts['axes'].get('form', '')} {facts['why_sentences'][0]}"


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    shares = {"explanatory": 0.4, "story": 0.4, "advice": 0.2}
    models = dict.fromkeys(("idea", "draft", "rewrite", "review"), "m")
    config = BuildConfig(evals=("framing",), seed=5, families=shares, model={"backend": "offline", "stages": models})
    return open_inputs(Project(config, Path("/nowhere")))


@pytest.fixture(scope="module")
def briefs(inputs: Inputs) -> tuple[Brief, ...]:
    return inputs.briefs(BRIEFS)


def settle(
    path: Path, author: Author, inputs: Inputs, briefs: tuple[Brief, ...], plan: tuple[Brief, ...] = ()
) -> tuple[list[Piece], Tally]:
    tally = Tally(briefs)
    with Ledger(path / ".build" / "ledger.sqlite") as ledger, Caller(OneByOne(author), ledger) as caller:
        return settle_ideas(briefs, plan or briefs, inputs, caller, ledger, tally, unwatched), tally


def test_good_ideas_are_settled_in_one_attempt_each(tmp_path: Path, inputs: Inputs, briefs: tuple[Brief, ...]) -> None:
    author = Author()
    pieces, tally = settle(tmp_path, author, inputs, briefs)
    assert [piece.brief for piece in pieces] == list(briefs)
    assert len(author.asked) == len(groups(briefs)) and tally.dry == 0
    assert tally.survival() == [{"attempt": 0, "kept": BRIEFS, "rejected": 0}]


def test_a_repeated_idea_is_kept_once_and_asked_for_again(
    tmp_path: Path, inputs: Inputs, briefs: tuple[Brief, ...]
) -> None:
    author = Author(repeats=1)
    pieces, tally = settle(tmp_path, author, inputs, briefs)
    assert len(pieces) == BRIEFS
    assert sum(piece.idea == TAKEN for piece in pieces) == 1
    assert tally.survival()[0] == {"attempt": 0, "kept": 1, "rejected": BRIEFS - 1}
    again = [request for request in author.asked if request.attempt == 1]
    assert len(again) == BRIEFS - 1
    assert all("too close to an idea already taken" in request.user for request in again)


def test_a_cell_that_repeats_itself_stays_dry_after_three_regenerations(
    tmp_path: Path, inputs: Inputs, briefs: tuple[Brief, ...]
) -> None:
    author = Author(repeats=99)
    pieces, tally = settle(tmp_path, author, inputs, briefs)
    assert len(pieces) == 1 and tally.dry == BRIEFS - 1
    assert len(author.asked) == len(groups(briefs)) + REGENERATIONS * (BRIEFS - 1)
    assert tally.stages["idea"] == {"in": BRIEFS, "kept": 1, "rejected": BRIEFS - 1}
    assert all(row.reason.startswith("dry: too close") and row.evidence["witness"] for row in tally.rejections)


def test_an_idea_near_the_eval_never_reaches_a_draft_and_the_writer_is_not_told_which_eval(
    tmp_path: Path, inputs: Inputs, briefs: tuple[Brief, ...]
) -> None:
    item = next(item for item in inputs.evals[0].items if not item.id.startswith("control"))
    stolen = " ".join(max((m.text for m in item.messages), key=len).split()[30:110])
    author = Author(repeats=1, wasted=stolen)
    pieces, tally = settle(tmp_path, author, inputs, briefs)
    assert all(piece.idea != stolen for piece in pieces)
    assert tally.survival()[0] == {"attempt": 0, "kept": 0, "rejected": BRIEFS}
    for request in author.asked:
        assert "framing" not in request.user.lower() and stolen[:60] not in request.user
    assert "stays out of this collection" in author.asked[-1].user


def test_settled_ideas_are_never_asked_for_again(tmp_path: Path, inputs: Inputs, briefs: tuple[Brief, ...]) -> None:
    first, before = settle(tmp_path, Author(repeats=1), inputs, briefs)
    silent = Author(stop_after=0)
    second, after = settle(tmp_path, silent, inputs, briefs)
    assert second == first and silent.asked == []
    assert after.survival() == before.survival() and after.stages == before.stages


@pytest.mark.parametrize("stop_after", [1, 3, 4, 9])
def test_interrupted_anywhere_it_ends_as_if_it_had_not_been(
    stop_after: int, tmp_path: Path, inputs: Inputs, briefs: tuple[Brief, ...]
) -> None:
    whole, expected = settle(tmp_path / "a", Author(repeats=1), inputs, briefs)
    with pytest.raises(InputError, match="gone home"):
        settle(tmp_path / "b", Author(repeats=1, stop_after=stop_after), inputs, briefs)
    author = Author(repeats=1)
    resumed, tally = settle(tmp_path / "b", author, inputs, briefs)
    assert resumed == whole and tally.survival() == expected.survival()
    most = len(groups(briefs)) + BRIEFS - 1 + 2
    assert stop_after + len(author.asked) <= most, "at most the calls in flight are asked again"


def test_a_longer_plan_keeps_what_a_shorter_one_settled(
    tmp_path: Path, inputs: Inputs, briefs: tuple[Brief, ...]
) -> None:
    short, tally = settle(tmp_path, Author(), inputs, briefs[:5])
    author = Author()
    longer, _ = settle(tmp_path, author, inputs, briefs)
    assert longer[:5] == short and tally.survival() == [{"attempt": 0, "kept": 5, "rejected": 0}]
    settled = {piece.brief.id for piece in short}
    assert all({id_ for id_, _ in request.facts["briefs"]} - settled for request in author.asked), "none for nothing"


def test_a_run_that_was_stopped_between_attempts_asks_the_same_calls_again(
    tmp_path: Path, inputs: Inputs, briefs: tuple[Brief, ...]
) -> None:
    """What was settled of a group must not change the call for the rest of it, whose answer is in the ledger."""
    whole = Author(repeats=1)
    settle(tmp_path / "whole", whole, inputs, briefs)
    first = Author(repeats=1, stop_after=len(groups(briefs)) + 2)
    with pytest.raises(InputError, match="gone home"):
        settle(tmp_path / "stopped", first, inputs, briefs)
    rest = Author(repeats=1)
    settle(tmp_path / "stopped", rest, inputs, briefs)
    assert {r.key for r in [*first.asked, *rest.asked]} == {r.key for r in whole.asked}
    assert not {r.key for r in first.asked} & {r.key for r in rest.asked}


def test_a_limit_inside_a_group_asks_what_the_whole_plan_would(
    tmp_path: Path, inputs: Inputs, briefs: tuple[Brief, ...]
) -> None:
    """So that a recording, or a paid answer, of the whole plan serves a part of it."""
    whole, limited = Author(), Author()
    settle(tmp_path / "whole", whole, inputs, briefs)
    pieces, tally = settle(tmp_path / "part", limited, inputs, briefs[:3], briefs)
    assert {request.key for request in limited.asked} <= {request.key for request in whole.asked}
    assert [piece.brief for piece in pieces] == list(briefs[:3]) and tally.stages["idea"]["in"] == 3
    rest = Author()
    settle(tmp_path / "part", rest, inputs, briefs)
    assert {r.key for r in limited.asked} | {r.key for r in rest.asked} == {r.key for r in whole.asked}
    assert not {r.key for r in limited.asked} & {r.key for r in rest.asked}, "what was answered is not asked again"
    asked_for = [id_ for request in limited.asked for id_, _ in request.facts["briefs"]]
    assert set(asked_for) > {brief.id for brief in briefs[:3]} and len(set(asked_for)) == len(asked_for)
    assert tally.survival() == [{"attempt": 0, "kept": 3, "rejected": 0}], "the books know nothing of the others"


@given(limits=st.lists(st.integers(1, BRIEFS), min_size=1, max_size=3))
@settings(max_examples=4)
def test_limits_in_any_order_come_to_the_whole_plans_calls(
    limits: list[int], inputs: Inputs, briefs: tuple[Brief, ...]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asked, whole = [], Author()
        expected, _ = settle(Path(folder) / "whole", whole, inputs, briefs)
        for limit in (*limits, BRIEFS):
            author = Author()
            pieces, _ = settle(Path(folder) / "part", author, inputs, briefs[:limit], briefs)
            assert pieces == expected[:limit]
            asked += [request.key for request in author.asked]
    assert sorted(asked) == sorted(request.key for request in whole.asked)


def test_a_call_asks_for_a_few_ideas_of_one_family_and_a_rejected_one_is_asked_for_alone(
    tmp_path: Path, inputs: Inputs, briefs: tuple[Brief, ...]
) -> None:
    author = Author(repeats=1)
    settle(tmp_path, author, inputs, briefs)
    sizes = [len(request.facts["briefs"]) for request in author.asked if request.attempt == 0]
    assert max(sizes) == IDEAS_PER_CALL and sum(sizes) == BRIEFS
    again = [request for request in author.asked if request.attempt]
    assert {len(request.facts["briefs"]) for request in again} == {1}
    assert [request.brief for request in again] == [request.facts["briefs"][0][0] for request in again]
    assert len({request.brief for request in again}) == len(again) == BRIEFS - 1
    assert all(request.user.count("<work n=") == 1 and "<turned_down>" in request.user for request in again)


def test_a_dry_brief_is_recalled_with_its_evidence(tmp_path: Path, inputs: Inputs, briefs: tuple[Brief, ...]) -> None:
    """The first run settles ideas after the one that turned a brief down; the next must not find a nearer witness."""
    _, before = settle(tmp_path, Author(repeats=REGENERATIONS + 1), inputs, briefs)
    assert before.dry == BRIEFS - 1
    again = Author(repeats=REGENERATIONS + 1)
    _, after = settle(tmp_path, again, inputs, briefs)
    assert again.asked == []
    assert [r.json() for r in after.rejections] == [r.json() for r in before.rejections]
    assert after.survival() == before.survival() and after.dry == before.dry
