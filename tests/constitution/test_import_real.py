"""The real files that people have: what is found in each, and how much of the source is kept."""

from pathlib import Path

import pytest

from builder.constitution import (
    Constitution,
    Imported,
    Kind,
    import_constitution,
    lint,
    load_constitution,
    write_constitution,
)
from builder.errors import InputError

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "real" / "constitutions"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the real constitutions are not beside this checkout")

GLOBS = {
    "headings": "*_constitution_headings.md",
    "flat": "*_constitution_flat.md",
    "model_spec": "*_model_spec.md",
}
FILES = {
    # file: format, principles, kinds (value, hard constraint, disposition, context, open question)
    "headings": ("headed Markdown", 39, (23, 1, 7, 5, 3)),
    "flat": ("flat text with title lines", 36, (20, 1, 7, 5, 3)),
    "model_spec": ("Model Spec directives", 78, (57, 4, 3, 13, 1)),
    "principles.csv": ("table of principles", 16, (16, 0, 0, 0, 0)),
    "laws.yaml": ("foreign YAML or JSON", 47, (38, 6, 2, 1, 0)),
    "open_character_training/goodness.txt": ("Open Character Training traits", 15, (0, 0, 15, 0, 0)),
    "open_character_training/misalignment.txt": ("Open Character Training traits", 10, (0, 0, 10, 0, 0)),
    "open_character_training/sycophancy.txt": ("Open Character Training traits", 10, (0, 0, 10, 0, 0)),
}


def path_of(name: str) -> Path:
    return next(REAL.glob(GLOBS.get(name, name)))


