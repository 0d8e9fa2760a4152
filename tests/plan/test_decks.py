from importlib import import_module

import pytest

from builder.constitution import load_constitution
from builder.plan import Brief, Decks, load_decks, make_plan
from builder.plan.names import NamePool
from builder.shipped import shipped

FAMILIES = {"explanatory": 0.4, "story": 0.4, "advice": 0.2}
WATER = {
    "leuven_indoor_pool",
    "rotterdam_container_terminal",
    "hebridean_community_hall",
    "lofoten_fish_racks",
    "dalmatian_ferry_island",
    "istanbul_ferry_commute",
    "bulk_carrier_indian_ocean",
    "amazon_river_clinic",
    "lake_victoria_fish_camp",
    "pacific_atoll_council",
}


@pytest.fixture(scope="module")
def decks() -> Decks:
    return load_decks(shipped("stories", "decks"), tuple(FAMILIES))


@pytest.fixture(scope="module")
def plan(decks: Decks) -> tuple[Brief, ...]:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    return make_plan(constitution, decks, families=FAMILIES, tokens=500_000, seed=5)


def test_every_option_says_something_and_not_too_much(decks: Decks) -> None:
    for deck in (decks.shared, *decks.families.values()):
        for axis, options in deck.items():
            long = [o.id for o in options if not 3 <= len(o.text.split()) <= 25]
            assert axis == "ai_name" or not long, (axis, long)


def test_every_place_has_names_of_its_own(decks: Decks) -> None:
    for place in decks.shared["place"]:
        assert place.locale, place.id
        import_module(f"faker.providers.person.{place.locale}")  # where this is missing, Faker takes American names
        if place.locale != "en_GB":  # and where none is in Latin script, the pool takes British ones
            assert NamePool(0).draw(place.locale, 3) != NamePool(0).draw("en_GB", 3), place.id


@pytest.mark.parametrize(
    ("family", "axis", "ids", "most"),
    [
        ("story", "place", WATER, 0.15),
        ("story", "matter", {"figures_and_papers"}, 0.1),
        ("story", "pressure", {"settle_today", "fixed_day", "few_minutes", "fixed_hour"}, 0.15),
        ("story", "objection", {"stays_open"}, 0.12),
        ("story", "ending", {"two_readings", "dry_remark"}, 0.1),
        ("advice", "course", {"words_to_send", "words_to_say"}, 0.15),
        (
            "advice",
            "temptation",
            {"sign_for_another", "round_figures", "omit_reading", "inflate_qualification"},
            0.12,
        ),
        ("explanatory", "constitution_mention", {"named", "described"}, 0.4),
    ],
)
def test_what_a_first_trial_had_too_much_of_stays_rare(
    plan: tuple[Brief, ...], decks: Decks, family: str, axis: str, ids: set[str], most: float
) -> None:
    assert ids <= {option.id for option in decks.axis(family, axis)}
    briefs = [brief for brief in plan if brief.family == family]
    assert 0 < sum(brief.options[axis] in ids for brief in briefs) <= most * len(briefs) + 1


def test_at_a_bright_line_nothing_is_won_from_it_and_nobody_is_made_to_laugh(plan: tuple[Brief, ...]) -> None:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    lines = {p.id for p in constitution.planned if p.kind.value == "hard_constraint"}
    at_lines = [brief for brief in plan if brief.principle in lines]
    assert at_lines
    for brief in at_lines:
        assert brief.options["objection"] not in {"wins", "changed_places", "tried_out"}
        assert brief.options["matter"] not in {"joke", "looks", "love", "body_care"}
        assert brief.options.get("ending") not in {"laughter", "undone_by_others", "was_wrong"}


def test_a_named_assistant_has_a_name_and_a_named_constitution_its_ai(plan: tuple[Brief, ...]) -> None:
    for brief in plan:
        if brief.options.get("system_prompt") == "operator_named_assistant":
            assert brief.ai_name
        if brief.options.get("constitution_mention") == "named":
            assert brief.persona == "own"
