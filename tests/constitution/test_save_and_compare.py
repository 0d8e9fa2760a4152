"""Writing YAML that reads back the same, and comparing two versions."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.constitution import Constitution, compare, lint, load_constitution, write_constitution, yaml_text
from builder.constitution.words import alike, stems
from builder.errors import InputError

PROSE = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn", "Co"], include_characters="\n"),
    min_size=1,
    max_size=200,
).filter(lambda text: any(one.isprintable() and not one.isspace() for one in text))


def document(**fields: Any) -> dict[str, Any]:
    return {"principles": [{"id": "a", "title": "A", "statement": "Say it.", "why": "It is owed.", **fields}]}


@given(PROSE, PROSE, st.lists(PROSE, max_size=3), st.sampled_from(["", " "]))
@settings(deadline=None, max_examples=150)
def test_any_text_survives_writing(statement: str, why: str, situations: list[str], pad: str) -> None:
    made = Constitution.model_validate(
        document(statement=pad + statement, why=why * 3, situations=situations, misuse=why)
    )
    again = Constitution.model_validate(yaml.safe_load(yaml_text(made)))
    assert again.sha256 == made.sha256


def test_written_yaml_is_readable(tmp_path: Path) -> None:
    long = "A sentence that goes on for long enough to be folded. " * 4
    made = Constitution.model_validate(
        {
            "character": {"name": "Linnet"},
            **document(why=long, statement="{character} waits.\n\nThen it asks.", kind="value", situations=[]),
        }
    )
    text = write_constitution(made, tmp_path / "c.yaml").read_text(encoding="utf-8")
    assert list(yaml.safe_load(text)) == ["schema", "character", "principles"]
    assert list(yaml.safe_load(text)["principles"][0]) == ["id", "title", "kind", "statement", "why"]
    assert "statement: |" in text
    assert "why: >" in text
    assert "{character} waits." in text
    assert max(map(len, text.splitlines())) <= 115


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("mine\n")
    made = Constitution.model_validate(document())
    with pytest.raises(InputError, match="exists already"):
        write_constitution(made, path)
    assert path.read_text() == "mine\n"
    write_constitution(made, path, overwrite=True)
    assert load_constitution(path) == made
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_constitution(Constitution.model_validate(document()), tmp_path / "none" / "c.yaml")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written: Not a directory"):
        write_constitution(Constitution.model_validate(document()), tmp_path / "file" / "c.yaml")


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_constitution(Constitution.model_validate(document()), tmp_path / "c.yaml")
    assert list(tmp_path.iterdir()) == []


def version(**principles: dict[str, Any]) -> Constitution:
    rows = [
        {"id": id, "title": id, "statement": f"About {id} and more.", "why": "It is owed.", **f}
        for id, f in principles.items()
    ]
    return Constitution.model_validate({"principles": rows})


def test_compare() -> None:
    old = version(a={}, b={}, c={}, d={})
    new = version(
        d={"why": "It is owed twice."},
        a={"tier": 2, "statement": "About a  and\nmore.", "source": {"section": "x", "quote": "y"}},
        b2={"statement": "About b and more."},
        c={"kind": "disposition"},
        e={"statement": "Quite another thing entirely."},
    )
    found = compare(old, new)
    assert found.added == ("b2", "e")
    assert found.removed == ("b",)
    assert found.reworded == ("d", "c")
    assert found.renamed == (("b", "b2"),)
    assert found.stale == ("b", "d", "c")
    assert compare(old, old).stale == ()


def test_what_every_writer_is_shown_is_compared_too() -> None:
    old = Constitution.model_validate(document())
    for field in ({"preamble": "It is meant well."}, {"name": "Other"}, {"character": {"name": "Wren"}}):
        found = compare(old, Constitution.model_validate({**document(), **field}))
        assert set(field) <= set(found.charter) and found.reworded == ()
    assert (
        compare(old, Constitution.model_validate({**document(), "name": "Constitution  of {character}"})).charter == ()
    )


def test_statements_without_a_word_of_english_are_renamed_only_where_they_are_the_same() -> None:
    old = version(a={"statement": "嘘をつかない。"}, b={"statement": "人を助ける。"})
    new = version(c={"statement": "人を助ける。"}, d={"statement": "約束を守る。"})
    assert compare(old, new).renamed == (("b", "c"),)


def test_many_principles_are_compared_at_once() -> None:
    words = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in ("nk", "lm", "rt", "pt")]
    texts = [" ".join(words[(7 * i + j * j) % len(words)] for j in range(12)) + f" at{i}" for i in range(1500)]
    old, new = (version(**{f"{name}{i}": {"statement": text} for i, text in enumerate(texts)}) for name in "ab")
    began = time.monotonic()
    assert {(f"a{i}", f"b{i}") for i in range(1500)} <= set(compare(old, new).renamed)
    lint(new)
    assert time.monotonic() - began < 40  # comparing all with all took minutes


@given(st.lists(st.lists(st.sampled_from(["oak", "elm", "ash", "fir", "yew", "box", "bay"]), max_size=6), max_size=8))
def test_the_quick_way_finds_every_pair_that_is_alike(texts: list[list[str]]) -> None:
    sets = [set(stems(" ".join(words))) for words in texts]
    shares = {(i, j): len(sets[i] & sets[j]) / len(sets[i] | sets[j]) for j in range(len(sets)) for i in range(j) if sets[i] | sets[j]}  # fmt: skip
    for share in (0.6, 0.8, 1.0):
        expected = {(*pair, common) for pair, common in shares.items() if common >= share}
        assert set(alike([" ".join(words) for words in texts], share)) == expected


def test_filling_in_another_name_is_a_rewording() -> None:
    old = Constitution.model_validate({"character": {"name": "Linnet"}, **document(statement="{character} waits.")})
    new = Constitution.model_validate({"character": {"name": "Wren"}, **document(statement="{character} waits.")})
    assert compare(old, new).reworded == ("a",)
