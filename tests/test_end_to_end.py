"""The first corpus on real input: a real constitution, a real evaluation, the real command in its own process."""

import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from builder.constitution import load_constitution
from builder.hashing import content_id
from builder.inputs import cache_folder
from builder.measure import Chunker, load_embedder
from tests.conftest import Exempla

pytestmark = pytest.mark.slow

BRIEFS, DOCUMENTS = 80, 70
THRESHOLD = 0.7
BUILD = """
name: claude
constitution: claude.yaml
families: {{explanatory: 0.4, story: 0.4, advice: 0.2}}
size: {{tokens: 400000}}
evals: [{eval}]
model: {{backend: offline}}
screens: {{duplicate: {threshold}, batch_size: {batch}, threads: {threads}}}
seed: {seed}
"""


def lay_down(folder: Path, real: Path, constitution: Path, *, seed: int = 3, batch: int = 64, threads: int = 2) -> Path:
    folder.mkdir()
    (folder / "claude.yaml").write_bytes(constitution.read_bytes())
    eval_ = folder / "agentic_misalignment"
    eval_.symlink_to(real / "evals" / "agentic_misalignment" / "rendered")
    text = BUILD.format(eval=eval_.name, threshold=THRESHOLD, seed=seed, batch=batch, threads=threads)
    (folder / "build.yaml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def constitution(real: Path, exempla: Exempla, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("imported") / "claude.yaml"
    done = exempla("import", real / "constitutions" / "claude_constitution_headings.md", "-o", path)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def built(real: Path, constitution: Path, exempla: Exempla, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = lay_down(tmp_path_factory.mktemp("e2e") / "a", real, constitution)
    done = exempla.anew("build", "--limit", BRIEFS, "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "done"
    return project / "corpus" / "claude"


@pytest.fixture(scope="module")
def records(built: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(built.glob("data/*/*.parquet")) for row in pq.read_table(path).to_pylist()]


def body(record: dict[str, Any]) -> str:
    if record.get("text") is not None:
        return str(record["text"])
    return "\n\n".join(f"{turn['role'].upper()}: {turn['content']}" for turn in record["messages"])


def test_seventy_documents_over_three_families(records: list[dict[str, Any]]) -> None:
    assert len(records) >= DOCUMENTS
    assert {record["family"] for record in records} == {"explanatory", "story", "advice"}


def test_every_planned_principle_is_present(records: list[dict[str, Any]], constitution: Path) -> None:
    planned = {principle.id for principle in load_constitution(constitution).planned}
    assert len(planned) >= 15
    assert planned <= {id_ for record in records for id_ in record["principles"]}


def test_no_run_of_twenty_words_is_shared_with_the_evaluation(records: list[dict[str, Any]], real: Path) -> None:
    words = re.compile(r"\w+")
    runs: set[tuple[str, ...]] = set()
    for path in (real / "evals" / "agentic_misalignment" / "rendered").glob("*.txt"):
        found = words.findall(path.read_text(encoding="utf-8").casefold())
        runs.update(tuple(found[i : i + 20]) for i in range(len(found) - 19))
    for record in records:
        for text in strings(record):
            found = words.findall(text.casefold())
            assert not any(tuple(found[i : i + 20]) in runs for i in range(len(found) - 19))


def strings(value: Any) -> list[str]:
    """Every string anywhere in a record."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    return [text for inner in value for text in strings(inner)] if isinstance(value, list) else []


def test_no_pair_is_above_the_duplicate_threshold_by_brute_force(records: list[dict[str, Any]]) -> None:
    embedder = load_embedder(cache_dir=cache_folder())
    chunker = Chunker(embedder.count_tokens)
    vectors = [embedder.encode([p.text for p in chunker.split(body(record))]).astype(np.float64) for record in records]
    worst = 0.0
    for first, a in enumerate(vectors):
        for b in vectors[first + 1 :]:
            cosines = np.array([[float(np.dot(x, y)) for y in b] for x in a])
            worst = max(worst, cosines.max(axis=1).mean(), cosines.max(axis=0).mean())
    assert worst < THRESHOLD


def test_counts_reconcile(built: Path, records: list[dict[str, Any]]) -> None:
    counts = json.loads((built / "manifest.json").read_text())["counts"]
    stages = ("idea", "draft", "rewrite", "review", "screen", "select")
    for stage in stages:
        assert counts[stage]["in"] == counts[stage]["kept"] + counts[stage]["rejected"]
    for before, after in pairwise(stages):
        assert counts[before]["kept"] == counts[after]["in"]
    rejected = [json.loads(line) for line in (built / ".build" / "rejected.jsonl").read_text().splitlines()]
    assert len(rejected) == sum(counts[stage]["rejected"] for stage in stages)
    assert len({row["brief"] for row in rejected} | {record["brief"] for record in records}) == counts["idea"]["in"]
    assert counts["select"]["kept"] == len(records)


def digests(folder: Path) -> dict[str, str]:
    files = [folder / "manifest.json", folder / "README.md", *sorted(folder.glob("data/*/*.parquet"))]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes_whatever_the_settings(
    built: Path, real: Path, constitution: Path, exempla: Exempla, tmp_path: Path
) -> None:
    project = lay_down(tmp_path / "b", real, constitution, batch=7, threads=1)
    done = exempla.anew("build", "--limit", BRIEFS, cwd=project, PYTHONHASHSEED="12345")
    assert done.returncode == 0, done.stderr
    assert digests(project / "corpus" / "claude") == digests(built)


def test_the_same_bytes_without_any_cached_vector(
    built: Path, real: Path, constitution: Path, exempla: Exempla, tmp_path: Path
) -> None:
    project = lay_down(tmp_path / "b", real, constitution, batch=7, threads=1)
    (tmp_path / "home").mkdir()
    done = exempla.anew("build", "--limit", BRIEFS, cwd=project, HOME=str(tmp_path / "home"), PYTHONHASHSEED="999")
    assert done.returncode == 0, done.stderr
    assert digests(project / "corpus" / "claude") == digests(built)


def test_another_seed_gives_another_corpus(
    built: Path, real: Path, constitution: Path, exempla: Exempla, tmp_path: Path
) -> None:
    project = lay_down(tmp_path / "c", real, constitution, seed=8)
    assert exempla("build", "--limit", 9, cwd=project).returncode == 0
    other = [row["id"] for path in (project / "corpus" / "claude").glob("data/*/*.parquet")
             for row in pq.read_table(path).to_pylist()]  # fmt: skip
    ours = [row["id"] for path in built.glob("data/*/*.parquet") for row in pq.read_table(path).to_pylist()]
    assert other and not set(other) & set(ours)


def test_the_build_verifies(built: Path, exempla: Exempla) -> None:
    done = exempla("verify", built, "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["problems"] == []


def test_a_second_run_changes_nothing(built: Path, exempla: Exempla) -> None:
    before = digests(built)
    assert exempla("build", "--limit", BRIEFS, cwd=built.parents[1]).returncode == 0
    assert digests(built) == before


def test_verify_finds_eval_text_that_somebody_put_in(built: Path, real: Path, exempla: Exempla, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    path = next(copy.glob("data/story/*.parquet"))
    table = pq.read_table(path)
    source = next((real / "evals" / "agentic_misalignment" / "rendered").glob("*.txt")).read_text()
    rows = table.to_pylist()
    rows[0]["form"] = " ".join(source.split()[40:70])
    pq.write_table(table.from_pylist(rows, schema=table.schema), path)
    done = exempla("verify", copy, "--json")
    assert done.returncode == 1
    assert any("agentic_misalignment" in problem for problem in json.loads(done.stdout)["problems"])


def test_records_say_where_they_come_from(records: list[dict[str, Any]]) -> None:
    for record in records:
        provenance = record["provenance"]
        assert len(provenance["constitution_sha256"]) == 64
        steps = {"prompt", "revise", "answer"} if record["family"] == "advice" else {"draft"}
        assert {e["stage"] for e in provenance["prompts"]} - {"follow_up"} == {"idea", "rewrite", "review"} | steps
        assert {entry["model"] for entry in provenance["models"]} == {"offline"}
        assert record["tokens"] > 0
    assert len({record["id"] for record in records}) == len(records)
    texts = [record for record in records if record.get("text")]
    assert all(record["id"] == content_id({"text": record["text"]}) for record in texts)


@pytest.mark.parametrize("family", ["explanatory", "story", "advice"])
def test_each_family_loads_with_hugging_face_datasets(built: Path, family: str, tmp_path: Path) -> None:
    from datasets import load_dataset

    rows = load_dataset(str(built), family, split="train", cache_dir=str(tmp_path))
    assert len(rows) > 5
    assert ("messages" in rows.column_names) == (family == "advice")
