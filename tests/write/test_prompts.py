import re
from pathlib import Path

import pytest

from builder.constitution import load_constitution
from builder.errors import InputError
from builder.plan import Brief, load_decks, make_plan
from builder.read import read_transcripts
from builder.shipped import shipped
from builder.write import FAMILIES, STAGES, Prompts, Writer
from builder.write.families import Family
from builder.write.proof import sample_requests

DECKS = ("explanatory", "story", "advice")
SHARES = {"explanatory": 0.4, "story": 0.3, "advice": 0.25, "demonstration": 0.05}
MODELS = dict.fromkeys(STAGES, "m")


@pytest.fixture(scope="module")
def writer() -> Writer:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    return Writer(constitution, Prompts(shipped("stories", "prompts")), MODELS)


@pytest.fixture(scope="module")
def briefs() -> tuple[Brief, ...]:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    decks = load_decks(shipped("stories", "decks"), DECKS)
    given = {"demonstration": read_transcripts(shipped("stories", "transcripts", "everyday.jsonl"))}
    return make_plan(constitution, decks, families=SHARES, tokens=150_000, seed=1, transcripts=given)


def test_every_prompt_of_every_family_renders_with_its_material(writer: Writer, briefs: tuple[Brief, ...]) -> None:
    seen = set()
    for brief in briefs:
        for request in sample_requests(brief, writer):
            seen.add((brief.family, request.stage))
            whole = request.system + request.user
            assert "{{" not in whole and "{%" not in whole and "None" not in request.user.split()
    sampled = {(family.name, "trial") for family in FAMILIES.values() if "answer" in family.prompts}
    assert seen == {(family.name, name) for family in FAMILIES.values() for name in family.prompts} | sampled


def test_the_system_prompt_is_one_per_family_and_call_so_that_it_can_be_cached(
    writer: Writer, briefs: tuple[Brief, ...]
) -> None:
    systems: dict[tuple[str, str], set[str]] = {}
    for brief in briefs:
        for request in sample_requests(brief, writer):
            if request.shared:
                systems.setdefault((brief.family, request.stage), set()).add(request.system)
    assert all(len(found) == 1 for found in systems.values())
    assert ("advice", "answer") not in systems and ("advice", "trial") not in systems


def test_an_advice_rewrite_sees_the_relevant_section_and_the_rest_the_whole(
    writer: Writer, briefs: tuple[Brief, ...]
) -> None:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    last = constitution.planned[-1]
    narrow = {("advice", "rewrite"), ("advice", "answer"), ("demonstration", "rewrite")}
    for family in FAMILIES:
        brief = next(b for b in briefs if b.family == family and last.id not in b.principles)
        for request in sample_requests(brief, writer):
            if request.stage == "trial":
                assert request.system == ""
                continue
            scoped = (family, request.stage) in narrow
            assert (last.why[:80] in request.system) is not scoped
            if scoped and brief.principle:
                own = constitution.principle(brief.principle)
                assert own.why[:80] in request.system + request.user and constitution.preamble[:80] in request.system


def test_a_rejected_idea_is_asked_for_again_with_the_reason(writer: Writer, briefs: tuple[Brief, ...]) -> None:
    group = [brief for brief in briefs if brief.family == "story"][:3]
    first = writer.ideas(group, 0, ["an idea that is taken"], {})
    again = writer.ideas(group[1:2], 1, [], {group[1].id: "too close to an idea already taken"})
    assert "too close to an idea already taken" in again.user and again.key != first.key
    assert again.system == first.system and again.brief == group[1].id
    assert "an idea that is taken" in first.user
    assert [f'<work n="{n}">' in first.user for n in (1, 2, 3, 4)] == [True, True, True, False]


def test_what_is_stripped_stands_in_the_answer_prompt_and_nowhere_else(
    writer: Writer, briefs: tuple[Brief, ...]
) -> None:
    (injected,) = writer.injected()
    assert len(injected.split()) > 300
    brief = next(brief for brief in briefs if brief.family == "advice")
    for request in sample_requests(brief, writer):
        assert (injected in request.system) is (request.stage == "answer")
        assert injected not in request.user
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    assert not writer.shows_injected(constitution.text()), "a document may quote the constitution"
    assert writer.shows_injected(f"Well. {' '.join(injected.split()[40:50])} and so on")


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
    for family in FAMILIES.values():
        for name in family.prompts:
            assert Prompts(tmp_path / "a").sha256(family.name, name) != Prompts(tmp_path / "b").sha256(
                family.name, name
            )