@pytest.fixture(scope="module")
def imported() -> dict[str, Imported]:
    return {name: import_constitution(path_of(name)) for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_what_is_found(name: str, imported: dict[str, Imported]) -> None:
    source_format, count, kinds = FILES[name]
    found = imported[name]
    principles = found.constitution.principles
    assert found.source_format == source_format
    assert len(principles) == count
    assert tuple(sum(one.kind is kind for one in principles) for kind in Kind) == kinds
    assert found.sentence_coverage >= 0.95
    assert all(one.statement and one.why for one in principles)


@pytest.mark.parametrize("name", FILES)
def test_quotes_are_the_source_verbatim(name: str, imported: dict[str, Imported]) -> None:
    raw = path_of(name).read_text(encoding="utf-8-sig")
    words = " ".join(raw.replace('\\"', '"').replace('""', '"').replace("*", "").split())
    for principle in imported[name].constitution.principles:
        assert principle.source is not None
        for line in principle.source.quote.splitlines():
            held = " ".join(line.replace("*", "").split())
            assert held.split(": ", 1)[-1] in words, (principle.id, line[:80])


@pytest.mark.parametrize("name", ["headings", "flat", "model_spec"])
def test_no_line_of_prose_is_lost(name: str, imported: dict[str, Imported]) -> None:
    made = imported[name].constitution
    quotes = [one.source.quote for one in made.principles if one.source]
    held = " ".join(" ".join([made.preamble, *quotes]).split())
    lines = [" ".join(line.split()) for line in path_of(name).read_text(encoding="utf-8").splitlines()]
    prose = [line for line in lines if len(line) > 90 and not line.startswith(("#", "["))]
    assert len(prose) > 200
    assert [line for line in prose if line not in held] == []


@pytest.mark.parametrize("name", FILES)
def test_written_and_read_again_it_is_the_same(name: str, imported: dict[str, Imported], tmp_path: Path) -> None:
    made = imported[name].constitution
    assert load_constitution(write_constitution(made, tmp_path / "c.yaml")).sha256 == made.sha256


def by_id(made: Constitution) -> dict[str, Kind]:
    """Kinds by id, the character's name taken out of the ids."""
    name = f"{made.character.name.lower()}s-"
    return {one.id.replace(name, ""): one.kind for one in made.principles}


def test_both_forms_of_one_constitution_agree(imported: dict[str, Imported]) -> None:
    headed = by_id(imported["headings"].constitution)
    flat = by_id(imported["flat"].constitution)
    shared = headed.keys() & flat.keys()
    assert {id: headed[id] for id in shared} == {id: flat[id] for id in shared}
    # the flat source lacks the four sections folded away behind its links and has their introduction instead
    assert flat.keys() - shared == {"navigating-helpfulness-across-principals"}
    assert headed.keys() - shared == {
        "three-types-of-principals",
        "how-to-treat-operators-and-users",
        "understanding-existing-deployment-contexts",
        "handling-conflicts-between-operators-and-users",
    }


def test_kinds_and_names_make_sense(imported: dict[str, Imported]) -> None:
    made = imported["headings"].constitution
    kinds = by_id(made)
    assert kinds["on-the-word-constitution"] is Kind.CONTEXT
    assert next(kind for id, kind in kinds.items() if "-and-the-mission-of-" in id) is Kind.CONTEXT
    assert kinds["hard-constraints"] is Kind.HARD_CONSTRAINT
    assert kinds["being-honest"] is Kind.VALUE
    assert kinds["flaws-and-mistakes"] is Kind.DISPOSITION
    assert kinds["some-of-our-views-on-nature"] is Kind.OPEN_QUESTION
    title = path_of("headings").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    assert title.startswith(f"{made.character.name}’s ")
    quotes = " ".join(one.source.quote for one in made.principles if one.source)
    assert f"{made.character.name} is trained by {made.character.developer}" in quotes
    name = made.character.name
    honest = made.principle("being-honest")
    assert honest.source is not None
    assert honest.source.section == "Being broadly ethical > Being honest"
    assert honest.statement.startswith(f"We would like {name} to be:\n- Truthful: {name} only sincerely")
    assert "honesty" in honest.why
    constraints = made.principle("hard-constraints")
    assert constraints.statement.startswith(f"{name} should never:\n- Provide serious uplift")
    assert constraints.statement.count("\n- ") == 7
    raw = {one["id"]: one for one in made.raw["principles"]}
    assert "{character}" in raw["being-honest"]["statement"]
    assert name in raw["being-honest"]["source"]["quote"]


def test_contents_and_navigation_are_listed(imported: dict[str, Imported]) -> None:
    assert any("41 links" in one for one in imported["headings"].unmapped)
    assert sum("Read more" in one for one in imported["flat"].unmapped) == 3
    assert imported["laws.yaml"].unmapped == ("metadata: version",)


def test_model_spec_keeps_ids_tiers_examples_and_commentary(imported: dict[str, Imported]) -> None:
    made = imported["model_spec"].constitution
    minors = made.principle("sexual_content_involving_minors")
    assert (minors.tier, minors.kind) == (1, Kind.HARD_CONSTRAINT)
    assert made.principle("be_creative").tier == 5
    assert "A direct request for sexual content involving minors" in minors.situations
    assert "recognizes that information can be dual-use" in made.principle("avoid_info_hazards").why
    assert "# functions" not in {one.title for one in made.principles}


def test_red_lines_and_governance(imported: dict[str, Imported]) -> None:
    made = imported["laws.yaml"].constitution
    assert made.preamble.startswith("This Constitution establishes")
    red = [one for one in made.principles if one.source and one.source.section.startswith("Red lines")]
    assert len(red) == 6
    assert {one.kind for one in red} == {Kind.HARD_CONSTRAINT}
    assert made.principle("governance").kind is Kind.CONTEXT


def test_questions_become_situations(imported: dict[str, Imported]) -> None:
    made = imported["open_character_training/goodness.txt"].constitution
    assert all(len(one.situations) >= 5 for one in made.principles)


def test_a_template_is_refused() -> None:
    with pytest.raises(InputError, match="10 traits and all are empty"):
        import_constitution(REAL / "open_character_training" / "template.txt")


def test_an_import_says_what_it_lacks(imported: dict[str, Imported]) -> None:
    laws, headed = imported["laws.yaml"], imported["headings"]
    assert any("give no reason in the source" in note for note in laws.notes)
    assert sum(one.rule == "bare_rule" for one in lint(laws.constitution)) >= 40
    rules = {one.rule for one in lint(headed.constitution)}
    assert rules == {"no_situation", "no_tension", "no_misuse"}
