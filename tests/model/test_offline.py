import asyncio
from itertools import combinations
from pathlib import Path

import pytest

from builder.constitution import load_constitution
from builder.errors import InputError
from builder.model import BACKENDS, Ledger, ModelConfig, Opening, open_backend
from builder.model.offline import OfflineModel
from builder.plan import Brief, load_decks, make_plan
from builder.read import read_transcripts
from builder.records import Transcript
from builder.shipped import shipped
from builder.write import FAMILIES, STAGES, Piece, Prompts, Unparsed, Writer, parse_ideas

SHARES = {"explanatory": 0.4, "story": 0.3, "advice": 0.25, "demonstration": 0.05}
DECKS = ("explanatory", "story", "advice")


@pytest.fixture(scope="module")
def writer() -> Writer:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    return Writer(constitution, Prompts(shipped("stories", "prompts")), dict.fromkeys(STAGES, "offline"))


@pytest.fixture(scope="module")
def transcripts() -> dict[str, Transcript]:
    return {t.id: t for t in read_transcripts(shipped("stories", "transcripts", "everyday.jsonl"))}


@pytest.fixture(scope="module")
def briefs(transcripts: dict[str, Transcript]) -> tuple[Brief, ...]:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    decks = load_decks(shipped("stories", "decks"), DECKS)
    given = {"demonstration": tuple(transcripts.values())}
    return make_plan(constitution, decks, families=SHARES, tokens=80_000, seed=1, transcripts=given)


@pytest.fixture(scope="module")
def model() -> OfflineModel:
    return OfflineModel(shipped("stories", "decks"))


def written(model: OfflineModel, writer: Writer, brief: Brief, transcripts: dict[str, Transcript]) -> Piece:
    """A brief taken through every step of its family."""
    piece = Piece(brief, "an idea", transcript=transcripts.get(brief.transcript or ""))
    for step in FAMILIES[brief.family].steps(brief):
        piece = step.read(writer, piece, asyncio.run(model.answer(step.ask(writer, piece))))
        assert piece.reason is None, (step.name, piece.reason)
    return piece


@pytest.fixture(scope="module")
def pieces(
    model: OfflineModel, writer: Writer, briefs: tuple[Brief, ...], transcripts: dict[str, Transcript]
) -> list[Piece]:
    return [written(model, writer, brief, transcripts) for brief in briefs]


def test_every_step_of_every_family_can_be_read_by_the_parsers(
    model: OfflineModel, writer: Writer, briefs: tuple[Brief, ...], pieces: list[Piece]
) -> None:
    assert {piece.brief.family for piece in pieces} == set(FAMILIES)
    for piece in pieces:
        assert piece.content.kept and piece.content.problems
        assert piece.review is not None and piece.review.judged == 0, "what cannot read must not judge"
    stories = [brief for brief in briefs if brief.family == "story"][:3]
    ideas = parse_ideas(asyncio.run(model.answer(writer.ideas(stories, 0, [], {}))).text, len(stories))
    assert not any(isinstance(idea, Unparsed) or "{" in idea for idea in ideas) and len(set(ideas)) == len(stories)


def test_texts_have_the_length_asked_for_and_no_open_slot(pieces: list[Piece]) -> None:
    for piece in pieces:
        brief, body = piece.brief, piece.finished.body
        if brief.family == "demonstration":
            continue  # its words are a transcript's
        assert "{" not in body
        if brief.family != "advice":
            assert 0.85 * brief.words <= len(body.split()) <= 1.3 * brief.words + 250


def test_the_same_request_gives_the_same_bytes_and_another_brief_other_text(
    writer: Writer, briefs: tuple[Brief, ...], pieces: list[Piece], transcripts: dict[str, Transcript]
) -> None:
    anew = OfflineModel(shipped("stories", "decks"))
    assert pieces == [written(anew, writer, brief, transcripts) for brief in briefs]
    bodies = [piece.finished.body for piece in pieces]
    sentences = [{s.strip() for s in body.split(".") if len(s.split()) > 8} for body in bodies]
    shared = [len(a & b) / max(1, min(len(a), len(b))) for a, b in combinations(sentences, 2)]
    assert max(shared) < 0.5


def test_another_attempt_at_an_idea_is_another_idea(
    model: OfflineModel, writer: Writer, briefs: tuple[Brief, ...]
) -> None:
    ideas = {asyncio.run(model.answer(writer.ideas(briefs[:1], attempt, [], {}))).text for attempt in range(4)}
    assert len(ideas) == 4


def test_a_backend_that_does_not_exist_is_named_with_the_nearest(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        opening = Opening(ModelConfig(backend="ofline"), None, (), tmp_path, tmp_path, tmp_path, ledger, print)
        with pytest.raises(InputError, match="did you mean 'offline'"):
            open_backend(opening)
    assert "offline" in BACKENDS
