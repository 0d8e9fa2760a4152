"""Rules nested in JSON and YAML, values that are not what they should be, and files that are something else."""

import json
from pathlib import Path
from typing import Any

import pytest

from builder.constitution import Imported, Kind, import_constitution, load_constitution, write_constitution
from builder.errors import InputError


def imported(tmp_path: Path, data: Any, name: str = "w.json") -> Imported:
    path = tmp_path / name
    path.write_text(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return import_constitution(path)


def said(found: Imported) -> list[tuple[str, str]]:
    return [(one.title, one.statement) for one in found.constitution.principles]


TRUTH, DECEIT = "The assistant should tell the truth to users.", "The assistant should never deceive."
RULES = [("Honesty", "We care about the truth."), (TRUTH[:-1], TRUTH), (DECEIT[:-1], DECEIT)]


def test_a_document_under_one_key_has_its_name_and_preamble(tmp_path: Path) -> None:
    rows = [{"title": "Honesty", "text": TRUTH}, {"title": "Care", "text": "It looks after people."}]
    data = {
        "constitution": {"name": "Acme", "description": "What our assistant should care about.", "principles": rows}
    }
    made = imported(tmp_path, data)
    assert (made.constitution.name, made.constitution.preamble) == ("Acme", "What our assistant should care about.")
    assert said(made) == [("Honesty", TRUTH), ("Care", "It looks after people.")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("w.json", json.dumps({"sections": [{"title": "Honesty", "text": "We care about the truth.", "rules": [TRUTH, DECEIT]}]})),
        ("w.yaml", f"honesty:\n  summary: We care about the truth.\n  details:\n  - {TRUTH}\n  - {DECEIT}\n"),
        ("w.yaml", f"values:\n- name: Honesty\n  description: We care about the truth.\n  rules: [{TRUTH}, {DECEIT}]\n"),
    ],
)  # fmt: skip
def test_rules_inside_a_rule_are_rules_of_their_own(name: str, text: str, tmp_path: Path) -> None:
    found = imported(tmp_path, text, name)
    assert said(found) == RULES
    assert found.shown == found.sentence_coverage == 1.0


def test_what_only_heads_a_group_is_context(tmp_path: Path) -> None:
    group = {"name": "Safety", "icon": "shield", "description": "Principles on safety.", "principles": [{"title": "No harm", "text": "Never harm people."}]}  # fmt: skip
    made = imported(tmp_path, {"categories": [group]}).constitution
    assert [(one.id, one.kind) for one in made.principles] == [("safety", Kind.CONTEXT), ("no-harm", Kind.VALUE)]


def test_a_statement_or_reason_in_several_texts_is_taken_whole(tmp_path: Path) -> None:
    row = {"title": "Honesty", "text": ["Tell the truth.", "Say how sure you are."], "reasons": ["People rely on it.", "It is owed."]}  # fmt: skip
    (one,) = imported(tmp_path, {"principles": [row]}).constitution.principles
    assert (one.statement, one.why) == ("Tell the truth.\n\nSay how sure you are.", "People rely on it.\n\nIt is owed.")


def test_what_is_forbidden_is_never_imported_as_asked(tmp_path: Path) -> None:
    found = imported(tmp_path, {"do": ["Tell the truth to people"], "dont": ["Lie to users about it"], "never": ["Never harm anybody at all"]})  # fmt: skip
    assert [statement for _, statement in said(found)] == [
        "Tell the truth to people", "Dont: Lie to users about it", "Never harm anybody at all"
    ]  # fmt: skip


def test_a_sentence_that_no_writer_sees_is_not_counted_as_shown(tmp_path: Path) -> None:
    row = {"title": "Honesty", "text": TRUTH, "why": "People rely on it.", "scope": "This holds for all operators."}
    found = imported(tmp_path, {"principles": [row]})
    assert found.sentence_coverage == 1.0 and found.shown == pytest.approx(2 / 3)


