"""A build from a recording: the same texts, with the prompts that the answers were written to."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from builder.model import Ledger, save_recording
from builder.shipped import shipped
from builder.write import Prompts
from tests.conftest import Exempla

LIMIT = 5
BUILD = """\
name: {name}
evals: [framing]
size: {{tokens: 9000}}
prompts: prompts
model: {model}
"""


def rows(build: Path) -> dict[str, dict[str, Any]]:
    found = [row for path in sorted(build.glob("data/*/*.parquet")) for row in pq.read_table(path).to_pylist()]
    return {row["brief"]: row for row in found}


@pytest.mark.slow
def test_a_replayed_record_names_the_prompts_that_its_answers_were_written_to(exempla: Exempla, tmp_path: Path) -> None:
    shutil.copytree(shipped("stories", "prompts"), tmp_path / "prompts")
    (tmp_path / "build.yaml").write_text(BUILD.format(name="first", model="{backend: offline}"))
    assert exempla("build", "--limit", LIMIT, cwd=tmp_path).returncode == 0
    with Ledger(tmp_path / "corpus" / "first" / ".build" / "ledger.sqlite") as ledger:
        save_recording(ledger, tmp_path / "answers.jsonl", about="Put together for a test.")
    before = rows(tmp_path / "corpus" / "first")

    with (tmp_path / "prompts" / "base.md").open("a") as base:
        base.write("\n{# another wording #}\n")
    (tmp_path / "build.yaml").write_text(
        BUILD.format(name="again", model="{backend: recorded, recording: answers.jsonl}")
    )
    for _ in range(2):  # the second time from the ledger
        done = exempla("build", "--limit", LIMIT, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        again = rows(tmp_path / "corpus" / "again")
        assert set(again) == set(before)
        for brief, row in again.items():
            assert row["provenance"]["prompts"] == before[brief]["provenance"]["prompts"]
            assert row["provenance"]["recorded"] and row["id"] == before[brief]["id"]
    now = Prompts(tmp_path / "prompts").sha256("story", "draft")
    assert now not in {p["sha256"] for row in again.values() for p in row["provenance"]["prompts"]}
    assert "Put together for a test." in (tmp_path / "corpus" / "again" / "README.md").read_text(encoding="utf-8")
