"""Each lint rule finds what it is for, and leaves alone what only looks like it."""

from pathlib import Path
from typing import Any

import pytest

from builder.constitution import (
    Constitution,
    Kind,
    Lint,
    Severity,
    lint,
    lint_file,
    load_constitution,
    yaml_text,
)

CHECKOUT = Path(__file__).resolve().parents[2]
GOOD: dict[str, Any] = {
    "id": "honesty",
    "title": "Honesty",
    "statement": "When asked, {character} says what it believes to be true, and how sure it is.",
    "why": (
        "People plan their days on what they are told; one discovered lie makes every later answer worthless to them."
    ),
    "situations": ["A founder asks whether her pitch is ready the night before she gives it."],
    "tensions": [{"with": "care", "resolution": "Choose the moment and the words with care, never the facts."}],
    "misuse": "Cruelty calls itself candour.",
}
CARE: dict[str, Any] = {
    "id": "care",
    "title": "Care",
    "statement": "{character} looks out for the person behind a request, also where they forget to.",
    "why": "Somebody in trouble rarely names it; a literal answer can leave them alone with the worst of it.",
    "situations": ["A tenant asks for a template and mentions that the heating has been off for three weeks."],
    "tensions": [{"with": "honesty", "resolution": "Gentleness shapes the telling; it does not decide what is told."}],
    "misuse": "Meddling calls itself concern.",
}


def found(rule: str, first: dict[str, Any], second: dict[str, Any] | None = None, **fields: Any) -> list[Lint]:
    document = {"principles": [{**GOOD, **first}, {**CARE, **(second or {})}], **fields}
    axes = document.pop("axes", None)
    return [one for one in lint(Constitution.model_validate(document), axes=axes) if one.rule == rule]


def test_good_principles_have_no_findings() -> None:
    assert lint(Constitution.model_validate({"principles": [GOOD, CARE]})) == []


@pytest.mark.parametrize(
    "why",
    [
        "When asked, {character} says what it believes to be true, and how sure it is.",
        "Honesty",
        "It matters.",
        "Because it is the right thing to do.",
        "This is our policy.",
        "{developer} says so, simply.",
        "It is very important.",
    ],
)
def test_bare_rule(why: str) -> None:
    (one,) = found("bare_rule", {"why": why})
    assert one.severity is Severity.ERROR
    assert one.principle == "honesty"


@pytest.mark.parametrize(
    "why",
    [
        "It is important because people plan their days on what they are told.",
        "Policy made in the dark cannot be mended by those who must live under it.",
        "Good advice depends on facts.",
        "Rules bend; a reputation for plain speech does not survive one exception.",
    ],
)
def test_a_short_reason_is_a_reason(why: str) -> None:
    assert found("bare_rule", {"why": why}) == []


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        (
            "{character} should say what it believes is true because {character} believes in saying true things.",
            1,
        ),
        ("Being sure and saying how sure it is, when asked, is what {character} believes.", 1),
        ("A true answer that hides how sure it is misleads more people than an open guess would.", 0),
        (
            "Beliefs said truly can be checked, and checking is how a reader and a model both find their mistakes.",
            0,
        ),
    ],
)
def test_reason_restates(why: str, expected: int) -> None:
    assert len(found("reason_restates", {"why": why})) == expected


def test_background_needs_no_reason_situation_tension_or_misuse() -> None:
    bare = {"kind": "context", "why": "Honesty", "situations": [], "misuse": ""}
    document = {"principles": [{**GOOD, **bare, "tensions": []}, {**CARE, "tensions": [], "kind": "disposition"}]}
    assert lint(Constitution.model_validate(document)) == []


@pytest.mark.parametrize("kind", ["value", "hard_constraint", "disposition"])
def test_planned_principles_need_situations_and_misuse(kind: str) -> None:
    assert len(found("no_situation", {"situations": [], "kind": kind})) == 1
    assert len(found("no_misuse", {"misuse": " ", "kind": kind})) == 1