ACCEPTED = {
    "many labels": {"principles": [{"id": 1, "name": "Honesty", "priority": 1, "tags": ["core", "ethics"], "enabled": True, "text": "The assistant tells the truth to users even when it hurts."}]},
    "Japanese": ["嘘をつかない。人は答えを信じるからだ。", "困っている人を助ける。"],
    "a few words each": {"values": ["Be honest", "Be kind", "Help people"]},
    "titles that are the rules": {"principles": [{"id": 1, "principle": "Be honest with users"}, {"id": 2, "principle": "Be kind"}]},
    "three words": {"principles": [{"title": "Honesty", "text": "Tell the truth.", "why": " "}]},
    "ours without a why": {"principles": [{"id": "a", "title": "Honesty", "statement": "Tell the truth to everybody."}]},
    "a blank statement": {"principles": [{"title": "Be honest with people", "text": " ", "why": "They rely on it."}]},
    "a tension without a word": {"values": [{"name": "Honesty", "text": "Tell the truth always.", "tradeoffs": {"Care": ""}}, {"name": "Care", "text": "Look after them all."}]},
    "questions that are a number": [{"trait": "I always tell the truth to everyone.", "questions": 5}],
    "a single principle": {"title": "Honesty", "statement": TRUTH, "why": "People rely on it."},
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(case: str, tmp_path: Path) -> None:
    found = imported(tmp_path, ACCEPTED[case])
    assert found.constitution.principles and found.sentence_coverage == 1.0
    assert all(len(one) > 1 for principle in found.constitution.principles for one in principle.situations)
    write_constitution(found.constitution, tmp_path / "made.yaml")
    assert load_constitution(tmp_path / "made.yaml") == found.constitution


def test_a_question_that_is_one_text_is_one_situation(tmp_path: Path) -> None:
    (one,) = imported(
        tmp_path, [{"trait": "I tell the truth to all.", "questions": "How are you?"}]
    ).constitution.principles
    assert one.situations == ("How are you?",)


def test_numbers_and_keys_are_taken_as_they_are_written(tmp_path: Path) -> None:
    text = "principles:\n  1: The assistant should tell the truth.\n  0x2: The assistant should be kind.\n  yes: Do as you say.\n"
    assert [title for title, _ in said(imported(tmp_path, text, "w.yaml"))] == ["1", "0x2", "Yes"]
    digits = "9" * 5000
    for text in (
        f'{{"version": {digits}, "values": ["{TRUTH}"]}}',
        f'[{{"trait": "I tell the truth to all.", "n": {digits}}}]',
    ):
        assert len(imported(tmp_path, text).constitution.principles) == 1


REFUSED: dict[str, tuple[str, Any, str]] = {
    "ours but for a why": ("w.yaml", "schema: 1\nprinciples:\n- {id: a, title: A, statement: Say it.}\n", "in our own format, and its principle 1 lacks 'why'"),
    "chat messages": ("w.json", [{"role": "system", "content": "You should never lie to users."}], "holds chat messages"),
    "chat messages in YAML": ("w.yaml", "messages:\n- role: user\n  content: You should never lie to users.\n", "holds chat messages"),
    "a dataset": ("w.json", [{"prompt": "What should I do about it?", "response": "You should ask."}], "prompts with answers"),
    "texts of windows": ("w.json", {"in": "Welcome to the page, please log in", "save": "Your changes have been saved", "err": "Something went wrong, please try again"}, "texts of a program's windows"),
    "texts of windows, nested": ("w.json", {"en": {"a": {"title": "Log in", "text": "Please sign in to your account now"}, "b": {"title": "Home", "text": "Welcome back to your page"}}}, "texts of a program's windows"),
    "OpenAPI": ("w.json", {"openapi": "3.0.0", "info": {"description": "This should list all the pets."}}, "description of an interface (key openapi)"),
    "tools": ("w.json", {"tools": [{"name": "read", "description": "Read a file from the disk."}]}, "description of an interface (key tools)"),
    "critiques": ("w.json", [{"critic": "Identify what is harmful in it.", "revision": "Please rewrite it without that."}], "critiques and revisions (keys critic, revision)"),
    "edit requests": ("w.json", {"h0": {"prompt": "Identify what is harmful.", "edit request": "Please rewrite it."}}, "critiques and revisions (keys edit request)"),
    "a repeated key": ("w.json", '{"values": ["Be honest with people"],\n"values": ["Be kind to people"]}', "w.json:2: key 'values' stands twice"),
    "half a character": ("w.json", '{"values": [\n"Tell the truth \\ud800 to all."]}', "w.json:2: \\ud800 is half a character"),
    "deep": ("w.json", "[" * 900 + '"Tell the truth to all."' + "]" * 900, "nested more than 40 levels"),
    "columns of one name": ("w.csv", "principle,rule,rule\na,b,c\n", "w.csv:1: two columns are called 'rule'"),
    "an open quotation in a table": ("w.csv", 'title,why\na,b\n"c,d\ne,f\n', "w.csv:3: not a readable table: a quotation mark is opened in this row"),
    "a PDF": ("w.md", "%PDF-1.4\n# A\n\nx\n\n# B\n\ny\n", "is a PDF, whatever its name"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    name, data, words = REFUSED[case]
    with pytest.raises(InputError) as caught:
        imported(tmp_path, data, name)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert ";" in str(caught.value) or "flatten" in str(caught.value)


def test_a_word_archive_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "w.md").write_bytes(b"PK\x03\x04\x14\x00\x08\x08\x08\x00")
    with pytest.raises(InputError, match=r"w\.md is a zip archive, such as a \.docx"):
        import_constitution(tmp_path / "w.md")


def test_a_column_without_a_name_is_kept(tmp_path: Path) -> None:
    (one,) = imported(
        tmp_path, ",principle,why\nmorals,Tell the truth,They rely on it\n", "w.csv"
    ).constitution.principles
    assert one.source is not None and "morals" in one.source.quote


def test_what_cannot_stand_in_a_constitution_is_no_traceback(tmp_path: Path) -> None:
    rows = [{"title": name, "text": TRUTH, "conflicts": {"Care": "\u200b"}} for name in ("Honesty", "Care")]
    with pytest.raises(
        InputError, match=r"w\.json: what became the resolution under 'Honesty' cannot stand \(.*\); mend"
    ):
        imported(tmp_path, {"principles": rows})
