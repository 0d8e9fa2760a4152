"""Words of a prompt that was stripped: no emission holds them, and `exempla verify` finds them later."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from builder.constitution import load_constitution
from builder.emit import document_id, emit, verify
from builder.emit.parquet import write_shard
from builder.errors import InputError
from builder.hashing import sha256_file
from builder.records import Document, Finding, Message
from builder.shipped import shipped
from builder.write import STAGES, Prompts, Writer
from tests.conftest import Exempla
from tests.emit.making import PRIVATE, PROVENANCE, dialogue, documents, facts, text_document


def injected() -> tuple[str, ...]:
    """What the shipped prompts strip."""
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    return Writer(constitution, Prompts(shipped("stories", "prompts")), dict.fromkeys(STAGES, "m")).injected()


VALUES = injected()
WORDS = re.findall(r"\w+", VALUES[0])
EIGHT, SEVEN = " ".join(WORDS[60:68]), " ".join(WORDS[60:67])


def spoken(*turns: tuple[str, str], **fields: Any) -> Document:
    messages = tuple(Message(role, text, train=role == "assistant") for role, text in turns)
    return replace(dialogue("May I?", **fields), id=document_id(messages=messages), messages=messages)


HIDDEN: dict[str, Callable[[str], Document]] = {
    "the operator's prompt": lambda words: spoken(("system", words), ("user", "a"), ("assistant", "b")),
    "a user's turn": lambda words: spoken(("user", f"They said: {words}."), ("assistant", "b")),
    "an earlier answer": lambda words: spoken(("user", "a"), ("assistant", words), ("user", "c"), ("assistant", "d")),
    "the last answer": lambda words: spoken(("user", "a"), ("assistant", f"Well, {words}")),
    "a title": lambda words: text_document(f"{words.title()}\n\nThe tide turned."),
    "a text": lambda words: text_document(f"The tide turned. {words.upper()}!"),
    "a tool": lambda words: spoken(("user", "a"), ("assistant", "b"), tools=json.dumps([{"function": {"name": "look", "description": words}}])),
    "a tool, escaped": lambda words: spoken(("user", "a"), ("assistant", "b"), tools=json.dumps([{"description": json.dumps(f"é {words}")}])),
    "provenance": lambda words: text_document("The tide turned.", provenance={**PROVENANCE, "models": [{"stage": "answer", "model": words}]}),
    "a finding": lambda words: text_document("The tide turned.", findings=(Finding("review", "passed", 1.0, {"said": words}),)),
    "the form": lambda words: text_document("The tide turned.", form=words),
    "other punctuation": lambda words: text_document(words.replace(" ", ",\n— ")),
    "a cut between turns": lambda words: spoken(("user", " ".join(words.split()[:4])), ("assistant", " ".join(words.split()[4:]))),
    "invisible characters": lambda words: text_document("\u200b".join(words)),
}  # fmt: skip


@pytest.mark.parametrize("place", HIDDEN)
def test_eight_words_anywhere_refuse_the_emission_and_seven_do_not(place: str, tmp_path: Path) -> None:
    kept = [*documents(), HIDDEN[place](EIGHT)]
    with pytest.raises(InputError, match=r"document \w+ \(\w+\) holds words of an injected prompt in .*strip the prompt") as caught:  # fmt: skip
        emit(tmp_path / "out", kept, [], facts(kept), VALUES)
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()
    kept = [*documents(), HIDDEN[place](SEVEN)]
    emit(tmp_path / "out", kept, [], facts(kept), VALUES)
    assert verify(tmp_path / "out", injected=VALUES).ok


def test_the_shipped_block_of_values_is_not_empty_and_is_the_same_in_every_answer() -> None:
    assert len(VALUES) == 1 and len(WORDS) > 300
    prompts = Prompts(shipped("stories", "prompts"))
    named = prompts.block("advice", "answer", "values", {"character": "Linnet", "developer": "Saltmarsh"})
    assert named == VALUES[0], "the words to look for do not hang on a brief"


@pytest.fixture
def emitted(tmp_path: Path) -> Path:
    kept = documents()
    private = {**PRIVATE, "injected.json": json.dumps(VALUES, ensure_ascii=False).encode()}
    del private["evals.npz"]
    emit(tmp_path / "out", kept, [], facts(kept), VALUES, private)
    return tmp_path / "out"


def altered(folder: Path, family: str, layout: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a row afterwards, with the manifest's hash put right, as a forger would."""
    name = f"data/{family}/train-00000-of-00001.parquet"
    rows = pq.read_table(folder / name).to_pylist()
    change(rows[0])
    write_shard(folder / name, rows, layout)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name]["sha256"] = sha256_file(folder / name)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_verify_finds_them_in_a_parquet_that_was_altered_afterwards(exempla: Exempla, emitted: Path) -> None:
    done = exempla("verify", emitted, "--json")
    assert done.returncode == 0 and "every column for injected prompts" in json.loads(done.stdout)["checked"]
    altered(emitted, "advice", "dialogue", lambda row: row["messages"][1].update(content=f"Well, {EIGHT}."))
    done = exempla("verify", emitted, "--json")
    problems = json.loads(done.stdout)["problems"]
    assert done.returncode == 1 and any("injected prompt" in problem for problem in problems), problems


def test_a_published_copy_says_that_it_was_not_searched(emitted: Path, exempla: Exempla) -> None:
    (emitted / ".build" / "injected.json").unlink()
    altered(emitted, "story", "text", lambda row: row.update(form=EIGHT))
    done = exempla("verify", emitted, "--json")
    facts_ = json.loads(done.stdout)
    assert "every column for injected prompts: none was given" in facts_["not_run"]
    assert not any("injected prompt" in problem for problem in facts_["problems"])


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff", b"7", b"null"])
def test_a_damaged_list_is_one_sentence(damage: bytes, emitted: Path, exempla: Exempla) -> None:
    (emitted / ".build" / "injected.json").write_bytes(damage)
    done = exempla("verify", emitted)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "injected.json is damaged; run exempla build again" in done.stderr
