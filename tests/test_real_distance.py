"""`exempla distance` on a corpus and an evaluation that nobody here wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

from builder.hashing import keyed
from builder.measure import reading
from tests.conftest import Exempla
from tests.screen.test_eval_distance import FIELDS

PLANTED = 20


def corpus(real: Path) -> list[dict[str, Any]]:
    path = real / "corpora" / "constitution_documents.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def plant(documents: list[dict[str, Any]], real: Path) -> set[str]:
    """Splice 40 consecutive words of the evaluation into 20 documents, in place; returns their ids."""
    random = keyed("planted passages")
    prompts = sorted((real / "evals" / "agentic_misalignment" / "rendered").glob("*.txt"))
    chosen = random.sample(documents, PLANTED)
    for document, path in zip(chosen, random.sample(prompts, PLANTED), strict=True):
        message = path.read_text(encoding="utf-8").split("[USER]")[1].split()
        start = random.randrange(len(message) - 40)
        words = document["text"].split(" ")
        middle = len(words) // 2
        document["text"] = " ".join([*words[:middle], *message[start : start + 40], *words[middle:]])
    return {document["id"] for document in chosen}


def measured(documents: list[dict[str, Any]], real: Path, exempla: Exempla, folder: Path) -> list[dict[str, Any]]:
    path = folder / "corpus.jsonl"
    path.write_text(
        "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents), encoding="utf-8"
    )
    eval_ = real / "evals" / "agentic_misalignment" / "rendered"
    done = exempla.anew("distance", path, "--eval", eval_, "-o", folder / "out", "--json", timeout=1200)
    assert done.returncode == 0, done.stderr
    assert {entry.name for entry in (folder / "out").iterdir()} == {"distance.jsonl", "distance.json", "distance.html"}
    answer = json.loads(done.stdout)
    assert answer["documents"] == len(documents)
    return [json.loads(line) for line in (folder / "out" / "distance.jsonl").read_text(encoding="utf-8").splitlines()]


def check(rows: list[dict[str, Any]], documents: list[dict[str, Any]], planted: set[str]) -> None:
    assert [row["id"] for row in rows] == [document["id"] for document in documents]
    assert all(list(row) == FIELDS for row in rows)
    verbatim = {row["id"] for row in rows if row["class"] == 0}
    assert verbatim == planted, "every planted passage is found, and nothing else"
    for row, document in zip(rows, documents, strict=True):
        if row["id"] in planted:
            start, end, *_ = row["nearest"]["offsets"]
            assert document["text"][start:end] == row["nearest"]["passage"]
        elif not reading(document["text"]).english:
            assert row["status"] == "unjudged" and row["class"] is None
            assert any(view["view"] == "semantic" and "language" in view["reason"] for view in row["not_run"])
        if row["status"] == "unjudged":
            assert row["class"] is None and not row["suspect"]


@pytest.mark.slow
def test_planted_passages_are_found_in_a_sample(real: Path, exempla: Exempla, tmp_path: Path) -> None:
    documents = keyed("sample").sample([d for d in corpus(real) if len(d["text"]) < 5000], 24)
    planted = plant(documents, real)
    rows = measured(documents, real, exempla, tmp_path)
    check(rows, documents, planted)
    assert any(row["status"] == "unjudged" for row in rows)


@pytest.mark.slow
def test_all_six_hundred_documents(real: Path, exempla: Exempla, tmp_path: Path) -> None:
    documents = corpus(real)
    assert len(documents) == 600
    planted = plant(documents, real)
    rows = measured(documents, real, exempla, tmp_path)
    check(rows, documents, planted)
    assert sum(row["status"] == "unjudged" for row in rows) >= 60
