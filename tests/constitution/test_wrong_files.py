"""Hand-made wrong files: each gets its sentence, at its line."""

from pathlib import Path

import pytest

from builder.constitution import load_constitution
from builder.errors import InputError
from builder.placed_yaml import InvalidFile

ONE = "- id: honesty\n  title: Honesty\n  statement: Say what is true.\n  why: People rely on it.\n"


def doc(after: str = "", before: str = "") -> str:
    """A valid constitution of one principle (six lines when nothing stands before it) with something wrong
    added."""
    return f"{before}principles:\n{ONE}{after}"


def with_value(key: str, old: str, new: str) -> str:
    return "principles:\n" + ONE.replace(f"{key}: {old}", f"{key}: {new}")


BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
)

WRONG = {
    # what, text, line, words of the sentence
    "empty": ("", 1, "the file is empty"),
    "comments only": ("# nothing here\n", 1, "the file is empty"),
    "null": ("~\n", 1, "the file is empty"),
    "a list at the top": (ONE, 1, "the file should be a mapping, found a list"),
    "a word at the top": ("hello\n", 1, "the file should be a mapping, found text 'hello'"),
    "tab as indentation": ("principles:\n\t- id: x\n", 2, "a tab is used for indentation; use spaces"),
    "tab further down": (doc("\ttitle: x\n"), 6, "a tab is used for indentation; use spaces"),
    "quotation mark not closed": (
        f'name: "abc\n{doc()}',
        1,
        "the quotation mark that opens here is not closed",
    ),
    "bracket not closed": (f"name: [a\n{doc()}", 1, "the bracket that opens here is not closed"),
    "colon in plain text": (doc("- id: a\n  title: b: c\n"), 7, "put the text in quotes"),
    "a line without a key": (doc("  It goes on\n  misuse: x\n"), 6, "this line has no key"),
    "a line too far left": (doc("  misuse: >\n     x\n y: z\n"), 8, "mend its indentation"),
    "item out of line": ("principles:\n - id: a\n  - id: b\n", 3, "mend the indentation"),
    "key out of line": (doc("   misuse: x\n"), 6, "does not line up"),
    "no space after the hyphen": ("principles:\n  -id: x\n", 1, "put a space after each hyphen"),
    "unknown key at the top": (
        doc(before="principels: []\n"),
        1,
        "unknown key 'principels' in the file; did you mean 'pr",
    ),
    "unknown key in a principle": (
        doc("  stament: x\n"),
        6,
        "'stament' in principle 'honesty'; did you mean 'statement'?",
    ),
    "unknown key in a tension": (
        doc("  tensions:\n  - wiht: honesty\n    resolution: x\n"),
        7,
        "did you mean 'with'?",
    ),
    "unknown key in character": (doc(before="character:\n  nmae: x\n"), 2, "did you mean 'name'?"),
    "unknown key with no near one": (doc("  zzzz: x\n"), 6, "known are id, title, kind"),
    "no principles": ("name: x\n", 1, "the file lacks 'principles'"),
    "principles empty": ("principles: []\n", 1, "write at least one item"),
    "principles without a value": ("principles:\n", 1, "'principles' in the file has no value"),
    "principles as mapping": ("principles:\n  honesty: x\n", 1, "should be a list, found a mapping"),
    "principle without id": (
        "principles:\n- title: t\n  statement: s\n  why: w\n",
        2,
        "principle 1 lacks 'id'",
    ),
    "principle without why": (
        "principles:\n- id: t\n  title: t\n  statement: s\n",
        2,
        "principle 't' lacks 'why'",
    ),
    "repeated id": (doc(ONE), 6, "id 'honesty' stands twice (first as principle 1)"),
    "repeated key": (doc("  why: again\n"), 6, "key 'why' stands twice (first on line 5)"),
    "id with capitals": (
        with_value("id", "honesty", "Honesty First"),
        2,
        "small letters, digits and hyphens",
    ),
    "id a number": (
        "principles:\n" + ONE.replace("id: honesty", "id: 7"),
        2,
        "should be text, found the number 7; put it in quotes",
    ),
    "unknown kind": (doc("  kind: hard-constraint\n"), 6, "did you mean 'hard_constraint'?"),
    "statement empty": (
        with_value("statement", "Say what is true.", '""'),
        4,
        "'statement' in principle 'honesty' is empty",
    ),
    "statement lost to a comment": (
        with_value("statement", "Say what is true.", "# later"),
        4,
        "has no value",
    ),
    "statement a list": (
        with_value("statement", "Say what is true.", "[a, b]"),
        4,
        "should be text, found a list",
    ),
    "title a truth value": (
        with_value("title", "Honesty", "yes"),
        3,
        "should be text, found true; put it in quotes",
    ),
    "title a number": (with_value("title", "Honesty", "3.5"), 3, "found the number 3.5; put it in quotes"),
    "tier zero": (doc("  tier: 0\n"), 6, "should be at least 1"),
    "tier in quotes": (doc('  tier: "1"\n'), 6, "should be a whole number, found text '1'"),
    "tier a truth value": (doc("  tier: true\n"), 6, "should be a whole number, found true"),
    "situations as text": (doc("  situations: one\n"), 6, "should be a list, found text 'one'"),
    "a situation as mapping": (
        doc("  situations:\n  - a\n  - b: c\n"),
        8,
        "item 2 of 'situations' in principle 'honesty' should be",
    ),
    "tension with nobody": (
        doc("  tensions:\n  - with: honsty\n    resolution: x\n"),
        7,
        "did you mean 'honesty'?",
    ),
    "tension with itself": (
        doc("  tensions:\n  - with: honesty\n    resolution: x\n"),
        7,
        "set against itself",
    ),
    "priority over nobody": (
        doc(before="priorities:\n- higher: honesty\n  lower: care\n"),
        3,
        "no principle has the id 'care'",
    ),
    "priorities without principles": (
        "priorities:\n- higher: a\n  lower: b\n",
        1,
        "the file lacks 'principles'",
    ),
    "priority over itself": (
        doc(before="priorities:\n- higher: honesty\n  lower: honesty\n"),
        3,
        "set against itself",
    ),
    "another schema": (doc(before="schema: 2\n"), 1, "'schema' in the file should be 1, found the number 2"),
    "a schema that only equals 1": (doc(before="schema: true\n"), 1, "'schema' in the file should be 1, found true"),
    "a schema with a point": (doc(before="schema: 1.0\n"), 1, "'schema' in the file should be 1, found the number 1.0"),
    "statement of nothing to be seen": (
        with_value("statement", "Say what is true.", '"\\u200b\\u2060"'),
        4,
        "'statement' in principle 'honesty' is empty; write it",
    ),
    "the same field proposed twice": (doc("  proposed: [why, why]\n"), 6, "names 'why' twice; name it once"),
    "required and without a value": (
        with_value("why", "People rely on it.", ""),
        5,
        "'why' in principle 'honesty' has no value; write it, it is required",
    ),
    "optional and without a value": (doc("  misuse:\n"), 6, "has no value; give it one or take it out"),
    "an octal number": (with_value("id", "honesty", "0123"), 2, "found the number 0123; put it in quotes"),
    "a number that is none": (with_value("title", "Honesty", "0x_"), 3, "'0x_' reads as a number and cannot be one"),
    "a number beyond all measure": (doc(f"  tier: {'9' * 5000}\n"), 6, "'99999999999999999999…' reads as a number"),
    "bracket not closed over a list": ("name: [\nprinciples:\n- id: x\n", 1, "the bracket that opens here is not"),
    "hyphens inside a bracket": (
        "name: [a,\n  - b,\n  c]\n",
        2,
        "the bracket that opens on line 1 is not closed before this, or this does not belong inside it",
    ),
    "lines that only YAML sees": (doc("  misuse: x: y\n", before="name: a\u0085\n"), 7, "put the text in quotes"),
    "a line that YAML cuts": ("name: a\u2028b\nx: [\n", 1, "to YAML this line ends at its character U+2028"),
    "anchor and alias": (doc("- &a\n  id: b\n- *a\n"), 6, "anchor &a is not allowed"),
    "alias alone": (doc("  misuse: *why\n"), 6, "alias *why is not allowed"),
    "merge key": (doc("  <<: {misuse: x}\n"), 6, "key '<<' should be text"),
    "alias bomb": (BOMB, 1, "anchor &a is not allowed"),
    "object tag": (
        doc("  misuse: !!python/object/apply:os.system [ls]\n"),
        6,
        "tag '!!python/object/apply:os.system' is not",
    ),
    "own tag": (doc("  misuse: !mine x\n"), 6, "tag '!mine' is not allowed"),
    "binary tag": (doc("  misuse: !!binary aGk=\n"), 6, "tag '!!binary' is not allowed"),
    "two documents": (f"{doc()}---\n{doc()}", 6, "a second document begins here"),
    "nested too deeply": (
        doc("  misuse: " + "[" * 60 + "]" * 60 + "\n"),
        6,
        "nested more than 40 levels deep",
    ),
    "control character": (doc("  misuse: a\x07b\n"), 6, "control character U+0007"),
    "a list as key": (doc("  ? [a, b]\n  : c\n"), 6, "key should be text"),
    "a number as key": (doc("  3: x\n"), 6, "key '3' should be text"),
    "forbid as list": (doc("  forbid: [a]\n"), 6, "should be a mapping, found a list"),
    "forbidden option not in a list": (
        doc("  forbid:\n    shape: help\n"),
        7,
        "'shape' in principle 'honesty' should be a list",
    ),
    "place at the start of plain text": (doc("  misuse: {character} says so\n"), 6, "what began with '{'"),
    "text after a quotation": (doc('  misuse: "a" and b\n'), 6, "what began with '\"'"),
    "star at the start": (doc("  misuse: **never**\n"), 6, "plain text cannot begin with '*'"),
    "at sign at the start": (doc("  misuse: @home\n"), 6, "plain text cannot begin with '@'"),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_wrong_file(case: str, tmp_path: Path) -> None:
    text, line, words = WRONG[case]
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidFile) as caught:
        load_constitution(path)
    first = caught.value.problems[0]
    assert first.line == line
    assert words in first.sentence
    assert str(caught.value).startswith(f"{path}:{line}:")
    assert "\n" not in str(caught.value)


