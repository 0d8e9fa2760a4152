import json
from pathlib import Path

import pytest
import yaml

from builder.emit import emit, verify
from builder.emit.card import BEGIN, END, front_matter
from builder.errors import InputError
from tests.emit.conftest import bytes_of
from tests.emit.making import documents, facts, rejection


def again(folder: Path, texts: int = 6, **fields: object) -> str:
    kept = documents(texts)
    emit(folder, kept, [], facts(kept, **fields))
    assert verify(folder).problems == []
    return (folder / "README.md").read_text()


def edit(folder: Path, *pairs: tuple[str, str]) -> None:
    text = (folder / "README.md").read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (folder / "README.md").write_text(text)


def test_the_front_matter_names_every_family(build: Path) -> None:
    front = front_matter((build / "README.md").read_text())
    assert front["configs"] == [
        {"config_name": family, "data_files": [{"split": "train", "path": f"data/{family}/train-*.parquet"}]}
        for family in ("advice", "story")
    ]
    assert front["size_categories"] == ["n<1K"] and front["language"] == ["en"] and front["license"] == "other"


def test_the_card_states_what_was_measured(build: Path) -> None:
    card = (build / "README.md").read_text()
    for line in (
        "**8 documents** with **56 tokens**, counted by the embedder's tokenizer",
        "*A constitution*, the constitution of Aspen",
        "| advice | dialogue | 3 | 21 |",
        "| care | 3 | 5 | 8 |",
        "| human | 3 | 0 | 3 |",
        "| story | letter | 5 |",
        "- The text comes from the offline model and is unfit for training.",
        "no model has been trained on this corpus",
        "| constitution | constitution/default.yaml |",
        "| screen | 9 | 8 | 1 |",
        "| idea | drop | dry: no idea passed | 1 |",
        "| misalignment | 24 |",
        "| cosine | 0.623 |",
        "`screened`",
        "| 0 | 8 | 1 |",
        "| own | 9 | 1 |",
        "needs an independent instrument",
        "| families.story | 0.6 |",
        "| limit | none |",
        "| decks | decks |",
        "chunker `8e8e8e8e8e8e`, embedder `9f9f9f9f9f9f`.",
        "## Use and limits",
    ):
        assert line in card, line


def test_production_says_that_the_eval_is_no_longer_held_out(tmp_path: Path) -> None:
    assert "no longer held out" in " ".join(again(tmp_path, policy="production").split())


def test_no_eval_is_said(tmp_path: Path) -> None:
    assert "None. Nothing can be said about how near" in again(tmp_path, evals=[])


def test_hand_edits_survive(build: Path) -> None:
    edit(
        build,
        ("license: other\nlicense_name: not-yet-chosen\n", "license: cc-by-4.0 # our choice\n"),
        ("tags:\n", "# tags that people look for\ntags:\n- ours\n"),
        ("size_categories:\n- n<1K\n", "size_categories:\n- n<1K\nhomepage: example.org\n"),
        ("# demo\n", "# The demo corpus\n\nWritten by hand above.\n"),
        (END, f"{END}\n\n## Thanks\n\nWritten by hand below.\n"),
    )
    card = again(build)
    for line in (
        "license: cc-by-4.0 # our choice",
        "# tags that people look for\ntags:\n- ours\n- alignment",
        "homepage: example.org",
        "# The demo corpus\n\nWritten by hand above.",
        "## Thanks\n\nWritten by hand below.",
        "**9 documents**",
    ):
        assert line in card, line
    assert "license_name" not in card and "**8 documents**" not in card and card.count(BEGIN) == 1
    assert again(build) == card


def test_only_the_keys_that_emission_owns_are_replaced(build: Path) -> None:
    edit(
        build,
        ("path: data/advice/train-*.parquet", "path: elsewhere.csv"),
        ("- n<1K", "- 1T<n"),
        ("- en", "- fr"),
    )
    front = front_matter(again(build))
    assert front["configs"][0]["data_files"][0]["path"] == "data/advice/train-*.parquet"
    assert front["size_categories"] == ["n<1K"] and front["language"] == ["fr"]


