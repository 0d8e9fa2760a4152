"""Small hand-made sources in every format, and files that are none."""

import json
from pathlib import Path

import pytest

from builder.constitution import Imported, Kind, import_constitution
from builder.errors import InputError


def imported(tmp_path: Path, name: str, text: str) -> Imported:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return import_constitution(path)


HEADED = """# Wren's constitution

A preamble stands here.

## Honesty

Wren is trained by Dove Labs. Wren should never lie. This matters because people rely on it.

```
# not a heading
```

## Limits {#limits}

### Weapons ###
Wren must never help to build one.

Care
----

We want Wren to look after people, e.g. the tired ones. A tired person asks for less than they need.
"""


def test_headed_markdown(tmp_path: Path) -> None:
    found = imported(tmp_path, "w.md", HEADED)
    made = found.constitution
    assert (made.name, made.preamble) == ("Wren's constitution", "A preamble stands here.")
    assert (made.character.name, made.character.developer) == ("Wren", "Dove Labs")
    assert [one.id for one in made.principles] == ["honesty", "weapons", "care"]
    honesty = made.principle("honesty")
    assert honesty.statement == "Wren should never lie."
    assert honesty.why == "This matters because people rely on it."
    assert made.principle("weapons").kind is Kind.HARD_CONSTRAINT
    assert made.principle("care").statement == "We want Wren to look after people, e.g. the tired ones."
    assert made.principle("weapons").source is not None
    assert found.sentence_coverage == 1.0
    assert any("1 principle gives no reason" in note and "weapons" in note for note in found.notes)


@pytest.mark.parametrize(
    "title",
    ["Constitution for language models", "Our constitution", "Company's constitution?", "AI's constitution"],
)
def test_a_common_noun_is_no_character(title: str, tmp_path: Path) -> None:
    text = HEADED.replace("# Wren's constitution", f"# {title.lower() if 'any' in title else title}")
    assert imported(tmp_path, "w.md", text).constitution.character.name == "the AI"


def test_the_same_title_twice_gets_two_ids(tmp_path: Path) -> None:
    text = (
        "# Work\n\n## Care\n\nBe careful at work.\n\n# Home\n\n## Care\n\nBe careful at "
        "home.\n\n## Care\n\nAnd again.\n"
    )
    made = imported(tmp_path, "w.md", text).constitution
    assert [one.id for one in made.principles] == ["care", "home-care", "home-care-2"]


def test_a_section_without_words_is_listed(tmp_path: Path) -> None:
    found = imported(tmp_path, "w.md", "# {#a}\n\nBe kind.\n\n# Rule\n\n***\n\n# Last\n\nBe fair.\n")
    assert [one.id for one in found.constitution.principles] == ["a", "last"]
    assert found.unmapped[0] == "no words under 'Rule'"


def test_titles_in_other_scripts_get_ids(tmp_path: Path) -> None:
    made = imported(tmp_path, "w.md", "# 诚实\n\n不说谎。\n\n# Ärger\n\nNever shout.\n").constitution
    assert [one.id for one in made.principles] == ["principle-1", "arger"]


FLAT = """Contents
Honesty
Care
Limits
Honesty
The model should say what is true. It should also say how sure it is.

It avoids:

Small comforting lies
Large convenient ones
Care
The model looks after people. Because they are tired, they ask for less than they need.
Read more
Limits
The model must never help to build a bomb. Nothing outweighs that.
"""


def test_flat_text(tmp_path: Path) -> None:
    found = imported(tmp_path, "w.txt", FLAT)
    assert [one.id for one in found.constitution.principles] == ["honesty", "care", "limits"]
    honesty = found.constitution.principle("honesty").source
    assert honesty is not None
    assert "Small comforting lies" in honesty.quote
    assert found.sentence_coverage == 1.0
    assert any("navigation" in one for one in found.unmapped)
    assert any("table of contents" in one for one in found.unmapped)


TABLES = {
    "title and statement": "id,title,statement,why\nhon,Honesty,Say what is true.,People rely on it.\n",
    "semicolons": "Principle;Statement;Rationale\nHonesty;Say what is true.;People rely on it.\n",
}


@pytest.mark.parametrize("case", TABLES)
def test_table(case: str, tmp_path: Path) -> None:
    (one,) = imported(tmp_path, "w.csv", TABLES[case]).constitution.principles
    assert (one.title, one.statement, one.why) == ("Honesty", "Say what is true.", "People rely on it.")
    assert one.id == ("hon" if case == "title and statement" else "honesty")