def test_every_mistake_is_reported_in_file_order(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        doc("  tier: 0\n  kind: valeu\n  tensions:\n  - with: nobody\n    resolution: x\n", before="nmae: x\n")
    )
    with pytest.raises(InvalidFile) as caught:
        load_constitution(path)
    assert [problem.line for problem in caught.value.problems] == [1, 7, 8, 10]
    assert "(and 3 more problems)" in str(caught.value)


BYTES = {
    "latin-1": (doc().replace("true", "tr\xfce").encode("latin-1"), "c.yaml:4:28: byte 0xfc is not UTF-8"),
    "utf-16": (doc().encode("utf-16"), "c.yaml:1:1: the file seems to be UTF-16; save it"),
    "five megabytes": (doc("  misuse: " + "x " * 2_500_000 + "\n").encode(), "c.yaml is larger than 4 MB"),
    "null byte": (doc("  misuse: a\0b\n").encode(), "c.yaml:6:12: control character U+0000"),
}


@pytest.mark.parametrize("case", BYTES, ids=str)
def test_wrong_bytes(case: str, tmp_path: Path) -> None:
    raw, words = BYTES[case]
    (tmp_path / "c.yaml").write_bytes(raw)
    with pytest.raises(InputError) as caught:
        load_constitution(tmp_path / "c.yaml")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + doc().encode(),
        doc().replace("\n", "\r\n").encode(),
        doc("  misuse: !!str 3\n").encode(),
    ],
    ids=["byte order mark", "CRLF", "text tag"],
)
def test_harmless_bytes_are_accepted(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(raw)
    assert load_constitution(tmp_path / "c.yaml").principle("honesty").why == "People rely on it."


def test_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "linnet.yaml").write_text(doc())
    with pytest.raises(InputError, match=r"lynnet\.yaml does not exist; did you mean 'linnet\.yaml'"):
        load_constitution(tmp_path / "lynnet.yaml")
    with pytest.raises(InputError, match="is a folder"):
        load_constitution(tmp_path)
