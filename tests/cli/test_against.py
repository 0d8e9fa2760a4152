"""`exempla check --against`: what changed between two versions, and which documents that makes stale."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Exempla

EVAL = {"prompt": "Compute the spring tide range at three buoys from the harmonic constants in the table."}
BUILD = "name: small\nconstitution: old.yaml\nfamilies: {explanatory: 1}\nevals: [tides.jsonl]\nsize: {tokens: 6000}\n"
PRINCIPLES = {
    "candour": "Asked what it thinks, it says so, and how sure it is.",
    "patience": "It goes through a form as often as the person in front of it needs.",
    "thrift": "It wastes no time, paper or electricity that others have paid for.",
}


def constitution(path: Path, principles: dict[str, str], **whys: str) -> Path:
    rows = [
        f"  - id: {id_}\n    title: {id_.title()}\n    statement: {statement}\n"
        f"    why: {whys.get(id_, 'People plan their days on it, and find out late when it was missing.')}\n"
        for id_, statement in principles.items()
    ]
    path.write_text("schema: 1\nname: small\nprinciples:\n" + "".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def project(exempla: Exempla, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("against")
    constitution(folder / "old.yaml", PRINCIPLES)
    changed = {"candour": PRINCIPLES["candour"], "thriftiness": PRINCIPLES["thrift"], "courage": "It speaks up where silence is easier."}  # fmt: skip
    constitution(folder / "new.yaml", changed, candour="Whoever is steered by a flattering answer has decided nothing.")
    (folder / "build.yaml").write_text(BUILD)
    (folder / "tides.jsonl").write_text(json.dumps(EVAL) + "\n")
    return folder


@pytest.fixture(scope="module")
def build(project: Path, exempla: Exempla) -> Path:
    done = exempla("build", "--limit", 6, cwd=project)
    assert done.returncode == 0, done.stderr
    return project / "corpus" / "small"


def checked(exempla: Exempla, folder: Path, *arguments: object) -> dict[str, Any]:
    done = exempla("check", *arguments, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_was_added_removed_reworded_and_renamed(project: Path, exempla: Exempla) -> None:
    found = checked(exempla, project, "new.yaml", "--against", "old.yaml")["against"]
    assert found == {
        "old": "old.yaml",
        "added": ["thriftiness", "courage"],
        "removed": ["patience", "thrift"],
        "reworded": ["candour"],
        "renamed": [["thrift", "thriftiness"]],
        "charter": [],
    }
    done = exempla("check", "new.yaml", "--against", "old.yaml", cwd=project)
    assert done.stdout.splitlines()[-5:] == [
        "against old.yaml:",
        "added: courage",
        "removed: patience",
        "reworded: candour",
        "renamed: thrift to thriftiness",
    ]
    done = exempla("check", "old.yaml", "--against", "old.yaml", cwd=project)
    assert done.stdout.splitlines()[-1] == "against old.yaml: no principle changed"


def test_the_documents_that_a_change_makes_stale(project: Path, build: Path, exempla: Exempla) -> None:
    rows = [row for path in sorted(build.glob("data/*/*.parquet")) for row in pq.read_table(path).to_pylist()]
    found = checked(exempla, project, "new.yaml", "--against", "old.yaml", "--build", build)["against"]["build"]
    assert found["documents"] == len(rows) and found["made_from_old"] is True
    gone = {"candour", "patience", "thrift"}
    assert {one["id"] for one in found["stale"]} == {row["id"] for row in rows if gone & set(row["principles"])}

    less = constitution(project / "less.yaml", {**PRINCIPLES, "patience": "It waits, and goes through a form again."})
    found = checked(exempla, project, less, "--against", "old.yaml", "--build", build)["against"]["build"]
    expected = {row["id"]: ["patience"] for row in rows if "patience" in row["principles"]}
    assert {one["id"]: one["principles"] for one in found["stale"]} == expected
    assert 0 < len(expected) < len(rows)
    done = exempla("check", less, "--against", "old.yaml", "--build", build, cwd=project)
    assert f"{build}: {len(expected)} of {len(rows)} documents are stale" in done.stdout
    assert all(f"  explanatory {id_}: patience" in done.stdout for id_ in expected)


def test_a_build_from_another_version_says_so(project: Path, build: Path, exempla: Exempla) -> None:
    done = exempla("check", "old.yaml", "--against", "new.yaml", "--build", build, cwd=project)
    assert "was not made from new.yaml as it stands, so it may hold more that is stale" in done.stdout


def test_what_every_writer_is_shown_is_compared_too(project: Path, build: Path, exempla: Exempla) -> None:
    text = (project / "old.yaml").read_text().replace("name: small\n", "name: small\npreamble: It is meant well.\n")
    text += "priorities: [{higher: candour, lower: thrift, why: A falsehood costs more than paper.}]\n"
    (project / "charter.yaml").write_text(text)
    found = checked(exempla, project, "charter.yaml", "--against", "old.yaml", "--build", build)["against"]
    assert found["charter"] == ["preamble", "priorities"] and found["build"]["stale"] == []
    done = exempla("check", "charter.yaml", "--against", "old.yaml", "--build", build, cwd=project)
    lines = done.stdout.splitlines()
    assert "against old.yaml: no principle changed" in lines
    assert "changed in what every writer is shown: preamble, priorities" in lines
    assert lines[-1] == f"{build}: all its documents were written with the old preamble and priorities in view"


@pytest.mark.parametrize("columns", [{"text": "a"}, {"id": "a", "family": "story", "principles": 3}, {"id": "a", "family": "story", "principles": "candour"}, None])  # fmt: skip
def test_a_shard_that_says_nothing_certain_is_refused(
    columns: dict[str, Any] | None, project: Path, build: Path, exempla: Exempla, tmp_path: Path
) -> None:
    folder = tmp_path / "build"
    shutil.copytree(build, folder)
    shard = next(iter(sorted(folder.glob("data/*/*.parquet"))))
    if columns is None:
        shard.unlink()
    else:
        pq.write_table(pa.Table.from_pylist([columns]), shard)
    done = exempla("check", "new.yaml", "--against", "old.yaml", "--build", folder, cwd=project)
    wrong = "is missing, though the manifest lists it" if columns is None else "has other columns than this version"
    assert done.returncode == 2 and f"{shard} {wrong}" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--against", "nowhere.yaml"], "nowhere.yaml does not exist"),
        (["--build", "corpus"], "add --against OLD"),
        (["--against", "old.yaml", "--build", "nowhere"], "nowhere is not a folder"),
        (["--against", "old.yaml", "--build", "."], "so it is no emitted build"),
    ],
)
def test_mistakes_are_one_sentence(project: Path, exempla: Exempla, arguments: list[str], sentence: str) -> None:
    done = exempla("check", "new.yaml", *arguments, cwd=project)
    assert done.returncode == 2 and sentence in done.stderr and done.stdout == "", done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
