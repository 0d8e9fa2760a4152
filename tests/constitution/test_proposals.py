"""What a model proposes is taken over only where it can be read and its quotations stand in the source."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from builder.constitution import (
    Constitution,
    Proposal,
    Severity,
    compare,
    lint,
    lint_file,
    load_constitution,
    read_proposal,
    write_constitution,
    yaml_text,
)
from builder.constitution.quotations import Source

SECTION = """Wren keeps what it is told.

- A patient may tell it *things* she would not tell her sister, and **she** must be able to.
- Others ask for “only the gist”, as if that were less.

If secrets leaked, people would stop asking, and those with the most to hide
would be helped least [as we say below](#trust). Wren’s silence isn't indifference.
"""
DOCUMENT = SECTION + "\n\nElsewhere the document says that danger comes first."
GOOD: dict[str, Any] = {
    "statement": "Wren repeats to nobody what a person told it in confidence.",
    "why": "If secrets leaked, people would stop asking.",
    "situations": ["A patient tells Wren something she would not tell her sister."],
    "tensions": [{"with": "care", "resolution": "Danger to a life comes before silence.", "exceptions": ""}],
    "misuse": "Asking for “only the gist” is asking for the secret.",
    "conflicts": [{"with": "candour", "question": "Must Wren say that it is keeping something back?"}],
    "quotes": ["people would stop asking, and those with the most to hide would be helped least"],
}


def read(**changes: Any) -> Proposal:
    answer = {**GOOD, **changes}
    answer = {key: value for key, value in answer.items() if value is not ...}
    reply = f"Here it is.\n<principle>{json.dumps(answer, ensure_ascii=False)}</principle>"
    return read_proposal(reply, SECTION, Source(DOCUMENT), ["care", "candour"])


def test_a_good_answer_is_taken_over_whole() -> None:
    found = read()
    assert list(found.fields) == ["statement", "why", "situations", "tensions", "misuse"]
    assert found.fields["tensions"] == [{"with": "care", "resolution": "Danger to a life comes before silence."}]
    assert found.conflicts == (("candour", "Must Wren say that it is keeping something back?"),)
    assert found.notes == () and found.quotations == (2, 0)


@pytest.mark.parametrize(
    ("reply", "note"),
    [
        ("I cannot do that.", "no single <principle>"),
        ("<principle>{}</principle><principle>{}</principle>", "no single <principle>"),
        ("<principle>{} ", "no single <principle>"),
        ("<principle>{'statement': 1}</principle>", "is not JSON"),
        (f"<principle>{'[' * 100_000}</principle>", "is not JSON"),
        ("<principle>[]</principle>", "is no JSON object"),
        ('<principle>{"statement": "\\ud800"}</principle>', "broken characters"),
        ('<principle>{"statement": "a \\u001b[31m"}</principle>', "broken characters"),
        (f'<principle>{{"tier": {"9" * 5000}}}</principle>', "is not JSON"),
        (f'<principle>{{"tier": {"[" * 900}{"]" * 900}}}</principle>', "is not JSON"),
    ],
)
def test_an_unreadable_answer_proposes_nothing(reply: str, note: str) -> None:
    found = read_proposal(reply, SECTION, Source(DOCUMENT), ["care"])
    assert found.unread and found.fields == {} and len(found.notes) == 1 and note in found.notes[0]


def test_a_fenced_answer_is_read() -> None:
    reply = f"<principle>\n```json\n{json.dumps(GOOD)}\n```\n</principle>"
    assert len(read_proposal(reply, SECTION, Source(DOCUMENT), ["care", "candour"]).fields) == 5


@pytest.mark.parametrize(
    ("changes", "lost", "note"),
    [
        ({"statement": 3}, "statement", "statement could not be read (text was expected)"),
        ({"statement": " "}, "statement", "statement could not be read (text was expected)"),
        ({"statement": "\u200b"}, "statement", "statement could not be read (text was expected)"),
        ({"why": ...}, "why", "the answer lacks why"),
        ({"why": None}, "why", "the source gives no why, says the model"),
        ({"situations": "one"}, "situations", "situations could not be read (a list was expected)"),
        ({"situations": ["one", 2]}, "situations", "situations could not be read (text was expected)"),
        ({"situations": []}, "situations", "the source gives no situations, says the model"),
        ({"tensions": ["care"]}, "tensions", "tensions could not be read (a list of objects was expected)"),
        ({"tensions": [{"with": "care"}]}, "tensions", "each object should have with and resolution"),
        ({"tensions": [{"with": "care", "resolution": "a", "rank": "1"}]}, "tensions", "each object should have"),
        ({"tensions": [{"with": "care", "resolution": "a", "exceptions": [1]}]}, "tensions", "exceptions should be text"),
        ({"tensions": [{"with": "kindness", "resolution": "a"}]}, "tensions", "a tension with 'kindness' was left out"),
        ({"misuse": ["a"]}, "misuse", "misuse could not be read (text was expected)"),
        ({"quotes": ["people would stop asking me about it"]}, "why", "taken out of quotes: “people would stop asking me"),
        ({"quotes": ["stop asking"]}, "why", "why rests on no quotation that stands in the section"),
        ({"quotes": ["the document says that danger comes first"]}, "why", "why rests on no quotation"),
        ({"quotes": "people would stop asking"}, "why", "quotes could not be read (a list was expected)"),
        ({"misuse": "People say “only the summary”."}, "misuse", "with its sentence: “only the summary”"),
    ],
)  # fmt: skip
def test_one_bad_field_leaves_the_others(changes: dict[str, Any], lost: str, note: str) -> None:
    found = read(**changes)
    assert set(found.fields) == set(GOOD) - {lost, "conflicts", "quotes"}
    assert any(note in one for one in found.notes), found.notes


def test_conflicts_and_unknown_keys_are_read_strictly_too() -> None:
    assert read(conflicts=[{"with": "care"}]).conflicts == ()
    assert read(conflicts=[{"with": "nobody", "question": "Which?"}]).conflicts == ()
    assert read(conflicts=None).notes == ("conflicts could not be read (a list of objects was expected)",)
    assert read(tier=1).notes == ("unknown key 'tier' was left out",)


def test_a_second_tension_with_the_same_principle_is_left_out() -> None:
    twice = [{"with": "care", "resolution": "First."}, {"with": "care", "resolution": "Second."}]
    assert read(tensions=twice).fields["tensions"] == [{"with": "care", "resolution": "First."}]


def test_only_the_sentence_with_the_misquotation_goes() -> None:
    why = "People would stop asking. The text calls it “a sacred trust”, e.g. here. Those with much to hide lose most.\n\nIt is “only the gist”."
    found = read(why=why)
    assert (
        found.fields["why"] == "People would stop asking. Those with much to hide lose most.\n\nIt is “only the gist”."
    )
    assert found.quotations == (3, 1)
    assert found.notes == ("not in the source and taken out of the text, with its sentence: “a sacred trust”",)


@pytest.mark.parametrize(
    "quotation",
    [
        "A patient may tell it things she would not tell her sister",
        "Others ask for 'only the gist', as if that were less.",
        '"only the gist"',
        "most to hide\n   would be helped least as we say below",
        "Wren's silence isn’t indifference,",
        "she must be able to. Others ask",
    ],
)
def test_white_space_marks_and_markdown_do_not_count(quotation: str) -> None:
    assert Source(SECTION).has(quotation)


@pytest.mark.parametrize(
    "quotation",
    ["", "“”", "…", "a patient may tell it", "patient may tell it ... her sister", "would stop ask", "ilence isn't", "people stop asking"],
)  # fmt: skip
def test_a_changed_word_a_gap_or_half_a_word_is_no_quotation(quotation: str) -> None:
    assert not Source(SECTION).has(quotation)


@given(
    st.lists(st.sampled_from(["one", "two", "three", "four", "five", "six", "seven"]), min_size=5, max_size=40),
    st.data(),
)
@settings(deadline=None, max_examples=60)
def test_every_run_of_the_sources_words_is_found_and_no_other(words: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words) - 2))
    end = data.draw(st.integers(start + 1, len(words)))
    gap = data.draw(st.sampled_from([" ", "\n", "  ", "\n\n"]))
    source = Source(" ".join(words))
    assert source.has(gap.join(words[start:end]))
    assert not source.has(" ".join([*words[start:end], "eight"]))


def document(**fields: Any) -> dict[str, Any]:
    row = {
        "id": "honesty",
        "title": "Honesty",
        "kind": "disposition",
        "statement": "Asked what it thinks, it says so.",
        "why": "A listener who is steered by falsehoods cannot decide anything for themselves.",
        "situations": ["A baker asks whether the loaf is any good."],
        "misuse": "Cruelty calls itself candour.",
    }
    return {"principles": [{**row, **fields}]}


def test_lint_warns_of_what_nobody_has_confirmed(tmp_path: Path) -> None:
    made = Constitution.model_validate(document(proposed=["why", "situations", "misuse"]))
    (one,) = lint(made)
    assert (one.rule, one.severity, one.principle) == ("proposed", Severity.WARNING, "honesty")
    assert one.reason.startswith("the why, situations and misuse of 'honesty' were proposed")
    path = write_constitution(made, tmp_path / "c.yaml")
    (placed,) = lint_file(path)
    assert path.read_text().splitlines()[placed.line - 1].strip() == "proposed:"
    assert (
        "the why of 'honesty' was proposed" in lint(Constitution.model_validate(document(proposed=["why"])))[0].reason
    )
    assert lint(Constitution.model_validate(document())) == []
    assert lint(Constitution.model_validate(document(proposed=[]))) == []


def test_the_mark_survives_writing_and_refuses_what_cannot_be_proposed(tmp_path: Path) -> None:
    made = Constitution.model_validate(document(proposed=["why"]))
    again = load_constitution(write_constitution(made, tmp_path / "c.yaml"))
    assert again.principles[0].proposed == ("why",)
    assert "proposed" not in yaml_text(Constitution.model_validate(document(proposed=[])))
    with pytest.raises(ValidationError):
        Constitution.model_validate(document(proposed=["title"]))


def test_confirming_a_field_changes_nothing_that_is_built_from_it() -> None:
    marked, confirmed = (Constitution.model_validate(document(proposed=names)) for names in (["why"], []))
    assert marked.sha256 == confirmed.sha256 and marked.text() == confirmed.text()
    assert compare(marked, confirmed).stale == ()
