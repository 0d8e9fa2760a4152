"""`--ablate`: a build without its rewrite or its review, to compare with the whole one."""

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from builder.config import load_project
from builder.inputs import open_inputs
from builder.shipped import shipped
from builder.steps import NOT_REVIEWED
from builder.write import FAMILIES
from tests.conftest import Exempla

LIMIT = 9
BUILD = """\
name: small
families: {story: 1, explanatory: 1, advice: 2, demonstration: 1}
evals: [tides.jsonl]
size: {tokens: 9000}
model: {backend: offline}
"""
# Nothing that a document about a constitution comes near, so that the screens have no say in these tests.
EVAL = {"prompt": "Compute the spring tide range at three buoys from the harmonic constants M2, S2 and N2."}
Build = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ablation")
    (folder / "build.yaml").write_text(BUILD)
    (folder / "tides.jsonl").write_text(json.dumps(EVAL) + "\n")
    (folder / "evals" / "background").mkdir(parents=True)
    lines = [line for path in sorted(shipped("evals", "background").glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]  # fmt: skip
    (folder / "evals" / "background" / "few.jsonl").write_text("\n".join(lines[::20]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def builds(project: Path, exempla: Exempla) -> dict[str, Build]:
    """The whole build and its two arms, each in the folder that the command gives it."""
    found = {}
    for arm in ("", "rewrite", "review"):
        done = exempla("build", "--limit", LIMIT, "--json", *(("--ablate", arm) if arm else ()), cwd=project)
        assert done.returncode == 0, done.stderr
        folder = project / json.loads(done.stdout)["folder"]
        found[arm] = folder, json.loads((folder / "manifest.json").read_text())
    return found


def calls(folder: Path) -> Counter[str]:
    with sqlite3.connect(folder / ".build" / "ledger.sqlite") as ledger:
        return Counter(stage for (stage,) in ledger.execute("SELECT stage FROM calls"))


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("data/*/*.parquet")) for row in pq.read_table(path).to_pylist()]


@pytest.mark.slow
def test_the_folder_is_named_after_its_arm(builds: dict[str, Build]) -> None:
    assert [folder.name for folder, _ in builds.values()] == ["small", "small-without-rewrite", "small-without-review"]


@pytest.mark.slow
def test_every_family_is_in_every_arm(builds: dict[str, Build]) -> None:
    assert all({row["family"] for row in rows(folder)} == set(FAMILIES) for folder, _ in builds.values())


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["rewrite", "review"])
def test_no_call_of_the_stage_is_made_and_no_count_speaks_of_it(arm: str, builds: dict[str, Build]) -> None:
    whole, (folder, manifest) = calls(builds[""][0]), builds[arm]
    assert whole[arm] > 0 and calls(folder) == {stage: n for stage, n in whole.items() if stage != arm}
    assert set(builds[""][1]["counts"]) - set(manifest["counts"]) == {arm}
    assert any(f"it leaves out the {arm}" in note for note in manifest["notes"])
    models = {entry["stage"] for row in rows(folder) for entry in row["provenance"]["models"]}
    assert arm not in models and "revise" in models and "judge" in models, "a message's revision is part of its draft"


@pytest.mark.slow
def test_without_the_rewrite_documents_are_their_drafts(builds: dict[str, Build]) -> None:
    folder, _ = builds["rewrite"]
    making = [json.loads(line) for line in (folder / ".build" / "writing.jsonl").read_text(encoding="utf-8").splitlines()]  # fmt: skip
    drafts = {row["document"]: row for row in making if row["document"]}
    for row in rows(folder):
        assert row["provenance"]["draft_id"] == row["provenance"]["rewrite_id"]
        made = drafts[row["id"]]
        assert made["final"] is None and made["problems"] is None
        if row.get("text"):
            assert row["text"].endswith(made["draft"])
        else:
            assert "\n\n".join(f"<{m['role']}>{m['content']}</{m['role']}>" for m in row["messages"]) == made["draft"]


@pytest.mark.slow
def test_without_the_review_each_finding_says_that_it_was_not_run(builds: dict[str, Build]) -> None:
    for arm, said in (("", "not judged"), ("rewrite", "not judged"), ("review", NOT_REVIEWED)):
        for row in rows(builds[arm][0]):
            (finding,) = [finding for finding in row["findings"] if finding["check"] == "review"]
            assert finding["reason"] == said and (finding["score"] is None) is (arm == "review")
    assert NOT_REVIEWED.startswith("not run")


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["rewrite", "review"])
def test_an_arm_is_whole_and_verifies(arm: str, builds: dict[str, Build], exempla: Exempla) -> None:
    done = exempla("verify", builds[arm][0])
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("there", "asked"), [("rewrite", ("--ablate", "review")), ("rewrite", ()), ("", ("--ablate", "rewrite"))])  # fmt: skip
def test_a_folder_holds_one_arm_and_refuses_another(
    there: str, asked: tuple[str, ...], builds: dict[str, Build], project: Path, exempla: Exempla
) -> None:
    folder, _ = builds[there]
    before = (folder / "manifest.json").read_bytes()
    done = exempla("build", "--limit", LIMIT, "--out", folder, *asked, cwd=project)
    assert done.returncode == 2 and "holds a build with another ablation" in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and (folder / "manifest.json").read_bytes() == before


def test_a_stage_that_cannot_be_left_out_is_refused(project: Path, exempla: Exempla) -> None:
    done = exempla("build", "--limit", LIMIT, "--ablate", "draft", cwd=project)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert "--ablate 'draft': it should be 'rewrite' or 'review'" in done.stderr
    assert not (project / "corpus" / "small-without-draft").exists()


def test_steps_without_a_stage_are_the_others_in_their_order(project: Path) -> None:
    for brief in open_inputs(load_project(project)).briefs():
        family = FAMILIES[brief.family]
        whole = [step.name for step in family.steps(brief)]
        assert whole[-2:] == ["rewrite", "review"]
        assert [step.name for step in family.steps_left(brief, ("rewrite",))] == [
            name for name in whole if name != "rewrite"
        ]
        assert [step.name for step in family.steps_left(brief, ("review", "rewrite"))] == whole[:-2]
