"""A whole build through the `files` backend: the real command, round by round, its answers made by hand."""

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from builder.config import load_project
from builder.ideas import groups
from builder.inputs import open_inputs
from builder.model import Reply, Request
from builder.model.offline import OfflineModel
from builder.shipped import shipped
from builder.write import FAMILIES, Piece, parse_ideas
from tests.conftest import Exempla

BRIEFS = 4
BUILD = """\
name: exchange
families: {story: 1, explanatory: 1}
evals: [tides.jsonl]
size: {tokens: 8000}
model: {backend: files, stages: {idea: elm-1, draft: elm-2, rewrite: elm-2, review: elm-3}}
"""
# Nothing that a document about a constitution comes near, so that the screens have no say in these tests.
EVAL = {
    "prompt": "Compute the spring tide range at three buoys from the harmonic constants M2, S2 and N2 given in the table."
}


def lay_down(folder: Path) -> Path:
    """A project with an eval and a background of its own, both small, because each of many runs reads them."""
    (folder / "build.yaml").write_text(BUILD)
    (folder / "tides.jsonl").write_text(json.dumps(EVAL) + "\n")
    (folder / "evals" / "background").mkdir(parents=True)
    shipped_texts = [line for path in sorted(shipped("evals", "background").glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]  # fmt: skip
    (folder / "evals" / "background" / "few.jsonl").write_text("\n".join(shipped_texts[::20]) + "\n", encoding="utf-8")
    return folder


def hand_made(project: Path) -> dict[str, tuple[Request, str]]:
    """Every request that the build can come to make, by key, with an answer that passes."""
    inputs = open_inputs(load_project(project))
    briefs = inputs.briefs()
    writer, offline = inputs.writer, OfflineModel(inputs.deck_folder)
    answers: dict[str, tuple[Request, str]] = {}

    def answer(request: Request) -> Reply:
        reply = asyncio.run(offline.answer(request))
        if request.stage == "review":
            verdicts = {key: {"verdict": "yes", "evidence": "read by hand"} for key in request.facts["criteria"]}
            reply = replace(reply, text=f"<review>{json.dumps(verdicts)}</review>")
        answers[request.key] = (request, reply.text)
        return reply

    for group in groups(briefs):
        ideas = parse_ideas(answer(writer.ideas(group, 0, [], {})).text, len(group))
        for brief, idea in zip(group, ideas, strict=True):
            piece = Piece(brief, str(idea))
            for step in FAMILIES[brief.family].steps(brief):
                piece = step.read(writer, piece, answer(step.ask(writer, piece)))
            assert piece.review is not None and piece.reason is None
    return answers


def result(key: str, text: str, model: str, stopped: str = "end_turn") -> dict[str, Any]:
    usage = {"input_tokens": 900, "output_tokens": len(text.split())}
    message = {"content": [{"type": "text", "text": text}], "stop_reason": stopped, "model": model, "usage": usage}
    return {"custom_id": key, "result": {"type": "succeeded", "message": message}}


def write(path: Path, rows: Iterable[object]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.slow
def test_a_build_goes_through_its_rounds_by_file(exempla: Exempla, tmp_path: Path) -> None:
    answers = hand_made(lay_down(tmp_path))
    build = tmp_path / "corpus" / "exchange"
    exchange = build / ".build" / "exchange"
    requests, results = exchange / "requests.jsonl", exchange / "results.jsonl"

    def run() -> tuple[str, list[dict[str, Any]]]:
        done = exempla("build", "--limit", BRIEFS, "--json", cwd=tmp_path)
        assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
        said = json.loads(done.stdout)
        assert said["state"] == "incomplete" and said["message"] in done.stderr
        assert not (build / "manifest.json").exists()
        return said["message"], [json.loads(line) for line in requests.read_text(encoding="utf-8").splitlines()]

    def answered(row: dict[str, Any], stopped: str = "end_turn") -> dict[str, Any]:
        return result(row["custom_id"], answers[row["custom_id"]][1], row["params"]["model"], stopped)

    def stages(rows: list[dict[str, Any]]) -> set[str]:
        return {answers[row["custom_id"]][0].stage for row in rows}

    said, asked = run()
    assert said.startswith("waiting for 2 answers to ") and stages(asked) == {"idea"}, "one call for each family"
    assert {row["params"]["model"] for row in asked} == {"elm-1"}

    stranger = result("somebody-elses", "A text.", "elm-1")
    expired = {"custom_id": asked[0]["custom_id"], "result": {"type": "expired"}}
    write(results, [stranger, expired, answered(asked[1])])
    said, asked = run()
    assert said.startswith("waiting for 1 answer to ")
    assert said.endswith("(asked again: 1 expired; ignored: 1 row whose custom_id nobody asked for)")

    write(results, map(answered, asked))
    _, asked = run()
    assert stages(asked) == {"draft"} and len(asked) == BRIEFS

    write(results, [answered(asked[0], "refusal"), *map(answered, asked[1:])])
    _, asked = run()
    assert stages(asked) == {"rewrite"} and len(asked) == BRIEFS - 1

    write(results, [answered(asked[2]), answered(asked[0], "max_tokens"), answered(asked[1])])
    _, asked = run()
    assert stages(asked) == {"review"} and len(asked) == BRIEFS - 2

    write(results, map(answered, asked))
    done = exempla("build", "--limit", BRIEFS, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["documents"] == BRIEFS - 2 and not requests.exists()
    rejected = [json.loads(line) for line in (build / ".build" / "rejected.jsonl").read_text().splitlines()]
    assert {(row["stage"], row["reason"]) for row in rejected} == {("draft", "the model refused"), ("rewrite", "the model truncated")}  # fmt: skip

    results.unlink()
    before = (build / "manifest.json").read_bytes()
    again = exempla("build", "--limit", BRIEFS, cwd=tmp_path)
    assert again.returncode == 0 and (build / "manifest.json").read_bytes() == before
    assert "unfit for training" not in again.stderr
    assert exempla("verify", build).returncode == 0
    rows = [row for path in sorted(build.glob("data/*/*.parquet")) for row in pq.read_table(path).to_pylist()]
    models = {entry["stage"]: entry["model"] for row in rows for entry in row["provenance"]["models"]}
    assert models == {"idea": "elm-1", "draft": "elm-2", "rewrite": "elm-2", "review": "elm-3"}


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (BUILD.replace(", review: elm-3", ""), r"build.yaml:5:\d+: backend .files. .* lacks review; name a model"),
        (BUILD.replace("files,", "flies,"), "did you mean 'files'"),
    ],
)
def test_mistakes_are_one_sentence(exempla: Exempla, tmp_path: Path, written: str, sentence: str) -> None:
    (lay_down(tmp_path) / "build.yaml").write_text(written)
    done = exempla("build", "--limit", 2, cwd=tmp_path)
    assert done.returncode == 2 and re.search(sentence, done.stderr), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "corpus").exists()


