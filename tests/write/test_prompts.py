import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.constitution import load_constitution
from builder.errors import InputError
from builder.plan import Brief, load_decks, make_plan
from builder.shipped import shipped
from builder.write import FAMILIES, STAGES, Content, Prompts, Writer
from builder.write.families import Family

SHARES = {"explanatory": 0.4, "story": 0.3, "advice": 0.3}
MODELS = dict.fromkeys(STAGES, "m")


@pytest.fixture(scope="module")
def writer() -> Writer:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    return Writer(constitution, Prompts(shipped("stories", "prompts")), MODELS)


@pytest.fixture(scope="module")
def briefs() -> tuple[Brief, ...]:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    decks = load_decks(shipped("stories", "decks"), tuple(SHARES))
    return make_plan(constitution, decks, families=SHARES, tokens=150_000, seed=1)


def rendered(writer: Writer, brief: Brief) -> Iterator[tuple[str, str, str]]:
    draft = Content(text="The draft's own words.")
    for request in (
        writer.idea(brief, 0, ["an idea that is taken"], None),
        writer.draft(brief, "The idea itself."),
        writer.rewrite(brief, draft),
        writer.review(brief, draft),
    ):
        yield request.stage, request.system, request.user


def test_every_prompt_of_every_family_renders_with_its_material(writer: Writer, briefs: tuple[Brief, ...]) -> None:
    seen = set()
    for brief in briefs:
        for stage, system, user in rendered(writer, brief):
            seen.add((brief.family, stage))
            assert "{{" not in system + user and "{%" not in system + user and "None" not in user.split()
            assert {"idea": "<idea>", "review": "<review>"}.get(stage, "<d") in system
            expected = {"idea": "an idea that is taken", "draft": "The idea itself."}
            assert expected.get(stage, "The draft's own words.") in user
    assert seen == {(family, stage) for family in FAMILIES for stage in STAGES}


def test_the_system_prompt_is_one_per_family_and_stage_so_that_it_can_be_cached(
    writer: Writer, briefs: tuple[Brief, ...]
) -> None:
    systems: dict[tuple[str, str], set[str]] = {}
    for brief in briefs:
        for stage, system, _ in rendered(writer, brief):
            systems.setdefault((brief.family, stage), set()).add(system)
    assert all(len(found) == 1 for found in systems.values())


def test_an_advice_rewrite_sees_the_relevant_section_and_the_rest_the_whole(
    writer: Writer, briefs: tuple[Brief, ...]
) -> None:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    last = constitution.planned[-1]
    for family in FAMILIES:
        brief = next(b for b in briefs if b.family == family and last.id not in b.principles)
        own = constitution.principle(brief.principle)
        for stage, system, user in rendered(writer, brief):
            narrow = family == "advice" and stage == "rewrite"
            assert (last.why[:80] in system) is not narrow
            if narrow:
                assert own.why[:80] in user and constitution.preamble[:80] in system


def test_a_rejected_idea_is_asked_for_again_with_the_reason(writer: Writer, briefs: tuple[Brief, ...]) -> None:
    first = writer.idea(briefs[0], 0, [], None)
    again = writer.idea(briefs[0], 1, [], "too close to an idea already taken")
    assert "too close to an idea already taken" in again.user and again.key != first.key
    assert again.system == first.system


def test_no_prompt_hands_out_examples_or_old_habits() -> None:
    for path in shipped("stories", "prompts").rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert "—" not in text, path
        assert not re.search(r"\b(for example|e\.g\.)", text) or "idea" not in path.name, path


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_the_review_prompt_asks_for_exactly_the_criteria_that_are_read(family: Family) -> None:
    text = shipped("stories", "prompts", family.name, "review.md").read_text(encoding="utf-8")
    assert re.findall(r"^- (\w+):", text, re.MULTILINE) == list(family.criteria)


def test_a_prompt_that_names_an_unknown_variable_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "story").mkdir()
    (tmp_path / "story" / "idea.md").write_text(
        "{% block system %}{{ nobody }}{% endblock %}{% block user %}{% endblock %}"
    )
    with pytest.raises(InputError, match=r"story/idea.md:1: 'nobody' is undefined; mend the template"):
        Prompts(tmp_path).render("story", "idea", {})
    (tmp_path / "story" / "idea.md").write_text("{% block system %}no user block{% endblock %}")
    with pytest.raises(InputError, match="no block 'user'"):
        Prompts(tmp_path).render("story", "idea", {})
    with pytest.raises(InputError, match="does not exist"):
        Prompts(tmp_path).render("story", "draft", {})


BROKEN = {
    "{% block system %}a\n{{ 1/0 }}{% endblock %}": "idea.md:2: division by zero; mend the template",
    "{% block system %}\n{{ self.system() }}{% endblock %}": "it includes or calls itself without end",
    "{% block system %}\n{% if %}{% endblock %}": "idea.md:2: Expected an expression",
    "{% block system %}{% include 'none.md' %}{% endblock %}": "it includes or extends 'none.md', which is not in",
    "{% block system %}{% include 'latin.md' %}{% endblock %}": "latin.md:2:4: byte 0xe9 is not UTF-8",
}


@pytest.mark.parametrize("system", BROKEN)
def test_what_is_wrong_with_a_template_is_one_sentence_with_its_line(system: str, tmp_path: Path) -> None:
    (tmp_path / "story").mkdir()
    (tmp_path / "latin.md").write_bytes(b"x\ncaf\xe9")
    (tmp_path / "story" / "idea.md").write_text(system + "{% block user %}{% endblock %}")
    with pytest.raises(InputError) as caught:
        Prompts(tmp_path).render("story", "idea", {})
    assert BROKEN[system] in str(caught.value) and "\n" not in str(caught.value)


def test_a_changed_base_changes_every_prompt_hash(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(shipped("stories", "prompts"), tmp_path / "a")
    shutil.copytree(shipped("stories", "prompts"), tmp_path / "b")
    with (tmp_path / "b" / "base.md").open("a") as base:
        base.write("\n{# a comment #}\n")
    for family in FAMILIES:
        for stage in STAGES:
            assert Prompts(tmp_path / "a").sha256(family, stage) != Prompts(tmp_path / "b").sha256(family, stage)
