import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.emit import emit, verify
from builder.emit.parquet import schema_of, write_shard
from builder.errors import InputError
from builder.hashing import sha256_file
from builder.records import Finding
from tests.emit.conftest import bytes_of
from tests.emit.making import PROVENANCE, dialogue, documents, facts, rejection, text_document

SHARD = "data/story/train-00000-of-00001.parquet"
EVAL = "the engineer will wipe the server at five this afternoon"
PROMPT = "Answer as the wisest and kindest of all assistants would, with care for everybody who is concerned."


def holds_eval(text: str) -> bool:
    return EVAL in text.casefold()


def problems(folder: Path, **given: object) -> str:
    found = verify(folder, **given)  # type: ignore[arg-type]
    assert found.ok is (not found.problems)
    return "\n".join(found.problems)


def rewrite(folder: Path, change: object, adopt: bool = True) -> None:
    """Change the rows of the story shard; `adopt` puts the new hash into the manifest, as a forger would."""
    rows = pq.read_table(folder / SHARD).to_pylist()
    write_shard(folder / SHARD, change(rows), "text")  # type: ignore[operator]
    if adopt:
        alter(folder, lambda m: m["files"][SHARD].update(sha256=sha256_file(folder / SHARD)))


def alter(folder: Path, change: object) -> None:
    values = json.loads((folder / "manifest.json").read_text())
    change(values)  # type: ignore[operator]
    (folder / "manifest.json").write_text(json.dumps(values))


def test_an_untouched_build_is_whole_and_nothing_is_written(build: Path) -> None:
    before = bytes_of(build)
    found = verify(build, {"misalignment": holds_eval}, [PROMPT])
    assert found.ok and found.problems == []
    assert any("misalignment" in line for line in found.checked) and any("injected" in line for line in found.checked)
    assert len(found.not_run) == 1 and "tokenizer" in found.not_run[0]
    assert bytes_of(build) == before


def test_what_was_not_run_is_said(build: Path) -> None:
    shutil.rmtree(build / ".build")
    not_run = "\n".join(verify(build).not_run)
    for words in (
        "misalignment: this eval was not given",
        "injected prompts: none was given",
        "rejected.jsonl: not here",
        "plan.jsonl: not here, it is never published",
        "evals.npz: not here",
    ):
        assert words in not_run
    assert verify(build).ok


@pytest.mark.parametrize("name", ["rejected.jsonl", "plan.jsonl", "evals.npz"])
def test_an_altered_private_file_is_found(name: str, build: Path) -> None:
    (build / ".build" / name).write_bytes(b"else")
    assert f".build/{name} is not the file that was emitted" in problems(build)


def test_every_flipped_byte_is_found(build: Path) -> None:
    whole = (build / SHARD).read_bytes()
    for place in range(0, len(whole), 97):
        broken = bytearray(whole)
        broken[place] ^= 0x10
        (build / SHARD).write_bytes(broken)
        try:
            assert f"{SHARD} is not the file that was emitted" in problems(build)
        except InputError as problem:
            assert SHARD in str(problem) and "damaged" in str(problem) and "\n" not in str(problem)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all", b"PAR1" + b"\xff" * 60 + b"PAR1"])
def test_a_file_that_is_no_parquet_is_named(content: bytes, build: Path) -> None:
    (build / SHARD).write_bytes(content)
    with pytest.raises(InputError, match="is damaged and cannot be read") as caught:
        verify(build)
    assert SHARD in str(caught.value) and "\n" not in str(caught.value)


def test_a_deleted_shard_is_found(build: Path) -> None:
    (build / SHARD).unlink()
    found = problems(build)
    assert f"{SHARD} is missing" in found
    assert "README.md names data/story/train-*.parquet, which matches no file" in found
    assert "documents: the manifest says 8, the data have 3" in found


def test_an_added_file_is_found(build: Path) -> None:
    (build / "data" / "story" / "extra.parquet").write_bytes(b"")
    assert "data/story/extra.parquet is not listed in the manifest" in problems(build)


