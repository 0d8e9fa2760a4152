from collections import Counter
from pathlib import Path

import pytest

from builder.constitution import Constitution, load_constitution
from builder.errors import InputError
from builder.plan import Brief, Decks, load_decks, make_plan, plan_coverage
from builder.plan.names import STOCK_NAMES
from builder.shipped import shipped

FAMILIES = {"explanatory": 0.4, "story": 0.4, "advice": 0.2}


@pytest.fixture(scope="module")
def constitution() -> Constitution:
    return load_constitution(shipped("constitution", "linnet.yaml"))


@pytest.fixture(scope="module")
def decks() -> Decks:
    return load_decks(shipped("stories", "decks"), tuple(FAMILIES))


@pytest.fixture(scope="module")
def plan(constitution: Constitution, decks: Decks) -> tuple[Brief, ...]:
    return make_plan(constitution, decks, families=FAMILIES, tokens=600_000, seed=3)


def test_the_size_and_the_shares_of_tokens_are_met(plan: tuple[Brief, ...]) -> None:
    tokens = sum(brief.tokens for brief in plan)
    assert 600_000 <= tokens < 605_000
    for family, share in FAMILIES.items():
        assert sum(b.tokens for b in plan if b.family == family) / tokens == pytest.approx(share, abs=0.02)


def test_every_principle_meets_every_family(plan: tuple[Brief, ...], constitution: Constitution) -> None:
    coverage = plan_coverage(constitution, plan)
    assert coverage.missing == ()
    assert all(min(row.values()) >= 3 for row in coverage.matrix.values())


def test_a_prefix_is_the_same_plan_and_covers_every_principle_early(
    plan: tuple[Brief, ...], constitution: Constitution, decks: Decks
) -> None:
    short = make_plan(constitution, decks, families=FAMILIES, tokens=600_000, seed=3, limit=60)
    assert short == plan[:60]
    assert {brief.principle for brief in short} == {p.id for p in constitution.planned}
    larger = make_plan(constitution, decks, families=FAMILIES, tokens=700_000, seed=3)
    assert larger[: len(plan)] == plan


def test_another_seed_is_another_plan(plan: tuple[Brief, ...], constitution: Constitution, decks: Decks) -> None:
    other = make_plan(constitution, decks, families=FAMILIES, tokens=100_000, seed=4)
    assert not {b.id for b in plan} & {b.id for b in other}


def test_ids_are_unique_and_hold_the_content(plan: tuple[Brief, ...]) -> None:
    assert len({brief.id for brief in plan}) == len(plan)


def test_persona_quotas_hold_in_stories(plan: tuple[Brief, ...]) -> None:
    stories = [brief for brief in plan if brief.family == "story"]
    counts = Counter(brief.persona for brief in stories)
    for persona, share in {"own": 0.5, "other_ai": 0.2, "unnamed_ai": 0.2, "human": 0.1}.items():
        assert abs(counts[persona] - share * len(stories)) <= 2


def test_personas_are_not_tied_to_principles(plan: tuple[Brief, ...]) -> None:
    seen = {}
    for brief in plan:
        seen.setdefault(brief.principle, set()).add(brief.persona)
    assert all(len(personas) >= 3 for personas in seen.values())


def test_forbidden_cells_stay_empty(plan: tuple[Brief, ...], constitution: Constitution) -> None:
    forbids = {p.id: p.forbid for p in constitution.planned if p.forbid}
    assert forbids, "the shipped constitution forbids some cells"
    for brief in plan:
        for axis, options in forbids.get(brief.principle, {}).items():
            assert (brief.family if axis == "family" else brief.options.get(axis)) not in options


def test_options_keep_to_the_personas_they_suit(plan: tuple[Brief, ...]) -> None:
    humans = [brief for brief in plan if brief.persona == "human"]
    assert humans
    assert all(brief.options.get("capability") != "many_hands" for brief in humans)


def test_names_are_fresh_and_not_stock(plan: tuple[Brief, ...]) -> None:
    names = Counter(name for brief in plan for name in brief.names)
    assert all(len(brief.names) == 3 for brief in plan)
    assert not {name.casefold() for name in names} & STOCK_NAMES
    assert max(names.values()) <= 0.01 * len(plan) + 2


def test_weights_bring_a_principle_up_more_often(constitution: Constitution, decks: Decks) -> None:
    def share(weights: dict[str, float]) -> float:
        plan = make_plan(constitution, decks, families={"story": 1}, tokens=400_000, seed=3, weights=weights)
        return sum(brief.principle == "privacy" for brief in plan) / len(plan)

    assert share({"privacy": 3.0}) == pytest.approx(3 * share({}), rel=0.25)


def test_a_forbid_that_no_deck_knows_is_refused(constitution: Constitution, decks: Decks) -> None:
    raw = constitution.model_dump(by_alias=True)
    raw["principles"][0]["forbid"] = {"shpae": ("help_fully",)}
    with pytest.raises(InputError, match="did you mean 'shape'"):
        make_plan(Constitution.model_validate(raw), decks, families=FAMILIES, tokens=1000, seed=0)


def test_a_family_that_every_principle_forbids_is_refused(constitution: Constitution, decks: Decks) -> None:
    raw = constitution.model_dump(by_alias=True)
    for principle in raw["principles"]:
        principle["forbid"] = {"family": ("story",)}
    with pytest.raises(InputError, match="every principle forbids"):
        make_plan(Constitution.model_validate(raw), decks, families=FAMILIES, tokens=9000, seed=0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("family: story", "family: tale"), r"story.yaml:\d+:\d+: this deck is for family 'tale'"),
        (("    - id: letter", "    - idd: letter"), r"story.yaml:\d+:\d+"),
    ],
)
def test_a_wrong_deck_is_refused_at_its_line(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    for deck in shipped("stories", "decks").glob("*.yaml"):
        (tmp_path / deck.name).write_text(deck.read_text())
    story = tmp_path / "story.yaml"
    story.write_text(story.read_text().replace(*change, 1))
    if change[0] in shipped("stories", "decks", "story.yaml").read_text():
        with pytest.raises(InputError, match=sentence):
            load_decks(tmp_path, ("story",))