def test_only_values_need_a_tension() -> None:
    assert len(found("no_tension", {"tensions": []}, {"tensions": []})) == 2
    both = {"tensions": [], "kind": "disposition"}
    assert found("no_tension", both, both) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("{character} is good, kind and wise.", 1),
        ("{character} always acts ethically and does the right thing.", 1),
        ("{character} embodies positive values and a noble character.", 1),
        ("When a user asks for a kind lie, {character} gives the honest answer kindly.", 0),
        ("{character} gives a fair hearing to the side that is not in the room.", 0),
        ("{character} reports its own mistakes to whoever relied on them.", 0),
    ],
)
def test_virtue_talk(statement: str, expected: int) -> None:
    assert len(found("virtue_talk", {"statement": statement, "situations": []})) == expected
    assert found("virtue_talk", {"statement": statement}) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("{character} is careful with pathogens.", 1),
        ("{character} usually never helps to build a bomb.", 1),
        ("{character} never hides from its overseers unless it seems wise.", 1),
        ("{character} tries not to help with weapons, always.", 1),
        ("{character} never helps to make a weapon that could kill many.", 0),
        ("No help with such weapons, whoever asks and however often.", 0),
        ("{character} does not hide copies of itself, regardless of who asks.", 0),
        ("{character} will not do this even where a user prefers it.", 0),
    ],
)
def test_no_bright_line(statement: str, expected: int) -> None:
    assert len(found("no_bright_line", {"statement": statement, "kind": "hard_constraint"})) == expected
    assert found("no_bright_line", {"statement": statement}) == []


def test_one_sided_tension() -> None:
    (one,) = found("one_sided_tension", {}, {"tensions": [], "kind": "disposition"})
    assert (one.principle, one.severity) == ("honesty", Severity.WARNING)
    assert found("one_sided_tension", {}) == []


def test_repeated_tension() -> None:
    assert len(found("repeated_tension", {"tensions": [*GOOD["tensions"], *GOOD["tensions"]]})) == 1
    assert found("repeated_tension", {}) == []


def priorities(*pairs: str) -> list[dict[str, str]]:
    return [{"higher": pair[0], "lower": pair[1], "why": "The loss would be greater."} for pair in pairs]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (("ab", "ba"), 1),
        (("ab", "bc", "ca"), 1),
        (("ab", "bc", "cd", "db", "ca"), 2),
        (("ab", "bc", "ac"), 0),
        (("ab", "ac", "bd", "cd"), 0),
    ],
)
def test_priority_cycle(pairs: tuple[str, ...], expected: int) -> None:
    principles = [{**CARE, "id": id, "tensions": [], "statement": f"{id} {CARE['statement']}"} for id in "abcd"]
    made = Constitution.model_validate({"principles": principles, "priorities": priorities(*pairs)})
    cycles = [one for one in lint(made) if one.rule == "priority_cycle"]
    assert len(cycles) == expected
    assert all(one.severity is Severity.ERROR for one in cycles)
    if pairs == ("ab", "bc", "ca"):
        assert "c > a > b > c" in cycles[0].reason


def test_priority_without_reason_and_against_the_tiers() -> None:
    rank = [{"higher": "honesty", "lower": "care"}]
    assert len(found("priority_without_reason", {}, priorities=rank)) == 1
    assert len(found("priority_against_tier", {"tier": 2}, {"tier": 1}, priorities=rank)) == 1
    assert found("priority_against_tier", {"tier": 1}, {"tier": 1}, priorities=rank) == []


def test_same_and_nearly_the_same_statement() -> None:
    assert (
        len(
            found(
                "same_statement",
                {},
                {"statement": GOOD["statement"].upper().replace("CHARACTER", "character")},
            )
        )
        == 1
    )
    near = "When asked, {character} says what it honestly believes to be true and how sure it is of that."
    assert len(found("near_identical", {}, {"title": "Honesty again", "statement": near})) == 1
    other = "When asked how sure it is, {character} gives a number that can later be checked against what came true."
    assert found("near_identical", {}, {"title": "Calibration", "statement": other}) == []
    assert found("same_statement", {}) == []


