import asyncio
from itertools import combinations
from pathlib import Path

import pytest

from builder.constitution import load_constitution
from builder.errors import InputError
from builder.model import BACKENDS, Ledger, ModelConfig, Opening, open_backend
from builder.model.offline import OfflineModel
from builder.plan import Brief, load_decks, make_plan
from builder.shipped import shipped
from builder.write import (
    FAMILIES,
    STAGES,
    Content,
    Prompts,
    Review,
    Unparsed,
    Writer,
    parse_idea,
    parse_review,
)

SHARES = {"explanatory": 0.4, "story": 0.3, "advice": 0.3}


@pytest.fixture(scope="module")
def writer() -> Writer:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    return Writer(constitution, Prompts(shipped("stories", "prompts")), dict.fromkeys(STAGES, "offline"))


@pytest.fixture(scope="module")
def briefs() -> tuple[Brief, ...]:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    decks = load_decks(shipped("stories", "decks"), tuple(SHARES))
    return make_plan(constitution, decks, families=SHARES, tokens=80_000, seed=1)


@pytest.fixture(scope="module")
def model() -> OfflineModel:
    return OfflineModel(shipped("stories", "decks"))


def drafts(model: OfflineModel, writer: Writer, briefs: tuple[Brief, ...]) -> list[Content]:
    found = []
    for brief in briefs:
        reply = asyncio.run(model.answer(writer.draft(brief, "an idea")))
        content = FAMILIES[brief.family].parse(reply.text)
        assert not isinstance(content, Unparsed), content
        found.append(content)
    return found


def test_every_stage_of_every_family_can_be_read_by_the_parsers(
    model: OfflineModel, writer: Writer, briefs: tuple[Brief, ...]
) -> None:
    contents = drafts(model, writer, briefs)
    for brief, content in zip(briefs, contents, strict=True):
        idea = parse_idea(asyncio.run(model.answer(writer.idea(brief, 0, [], None))).text)
        assert isinstance(idea, str) and "{" not in idea
        again = FAMILIES[brief.family].parse(asyncio.run(model.answer(writer.rewrite(brief, content))).text)
        assert isinstance(again, Content) and again.problems
        review = parse_review(
            asyncio.run(model.answer(writer.review(brief, content))).text, FAMILIES[brief.family].criteria
        )
        assert isinstance(review, Review) and review.judged == 0, "what cannot read must not judge"


def test_texts_have_the_length_asked_for_and_no_open_slot(
    model: OfflineModel, writer: Writer, briefs: tuple[Brief, ...]
) -> None:
    for brief, content in zip(briefs, drafts(model, writer, briefs), strict=True):
        words = len(content.body.split())
        assert "{" not in content.body
        if brief.family != "advice":
            assert 0.85 * brief.words <= words <= 1.3 * brief.words + 250


def test_the_same_request_gives_the_same_bytes_and_another_brief_other_text(
    model: OfflineModel, writer: Writer, briefs: tuple[Brief, ...]
) -> None:
    first = drafts(model, writer, briefs)
    assert [c.body for c in first] == [
        c.body for c in drafts(OfflineModel(shipped("stories", "decks")), writer, briefs)
    ]
    sentences = [{s.strip() for s in c.body.split(".") if len(s.split()) > 8} for c in first]
    shared = [len(a & b) / max(1, min(len(a), len(b))) for a, b in combinations(sentences, 2)]
    assert max(shared) < 0.5


def test_another_attempt_at_an_idea_is_another_idea(
    model: OfflineModel, writer: Writer, briefs: tuple[Brief, ...]
) -> None:
    ideas = {asyncio.run(model.answer(writer.idea(briefs[0], attempt, [], None))).text for attempt in range(4)}
    assert len(ideas) == 4


def test_a_backend_that_does_not_exist_is_named_with_the_nearest(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        opening = Opening(ModelConfig(backend="ofline"), None, (), tmp_path, tmp_path, tmp_path, ledger, print)
        with pytest.raises(InputError, match="did you mean 'offline'"):
            open_backend(opening)
    assert "offline" in BACKENDS