@pytest.mark.parametrize(
    "front",
    [
        "configs: []\nmine: 1\n",
        "mine: 1\n",
        "configs:\n\n  - config_name: x\n\n# a comment\n  \n    \nmine: 1\n",
        "configs: {a: 1,\n b: 2}\nmine: 1\nconfigs: again\n",
        'mine: 1\n"configs": []\n',
        "mine: 1\nabout: |\n  text\n\n  configs: not a key\n",
        "mine: 1\nabout: 'two\nconfigs: lines\n  of text'\n",
        "",
    ],
)
def test_any_front_matter_keeps_its_values(front: str, build: Path) -> None:
    (build / "README.md").write_text(f"---\n{front}---\nBody.\n")
    card = again(build)
    before, after = yaml.safe_load(front) or {}, front_matter(card)
    assert {k: v for k, v in after.items() if k not in ("configs", "size_categories")} == {
        k: v for k, v in before.items() if k not in ("configs", "size_categories")
    }
    assert [config["config_name"] for config in after["configs"]] == ["advice", "story"]
    assert "Body.\n" in card and again(build) == card


@pytest.mark.parametrize(
    "body",
    ["Only words.\n", "\n", "---\r\nmine: 1\r\n---\r\nWindows.\r\n", "\ufeff---\nmine: 1\n---\nBOM.\n"],
)
def test_a_card_without_facts_gets_them(body: str, build: Path) -> None:
    (build / "README.md").write_bytes(body.encode())
    card = again(build)
    assert card.count(BEGIN) == 1 and "config_name: story" in card
    assert body.strip().split("\n")[-1] in card
    assert again(build) == card


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{BEGIN}\n".encode(), "once each"),
        (f"{END}{BEGIN}".encode(), "once each"),
        (f"{BEGIN}{END}{BEGIN}{END}".encode(), "once each"),
        (b"---\nconfigs: [\n---\n", "no YAML at line"),
        (b"---\n- a\n---\n", "no mapping"),
        (b"---\nconfigs: []\n", "does not close it"),
        (b"caf\xe9", "not UTF-8 at byte 3"),
    ],
)
def test_a_card_that_cannot_be_kept_stops_the_emission(content: bytes, said: str, build: Path) -> None:
    (build / "README.md").write_bytes(content)
    before = bytes_of(build)
    with pytest.raises(InputError, match=said) as caught:
        again(build)
    assert "README.md" in str(caught.value) and "\n" not in str(caught.value)
    assert bytes_of(build) == before


def test_names_cannot_break_the_card(tmp_path: Path) -> None:
    hostile = f"a | b\n{END}\n| `c` |"
    kept, lost = documents(), [rejection(1, reason=hostile)]
    given = {"name": hostile, "character": hostile, "sha256": "0"}
    emit(tmp_path, kept, lost, facts(kept, lost, notes=[hostile], constitution=given, backend=hostile))
    assert verify(tmp_path).problems == []
    rows = [line for line in (tmp_path / "README.md").read_text().splitlines() if line.startswith("| screen | drop")]
    assert len(rows) == 1 and rows[0].replace("\\|", "").count("|") == 5


def test_absolute_paths_are_not_published(tmp_path: Path) -> None:
    inputs = {
        "a": {"path": "/home/somebody/c.yaml", "sha256": "0"},
        "b": {"path": "C:\\Users\\x\\d.yaml", "sha256": "1"},
    }
    again(tmp_path, inputs=inputs, embedder="/home/somebody/model", tokenizer="/home/somebody/model")
    published = (tmp_path / "README.md").read_text() + (tmp_path / "manifest.json").read_text()
    assert "somebody" not in published and "Users" not in published and "c.yaml" in published


def test_settings_and_fingerprints_are_in_the_manifest_in_full(build: Path) -> None:
    manifest = json.loads((build / "manifest.json").read_text())
    assert manifest["settings"] == {"families": {"story": 0.6, "advice": 0.4}, "limit": None, "decks": "decks"}
    assert manifest["fingerprints"] == {"embedder": "9f" * 32, "chunker": "8e" * 8}
    assert {name: family["layout"] for name, family in manifest["corpus"]["families"].items()} == {
        "story": "text",
        "advice": "dialogue",
    }


def test_a_build_without_settings_says_nothing_of_them(tmp_path: Path) -> None:
    card = again(tmp_path, settings={}, fingerprints={})
    assert "| setting |" not in card and "Fingerprints" not in card


def test_many_reasons_are_summed(tmp_path: Path) -> None:
    kept, lost = documents(), [rejection(n, reason=f"reason {n:03d}") for n in range(60)]
    emit(tmp_path, kept, lost, facts(kept, lost))
    card = (tmp_path / "README.md").read_text()
    assert "20 further reasons" in card and "reason 039" in card and "reason 040" not in card