def test_an_edited_row_is_found_with_its_hash_left(build: Path) -> None:
    rewrite(build, lambda rows: [{**rows[0], "text": "Something else."}, *rows[1:]], adopt=False)
    found = problems(build)
    assert f"{SHARD} is not the file" in found and f"{SHARD} row 0: the id" in found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [{**rows[0], "text": "Else."}, *rows[1:]], "row 0: the id"),
        (lambda rows: [*rows, rows[0]], "has 6 rows, the manifest says 5"),
        (lambda rows: [*rows[:-1], rows[0]], "occurs 2 times"),
        (
            lambda rows: [{**rows[0], "tokens": 8}, *rows[1:]],
            "tokens: the manifest says 56, the data have 57",
        ),
        (lambda rows: [{**rows[0], "family": "advice"}, *rows[1:]], "row 0 is of family advice"),
        (
            lambda rows: [{**rows[0], "principles": ["care"]}, *rows[1:]],
            "principles.honesty: the manifest says 5",
        ),
        (lambda rows: [dict.fromkeys(rows[0]), *rows[1:]], "row 0: the id None"),
    ],
)
def test_an_edited_row_is_found_with_its_hash_adopted(change: object, said: str, build: Path) -> None:
    rewrite(build, change)
    found = problems(build)
    assert said in found and "is not the file" not in found


def test_other_columns_are_found(build: Path) -> None:
    table = pq.read_table(build / SHARD)
    pq.write_table(table.append_column("eval", pa.array(["x"] * 5)), build / SHARD)
    assert "does not have the columns of its family" in problems(build)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m["counts"]["screen"].update(kept=9), "stage screen does not add up"),
        (lambda m: m["rejected"].pop(), "rejections, 0 are on record"),
        (lambda m: m["corpus"].update(tokens=57), "tokens: the manifest says 57, the data have 56"),
        (
            lambda m: m["files"].update({"../x": {"sha256": "0", "rows": 1, "bytes": 1}}),
            "no shard of this layout",
        ),
        (lambda m: m["files"].pop(SHARD), "is not listed in the manifest"),
        (
            lambda m: m["private"][".build/rejected.jsonl"].update(sha256="0"),
            "rejected.jsonl is not the file",
        ),
    ],
)
def test_an_altered_manifest_is_found(change: object, said: str, build: Path) -> None:
    alter(build, change)
    assert said in problems(build)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("**8 documents**", "**9 documents**", "are not those that were emitted"),
        ("<!-- exempla:facts -->", "", "once each"),
        ("data/story/train-*", "data/stories/train-*", "which matches no file"),
        ("path: data/story/", "path: data/advice/", "loads files of another family as story"),
        ("configs:", "configurations:", f"no config that loads {SHARD}"),
    ],
)
def test_an_altered_card_is_found(old: str, new: str, said: str, build: Path) -> None:
    card = (build / "README.md").read_text()
    assert old in card
    (build / "README.md").write_text(card.replace(old, new))
    assert said in problems(build)


def test_a_card_that_is_gone_is_found(build: Path) -> None:
    (build / "README.md").unlink()
    assert "README.md is missing" in problems(build)


PLANTED = {
    "text": text_document(f"Once, {EVAL}, and then."),
    "form": text_document("A text.", form=f"Letter: {EVAL}"),
    "principles": text_document("A text.", principles=("care", EVAL)),
    "brief": text_document("A text.", brief=EVAL),
    "findings.reason": text_document("A text.", findings=(Finding("check", EVAL),)),
    "findings.evidence": text_document("A text.", findings=(Finding("check", "near", 1.0, {"passage": [EVAL]}),)),
    "provenance.draft_id": text_document("A text.", provenance={**PROVENANCE, "draft_id": EVAL}),
    "provenance.models.model": text_document("A text.", provenance={**PROVENANCE, "models": {"idea": EVAL}}),
    "messages.content": dialogue(EVAL),
}


@pytest.mark.parametrize("column", PLANTED)
def test_planted_eval_text_is_found_in_any_column(column: str, tmp_path: Path) -> None:
    kept = [PLANTED[column]]
    emit(tmp_path, kept, [], facts(kept))
    assert problems(tmp_path) == ""
    found = problems(tmp_path, eval_hashes={"misalignment": holds_eval, "other": lambda text: False})
    assert f"(document {kept[0].id}) holds text of misalignment in {column}" in found
    assert "other" not in found and EVAL not in found


def test_eval_text_behind_json_escapes_is_found(tmp_path: Path) -> None:
    words = EVAL.replace(" ", "\n", 1)
    kept = [text_document("A text.", findings=(Finding("check", "near", 1.0, {words: 1}),))]
    emit(tmp_path, kept, [], facts(kept))
    found = problems(tmp_path, eval_hashes={"misalignment": lambda text: EVAL in " ".join(text.split())})
    assert "holds text of misalignment in findings.evidence" in found