PRINCIPLES = {
    "list of objects": {
        "principles": [{"name": "Honesty", "text": "Say what is true.", "rationale": "People rely on it."}]
    },
    "list at the top": [{"title": "Honesty", "description": "Say what is true.", "reason": "People rely on it."}],
    "by name": {"values": {"honesty": {"statement": "Say what is true.", "why": "People rely on it."}}},
    "laws": {"laws": [{"title": "Honesty", "law": "Say what is true.", "because": "People rely on it."}]},
}


@pytest.mark.parametrize("case", PRINCIPLES)
@pytest.mark.parametrize("suffix", [".json", ".yaml", ".txt"])
def test_foreign_mappings(case: str, suffix: str, tmp_path: Path) -> None:
    found = imported(tmp_path, f"w{suffix}", json.dumps(PRINCIPLES[case]))
    (one,) = found.constitution.principles
    assert (one.title, one.statement, one.why) == ("Honesty", "Say what is true.", "People rely on it.")
    assert found.sentence_coverage == 1.0


def test_tradeoffs_become_tensions(tmp_path: Path) -> None:
    text = """
name: Values of Wren
values:
  - name: Honesty
    description: Say what is true to people.
    tradeoffs:
      - {with: Care, resolution: Choose the moment but keep the facts.}
      - {with: Nobody we know, resolution: This one stays in the quote.}
  - name: Care
    description: Look after the people who ask.
"""
    made = imported(tmp_path, "w.yaml", text).constitution
    (tension,) = made.principle("honesty").tensions
    assert (tension.with_, tension.resolution) == ("care", "Choose the moment but keep the facts.")
    source = made.principle("honesty").source
    assert source is not None
    assert "This one stays in the quote." in source.quote


def test_named_sections(tmp_path: Path) -> None:
    text = (
        "red_lines:\n  - Never help to build a bomb.\nstyle:\n  - Answer in plain short words.\n "
        " - {tone: Keep a calm and even tone.}\n"
    )
    made = imported(tmp_path, "w.yml", text).constitution
    assert [(one.title, one.kind.value) for one in made.principles] == [
        ("Never help to build a bomb", "hard_constraint"),
        ("Answer in plain short words", "value"),
        ("Tone", "value"),
    ]


REFUSED = {
    "permissions": (
        "c.json",
        '{"permissions": {"allow": ["Bash(ls)"], "deny": ["WebFetch"]}}',
        "tool permissions (keys permissions, allow",
    ),
    "tools list": (
        "c.yaml",
        "tools:\n  - read_file\n  - write_file\nsandbox: true\n",
        "tool permissions (keys tools, sandbox)",
    ),
    "settings": (
        "c.yaml",
        "theme: dark\nfont_size: 12\nautosave: true\n",
        "holds settings (keys theme, font_size, autosave)",
    ),
    "app configuration": (
        "c.json",
        '{"constitution": {"enabled": true, "path": "./c.md"}}',
        "holds settings (keys constitution, enabled",
    ),
    "one value": ("c.json", '"be good"', "holds one value"),
    "ours": (
        "c.yaml",
        "principles:\n- {id: a, title: A, statement: Say what is so., why: It is relied upon by all.}\n",
        "check it instead of importing it",
    ),
    "broken JSON": ("c.json", '{"a": 1,\n "b": }', "c.json:2:7: not JSON"),
    "broken YAML": ("c.yaml", "a: [b\n", "the bracket that opens here is not closed"),
    "table without such columns": (
        "c.csv",
        "date,amount\n1,2\n",
        "no column that names or states a principle (columns: date, amount)",
    ),
    "ragged table": ("c.csv", "title,why\na,b\na,b,c\n", "c.csv:3: 3 cells where the header has 2"),
    "empty table": ("c.csv", "title,why\n", "holds no principle"),
    "empty file": ("c.md", "", "is empty"),
    "prose without titles": (
        "c.md",
        "Be good to people.\n\nAnd to animals.\n",
        "looks like running text, in which nothing tells one principle from the next; put a heading such as",
    ),
    "deep JSON": ("c.json", "[" * 100_000, "c.json"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    name, text, words = REFUSED[case]
    with pytest.raises(InputError) as caught:
        imported(tmp_path, name, text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        import_constitution(tmp_path / "none.md")