def test_two_rounds_with_a_mistake_between_them(exempla: Exempla, tmp_path: Path) -> None:
    answers = hand_made(lay_down(tmp_path))
    exchange = tmp_path / "corpus" / "exchange" / ".build" / "exchange"
    requests, results = exchange / "requests.jsonl", exchange / "results.jsonl"
    done = exempla("build", "--limit", 2, cwd=tmp_path)
    assert done.returncode == 3 and "waiting for 1 answer to" in done.stderr
    before = requests.read_bytes()
    rows = [result(key, answers[key][1], "elm-1") for key in (json.loads(line)["custom_id"] for line in before.splitlines())]  # fmt: skip
    results.write_text(json.dumps(rows[0] | {"custom_id": "strange"}) + '\n{"custom_id": "b"\n')
    done = exempla("build", "--limit", 2, cwd=tmp_path)
    assert done.returncode == 2 and "results.jsonl:2: the row is not JSON" in done.stderr
    assert requests.read_bytes() == before
    write(results, rows)
    done = exempla("build", "--limit", 2, cwd=tmp_path)
    assert done.returncode == 3
    asked = [json.loads(line)["custom_id"] for line in requests.read_text(encoding="utf-8").splitlines()]
    assert [answers[key][0].stage for key in asked] == ["draft", "draft"]
