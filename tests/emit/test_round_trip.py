import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder.emit import BrokenBuild, emit, verify
from builder.emit.parquet import cut, schema_of
from builder.errors import InputError
from builder.hashing import sha256_bytes
from builder.records import Message
from tests.emit.conftest import bytes_of
from tests.emit.making import PRIVATE, dialogue, documents, facts, rejection, text_document

ODD = [
    "",
    "\x00",
    "a\x00b",
    "\u200b",
    "\ufeff",
    "é" * 3,
    "👩‍👩‍👧",
    "عربى",
    "\r\n\t",
    "￿",
    "𝒳",
    "|",
    "<!-- x -->",
    "x" * 300_000,
    '["\\ud800 an escape that spells half a pair"]',
    '"' + "[" * 950 + "]" * 950 + '"',
    "[" * 950 + "]" * 950,
]


def rows(folder: Path, family: str) -> list[dict]:
    return [row for path in sorted(folder.glob(f"data/{family}/*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_pyarrow_reads_what_was_given(build: Path) -> None:
    given = {document.id: document for document in documents()}
    read = [*rows(build, "story"), *rows(build, "advice")]
    assert {row["id"] for row in read} == set(given)
    for row in read:
        document = given[row["id"]]
        assert (row["family"], row["form"], row["persona"]) == (
            document.family,
            document.form,
            document.persona,
        )
        assert (tuple(row["principles"]), row["tokens"], row["brief"]) == (
            document.principles,
            7,
            document.brief,
        )
        if document.text is None:
            turns = tuple(Message(**message) for message in row["messages"])
            assert turns == document.messages and row["tools"] is None and "text" not in row
        else:
            assert row["text"] == document.text and "messages" not in row
        assert json.loads(row["findings"][0]["evidence"]) == {"witness": "abc", "offsets": [0, 4]}
        assert row["provenance"] == document.provenance


def test_rows_and_rejections_are_in_the_order_of_their_ids(build: Path) -> None:
    for family in ("story", "advice"):
        ids = [row["id"] for row in rows(build, family)]
        assert ids == sorted(ids)
    lines = (build / ".build" / "rejected.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["rejected-001", "rejected-002"]


def test_prompts_and_models_may_come_as_mappings(tmp_path: Path) -> None:
    stages = {"prompts": {"idea": "1", "draft": "2"}, "models": {"draft": "offline"}}
    provenance = {"constitution_sha256": "c", **stages, "recorded": True}
    kept = [text_document("A text.", provenance=provenance)]
    emit(tmp_path, kept, [], facts(kept))
    stored = rows(tmp_path, "story")[0]["provenance"]
    assert stored["prompts"] == [{"stage": "draft", "sha256": "2"}, {"stage": "idea", "sha256": "1"}]
    assert stored["recorded"] is True and stored["draft_id"] is None


def test_hugging_face_datasets_loads_each_family(build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HF_HUB_OFFLINE",
        "HF_DATASETS_OFFLINE",
        "HF_HUB_DISABLE_TELEMETRY",
        "HF_DATASETS_DISABLE_PROGRESS_BARS",
    ):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    datasets = pytest.importorskip("datasets")
    assert datasets.get_dataset_config_names(str(build)) == ["advice", "story"]
    for family, count in (("story", 5), ("advice", 3)):
        loaded = datasets.load_dataset(str(build), family, cache_dir=str(tmp_path / "cache"))
        assert list(loaded) == ["train"]
        assert loaded["train"].to_list() == rows(build, family) and len(loaded["train"]) == count


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_strings_survive(text: str, tmp_path: Path) -> None:
    kept = [text_document(text, form=text[:50]), dialogue(text, 1)]
    emit(tmp_path, kept, [], facts(kept))
    assert rows(tmp_path, "story")[0]["text"] == text
    assert rows(tmp_path, "advice")[0]["messages"][0]["content"] == text
    assert verify(tmp_path).problems == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(), unique=True, max_size=6),
    form=st.text(),
    reason=st.text(),
    note=st.text(),
    name=st.text(),
)
def test_any_text_survives_and_verifies(
    tmp_path: Path, texts: list[str], form: str, reason: str, note: str, name: str
) -> None:
    kept = [text_document(text, number, form=form) for number, text in enumerate(texts)]
    lost = [rejection(1, reason=reason)]
    emit(tmp_path, kept, lost, facts(kept, lost, notes=[note], name=name or "x"))
    assert sorted(row["text"] for row in rows(tmp_path, "story")) == sorted(texts)
    found = verify(tmp_path)
    assert found.ok, found.problems


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(half=st.characters(categories=["Cs"]), where=st.sampled_from(["text", "form", "principles", "brief"]))
def test_half_a_surrogate_pair_is_refused_by_name(tmp_path: Path, half: str, where: str) -> None:
    value = (f"a{half}",) if where == "principles" else f"a{half}"
    document = text_document(value) if where == "text" else text_document("A text.", **{where: value})
    with pytest.raises(InputError, match=rf"document {document.id} .* in {where}, which UTF-8 cannot store") as caught:
        emit(tmp_path / "new", [document], [], facts([document]))
    assert "\n" not in str(caught.value) and not (tmp_path / "new").exists()


def test_half_a_pair_in_a_rejection_is_kept_as_an_escape(tmp_path: Path) -> None:
    kept, lost = documents(), [rejection(1, reason="unparsed \ud800 reply")]
    emit(tmp_path, kept, lost, facts(kept, lost))
    assert json.loads((tmp_path / ".build" / "rejected.jsonl").read_text())["reason"] == "unparsed \ud800 reply"
    assert json.loads((tmp_path / "manifest.json").read_text())["rejected"][0]["reason"] == "unparsed \ud800 reply"


def test_the_bytes_do_not_depend_on_order(build: Path, tmp_path: Path) -> None:
    kept, lost = documents(), [rejection(1, "idea", "dry: no idea passed"), rejection(2)]
    for seed in range(3):
        random.Random(seed).shuffle(kept)
        lost.reverse()
        emit(tmp_path / str(seed), kept, lost, facts(kept, lost), private=dict(reversed(PRIVATE.items())))
        assert bytes_of(tmp_path / str(seed)) == bytes_of(build)


def test_emitting_again_changes_nothing(build: Path) -> None:
    before = bytes_of(build)
    kept, lost = documents(), [rejection(2), rejection(1, "idea", "dry: no idea passed")]
    emitted = emit(build, kept, lost, facts(kept, lost), private=PRIVATE)
    assert bytes_of(build) == before
    assert {path.relative_to(build).as_posix() for path in emitted.files} == set(before)
    assert emitted.manifest == json.loads(before["manifest.json"])


def test_a_family_that_is_gone_leaves_no_file(build: Path) -> None:
    kept = documents(dialogues=0)
    emit(build, kept, [], facts(kept))
    assert not (build / "data" / "advice").exists()
    assert verify(build).ok


def test_nothing_kept_is_an_emission_too(tmp_path: Path) -> None:
    lost = [rejection(1)]
    emit(tmp_path, [], lost, facts([], lost))
    assert verify(tmp_path).ok
    assert "No document was kept." in (tmp_path / "README.md").read_text()


def test_private_files_are_written_with_the_rest(build: Path) -> None:
    listed = json.loads((build / "manifest.json").read_text())["private"]
    assert sorted(listed) == [".build/evals.npz", ".build/plan.jsonl", ".build/rejected.jsonl"]
    for name, content in PRIVATE.items():
        assert (build / ".build" / name).read_bytes() == content
        assert listed[f".build/{name}"]["sha256"] == sha256_bytes(content)
    assert listed[".build/plan.jsonl"]["rows"] == 1 and listed[".build/evals.npz"]["rows"] is None


@pytest.mark.parametrize("name", ["rejected.jsonl", "ledger.sqlite", "emission.ready", "../x", "/x", "a/b", "", ".x"])
def test_a_private_name_that_is_not_free_is_our_bug(name: str, tmp_path: Path) -> None:
    kept = documents(1)
    with pytest.raises(BrokenBuild, match="cannot be named"):
        emit(tmp_path / "new", kept, [], facts(kept), private={name: b""})
    assert not (tmp_path / "new").exists()


def test_shards_are_cut_by_rows_and_bytes() -> None:
    assert cut([]) == []
    assert cut([1] * 7, max_rows=3) == [3, 3, 1]
    assert cut([5, 5, 5, 20, 1], max_bytes=10) == [2, 1, 1, 1]
    assert cut([200_000_001]) == [1]


@pytest.mark.slow
def test_more_rows_than_a_shard_holds(tmp_path: Path) -> None:
    kept = [text_document(str(n), n, findings=()) for n in range(100_001)]
    emit(tmp_path, kept, [], facts(kept))
    names = sorted(path.name for path in tmp_path.glob("data/story/*"))
    assert names == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]
    assert verify(tmp_path).ok


def test_the_schema_is_the_contract() -> None:
    shared = ["principles", "tokens", "brief", "findings", "provenance"]
    assert schema_of("text").names == ["id", "family", "form", "persona", "text", *shared]
    assert schema_of("dialogue").names == ["id", "family", "form", "persona", "messages", "tools", *shared]


def test_a_mixed_family_is_our_bug(tmp_path: Path) -> None:
    kept = [text_document("A text."), dialogue("Why?", 1)]
    values = {name: getattr(kept[1], name) for name in type(kept[1]).__dataclass_fields__}
    kept[1] = type(kept[1])(**{**values, "family": "story"})
    with pytest.raises(BrokenBuild, match="mixes texts and dialogues"):
        emit(tmp_path, kept, [], facts(kept))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "0" * 16}, "does not have the id of its content"),
        ({"family": "../up"}, "cannot name a folder"),
        ({"tokens": 2**31}, "claims 2147483648 tokens"),
        ({"provenance": {}}, "lacks constitution_sha256"),
        ({"messages": (Message("user", "a"),)}, "one of the two"),
    ],
)
def test_a_document_that_contradicts_itself_is_our_bug(fields: dict, said: str, tmp_path: Path) -> None:
    document = text_document("A text.")
    values = {name: getattr(document, name) for name in type(document).__dataclass_fields__}
    broken = type(document)(**{**values, **fields})
    with pytest.raises(BrokenBuild, match=said) as caught:
        emit(tmp_path / "new", [broken], [], facts([broken]))
    assert caught.value.exit_code == 70 and not (tmp_path / "new").exists()