def test_hard_coded_name() -> None:
    named = {"name": "Linnet", "developer": "Saltmarsh"}
    (one,) = found("hard_coded_name", {"why": "Linnet was made to be relied on by people who plan."}, character=named)
    assert "{character}" in one.reason
    assert len(found("hard_coded_name", {"misuse": "Saltmarsh's wishes"}, character=named)) == 1
    assert len(found("hard_coded_name", {}, {"situations": ["Linnet is asked."]}, character=named)) == 1
    quote = {"source": {"section": "Linnet", "quote": "Linnet is honest."}}
    assert (
        found(
            "hard_coded_name",
            {**quote, "why": "Linnets and linnet-like birds sing because they must."},
            character=named,
        )
        == []
    )
    assert found("hard_coded_name", {"why": "The AI can be relied on only while its words are plain."}) == []


AXES = {"shape": ["help", "decline", "ask"], "persona": ["own", "human"]}


@pytest.mark.parametrize(
    ("forbid", "words"),
    [
        ({"shape": []}, "forbids nothing of 'shape'"),
        ({"shap": ["help"]}, "no axis of the plan; did you mean 'shape'?"),
        ({"shape": ["declin"]}, "'declin' is no option of 'shape'; did you mean 'decline'?"),
        ({"persona": ["own", "human"]}, "forbids every option of 'persona'"),
    ],
)
def test_unplannable(forbid: dict[str, list[str]], words: str) -> None:
    (one,) = found("unplannable", {"forbid": forbid}, axes=AXES)
    assert words in one.reason
    assert one.severity is Severity.ERROR


def test_a_sensible_exclusion_is_plannable() -> None:
    assert found("unplannable", {"forbid": {"shape": ["help", "ask"]}}, axes=AXES) == []
    assert found("unplannable", {"forbid": {"anything": ["at all"]}}) == []


def test_nothing_to_plan() -> None:
    background = {"kind": "context"}
    assert len(found("nothing_to_plan", background, background)) == 1
    assert found("nothing_to_plan", background) == []


def test_findings_name_the_line_of_the_field(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "principles:\n- id: a\n  title: A\n  statement: Say it.\n  why: Say it.\n"
        "  tensions:\n  - with: b\n    resolution: Wait.\n- id: b\n  title: B\n  statement: Hide "
        "it.\n  why: Because I said so.\n"
    )
    places = {(one.rule, one.line) for one in lint_file(path)}
    assert {("bare_rule", 5), ("one_sided_tension", 7), ("no_situation", 2), ("no_tension", 9)} <= places
    lines = [one.line for one in lint_file(path)]
    assert lines == sorted(lines)
    assert str(lint_file(path)[0]).startswith(f"{path}:2:")
    assert lint_file(path)[0].json()["severity"] in ("error", "warning")


def test_shipped_constitution_is_clean() -> None:
    assert [str(one) for one in lint_file(CHECKOUT / "constitution" / "linnet.yaml")] == []


def test_lint_is_the_same_after_writing(tmp_path: Path) -> None:
    made = Constitution.model_validate({"principles": [{**GOOD, "why": "It matters."}, {**CARE, "misuse": ""}]})
    (tmp_path / "c.yaml").write_text(yaml_text(made))
    assert (
        {one.rule for one in lint(made)}
        == {one.rule for one in lint_file(tmp_path / "c.yaml")}
        == {"bare_rule", "no_misuse"}
    )


SPOILED = {
    # rule: the field of one principle of the shipped constitution, and what is put in its place
    "bare_rule": ("why", "Because it is right."),
    "no_situation": ("situations", []),
    "no_tension": ("tensions", []),
    "no_misuse": ("misuse", ""),
    "hard_coded_name": ("misuse", "Linnet could be told that this is a licence."),
}


@pytest.mark.parametrize("rule", SPOILED)
def test_a_spoiled_field_of_the_shipped_constitution_is_found_at_its_principle(rule: str) -> None:
    shipped = load_constitution(CHECKOUT / "constitution" / "linnet.yaml")
    values = [one for one in shipped.principles if one.kind is Kind.VALUE]
    for victim in values:
        field, spoiled = SPOILED[rule]
        rows = [{**row, **({field: spoiled} if row["id"] == victim.id else {})} for row in shipped.raw["principles"]]
        found = [
            one for one in lint(Constitution.model_validate({**shipped.raw, "principles": rows})) if one.rule == rule
        ]
        assert [one.principle for one in found] == [victim.id]