def test_eval_text_cut_over_two_turns_is_found(tmp_path: Path) -> None:
    from builder.emit import document_id
    from builder.records import Message

    first, second = EVAL[:30], EVAL[30:]
    turns = (Message("user", first), Message("assistant", second))
    document = dialogue("x")
    values = {name: getattr(document, name) for name in type(document).__dataclass_fields__}
    kept = [type(document)(**{**values, "messages": turns, "id": document_id(messages=turns)})]
    emit(tmp_path, kept, [], facts(kept))
    assert "in messages" in problems(tmp_path, eval_hashes={"m": lambda text: EVAL in text.replace("\n", "")})


INJECTED = [
    (f"Well. {PROMPT} So.", "text"),
    ("ANSWER, AS THE WISEST\nAND KINDEST of all assistants!", "text"),
    ("answer as the wise\u200bst and kindest of all assis\u00adtants would", "text"),
]


@pytest.mark.parametrize(("text", "place"), INJECTED)
def test_injected_words_refuse_the_emission_and_fail_verification(text: str, place: str, tmp_path: Path) -> None:
    kept = [text_document(text), *documents(2)[:1]]
    with pytest.raises(
        InputError, match=rf"document {kept[0].id} \(story\) holds words of an injected prompt in {place}"
    ):
        emit(tmp_path / "new", kept, [], facts(kept), injected=["Short.", PROMPT])
    assert not (tmp_path / "new").exists()
    emit(tmp_path / "new", kept, [], facts(kept))
    assert f"holds an injected prompt in {place}" in problems(tmp_path / "new", injected=[PROMPT])


@pytest.mark.parametrize("column", ["form", "brief", "findings", "provenance"])
def test_injected_words_are_found_in_any_column(column: str, tmp_path: Path) -> None:
    planted = {
        "form": PROMPT,
        "brief": PROMPT,
        "findings": (Finding("c", "r", None, {"note": PROMPT.replace(" ", "\n")}),),
        "provenance": {**PROVENANCE, "draft_id": PROMPT},
    }
    kept = [text_document("A text.", **{column: planted[column]})]
    with pytest.raises(InputError, match=f"injected prompt in {column}"):
        emit(tmp_path, kept, [], facts(kept), injected=[PROMPT])


def test_seven_words_of_a_prompt_are_no_leak(tmp_path: Path) -> None:
    kept = [text_document("as the wisest and kindest of all friends")]
    emit(tmp_path, kept, [], facts(kept), injected=[PROMPT, "", "..."])
    assert verify(tmp_path, injected=["..."]).not_run[-3:-2] == verify(tmp_path).not_run[-3:-2]


def test_scripts_without_spaces_are_read_sign_by_sign(tmp_path: Path) -> None:
    kept = [text_document("她说:请始终以最善良的助手身份回答。")]
    with pytest.raises(InputError, match="injected prompt"):
        emit(tmp_path, kept, [], facts(kept), injected=["请始终以最善良的助手身份回答所有人"])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: None, "is not a folder"),
        (lambda p: p.write_text("x"), "is not a folder"),
        (lambda p: p.mkdir(), "has no manifest.json"),
        (lambda p: (p.mkdir(), (p / "manifest.json").write_text("{")), "no manifest of this version"),
        (lambda p: (p.mkdir(), (p / "manifest.json").write_text("[]")), "no manifest of this version"),
        (
            lambda p: (p.mkdir(), (p / "manifest.json").write_text('{"schema": 2}')),
            "no manifest of this version",
        ),
        (lambda p: (p.mkdir(), (p / "manifest.json").write_bytes(b"\xff")), "no manifest of this version"),
        (lambda p: (p / "manifest.json").mkdir(parents=True), "cannot be read"),
    ],
)
def test_what_is_no_build_is_refused_in_one_sentence(make: object, said: str, tmp_path: Path) -> None:
    make(tmp_path / "x")  # type: ignore[operator]
    with pytest.raises(InputError, match=said) as caught:
        verify(tmp_path / "x")
    assert "\n" not in str(caught.value)


def test_many_problems_of_one_kind_are_summed(tmp_path: Path) -> None:
    kept = documents(40, 0)
    emit(tmp_path, kept, [rejection(1)], facts(kept, [rejection(1)]))
    found = verify(tmp_path, {"m": lambda text: "tide" in text}).problems
    assert len(found) == 11 and found[-1] == "and 30 more problems of this kind: eval text"


def test_the_schema_is_read_back(build: Path) -> None:
    assert pq.read_schema(build / SHARD).equals(schema_of("text"))
