"""Lists of principles in Markdown, front matter, and what is said of a file in which none can be told apart."""

from pathlib import Path

import pytest

from builder.constitution import Imported, Kind, import_constitution, load_constitution, write_constitution
from builder.errors import InputError


def imported(tmp_path: Path, text: str, name: str = "w.md") -> Imported:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return import_constitution(path)


LISTS = {
    "bullets": (
        "# Our principles\n\nWe mean them.\n\n- Be honest with users. They rely on it.\n- Never help to harm people.\n"
        "  - Not even a little.\n\n  Not once.\n- Keep secrets.\n",
        ["Be honest with users", "Never help to harm people", "Keep secrets"],
    ),
    "numbers": (
        "1. Be honest with users\n   even when it hurts. Truth matters.\n\n2) Be kind to people.\n",
        ["Be honest with users even when it hurts", "Be kind to people"],
    ),
    "titles in bold": (
        "**Honesty.** The assistant tells people the truth.\n\n**Care**\nThe assistant looks after people.\n\n"
        "It does so daily.\n\n__Limits:__ Never build bombs.\n",
        ["Honesty", "Care", "Limits"],
    ),
    "bullets with titles": (
        "- **Honesty**: The assistant tells people the truth.\n- **Care** – it looks after people.\n",
        ["Honesty", "Care"],
    ),
    "under such a name": (
        "# 原則 (our values)\n\n- 嘘をつかない。人は答えを信じる。\n- 困っている人を助ける。\n",
        None,
    ),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_list_of_principles(case: str, tmp_path: Path) -> None:
    text, titles = LISTS[case]
    found = imported(tmp_path, text)
    made = found.constitution
    assert found.source_format == "list of principles" and found.sentence_coverage == 1.0
    assert titles is None or [one.title for one in made.principles] == titles
    assert all(one.source and one.source.quote in text for one in made.principles)


def test_its_name_preamble_and_entries(tmp_path: Path) -> None:
    made = imported(tmp_path, LISTS["bullets"][0]).constitution
    assert (made.name, made.preamble) == ("Our principles", "We mean them.")
    first, second, _ = made.principles
    assert (first.statement, first.why) == ("Be honest with users.", "They rely on it.")
    assert second.source is not None and second.source.quote.endswith("Not once.")
    limits = imported(tmp_path, LISTS["titles in bold"][0]).constitution.principle("limits")
    assert (limits.statement, limits.kind) == ("Never build bombs.", Kind.VALUE)


UNKNOWN = {
    "a shopping list": (
        "- two eggs and flour\n- a litre of milk\n",
        "looks like a list of 2 entries, of which few ask",
    ),
    "features": ("# MyLib\n\n- Fast and small\n- Works on Linux\n", "looks like a list of 2 entries, of which few ask"),
    "one heading": ("# Honesty\n\nTell the truth.\n", "has a single heading, so nothing tells one principle from the"),
    "headings over nothing": ("# Honesty\n\n# Care\n\n# End\n\nx\n", "has 3 headings and fewer than two with text"),
    "HTML": ("<!DOCTYPE html>\n<html><body><h1>Honesty</h1></body></html>\n", "is HTML; save it as Markdown"),
    "broken JSON": ('{"values": ["Be honest"', "begins like JSON and is none"),
    "running text": ("We want a good assistant.\n\nIt should be kind.\n", "looks like running text, in which nothing"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_no_constitution_yet_is_told_what_to_do(case: str, tmp_path: Path) -> None:
    text, words = UNKNOWN[case]
    with pytest.raises(InputError) as caught:
        imported(tmp_path, text)
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "w.md")) and "see docs/constitution.md" in str(caught.value)


def test_front_matter_names_the_document(tmp_path: Path) -> None:
    body = "# Honesty\n\nTell the truth.\n\n# Care\n\nLook after people.\n"
    front = "---\ntitle: Charter of Acme\ndescription: What it is for.\nauthor: Jane\ndate: 2024-01-01\n---\n"
    found = imported(tmp_path, front + body)
    made = found.constitution
    assert (made.name, made.preamble) == ("Charter of Acme", "What it is for.")
    assert found.unmapped == ("front matter: author, date",) and len(made.principles) == 2
    rule = imported(tmp_path, "---\nNo keys: [here\n---\n\n" + body)
    assert "No keys: [here" in rule.constitution.preamble, "two rules with text between them are text"


def test_a_character_that_ends_lines_elsewhere_stays_in_the_quotation(tmp_path: Path) -> None:
    text = "# A\n\nBe kind\u0085to people\u2028and \x0cto\u2029animals.\n\n# B\n\nBe fair.\n"
    found = imported(tmp_path, text)
    first = found.constitution.principles[0]
    assert first.source is not None and first.source.quote == text.split("\n")[2]
    written = write_constitution(found.constitution, tmp_path / "made.yaml")
    assert load_constitution(written) == found.constitution
