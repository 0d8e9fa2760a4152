"""The commands as a user meets them, each in a process of its own."""

import json
import os
import re
import resource
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, Exempla


def test_help_answers_in_under_half_a_second_and_loads_nothing_heavy(exempla: Exempla) -> None:
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = exempla.anew("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0
    assert min(times) < 0.5, "in processor time, which a busy machine does not stretch"
    for verb in ("init", "import", "check", "plan", "build", "distance", "verify"):
        assert verb in done.stdout
    heavy = exempla.modules_after("--help") & {
        "torch",
        "spacy",
        "faiss",
        "anthropic",
        "pyarrow",
        "sentence_transformers",
        "scipy",
        "numpy",
    }
    assert heavy == set()


def test_every_readme_command_exists(exempla: Exempla) -> None:
    text = (CHECKOUT / "README.md").read_text()
    verbs = set(re.findall(r"exempla (\w+)", text)) - {"is"}
    assert verbs >= {"init", "check", "plan", "build", "verify", "distance"}
    for verb in verbs:
        assert exempla(verb, "--help").returncode == 0


def test_a_new_project_checks_plans_builds_and_verifies(exempla: Exempla, tmp_path: Path) -> None:
    assert exempla.anew("init", tmp_path / "my model").returncode == 0
    project = tmp_path / "my model"
    assert {path.name for path in project.iterdir()} == {
        "constitution",
        "stories",
        "evals",
        "corpus",
        "build.yaml",
    }
    checked = exempla.anew("check", "--json", cwd=project)
    assert checked.returncode == 0 and json.loads(checked.stdout)["findings"] == []
    planned = exempla.anew("plan", "--limit", 20, "--json", cwd=project)
    assert json.loads(planned.stdout)["briefs"] == 20
    assert len((project / "plan.jsonl").read_text().splitlines()) == 20
    built = exempla.anew("build", "--limit", 6, "--json", cwd=project)
    assert built.returncode == 0, built.stderr
    answer = json.loads(built.stdout)
    assert answer["state"] == "done" and answer["documents"] >= 5
    assert "unfit for training" in built.stderr
    assert exempla.anew("verify", project / answer["folder"]).returncode == 0


def test_a_plan_is_shown_as_a_table_and_costs_nothing(exempla: Exempla, tmp_path: Path) -> None:
    done = exempla("plan", "-o", tmp_path / "p.jsonl")
    assert done.returncode == 0
    assert re.search(r"^principle\s+advice\s+demonstration\s+explanatory\s+story$", done.stdout, re.MULTILINE)
    assert not (tmp_path / ".build").exists()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_an_interrupted_build_keeps_what_is_finished_and_goes_on(
    number: signal.Signals, code: int, exempla: Exempla, tmp_path: Path
) -> None:
    exempla("init", tmp_path / "p")
    process = exempla.start("build", "--limit", 8, cwd=tmp_path / "p")
    ledger = tmp_path / "p" / "corpus" / "p" / ".build" / "ledger.sqlite"
    deadline = time.monotonic() + 300
    while not ledger.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == code, said
    assert "interrupted; everything finished is kept" in said
    assert "Traceback" not in said
    assert not (ledger.parent.parent / "manifest.json").exists()
    done = exempla("build", "--limit", 8, "--json", cwd=tmp_path / "p")
    assert done.returncode == 0, done.stderr
    assert exempla("verify", ledger.parent.parent).returncode == 0


@pytest.mark.slow
def test_a_killed_build_ends_with_the_same_corpus(exempla: Exempla, tmp_path: Path) -> None:
    exempla("init", tmp_path / "p")
    (tmp_path / "q").mkdir()
    exempla("init", tmp_path / "q" / "p")
    assert exempla("build", "--limit", 30, cwd=tmp_path / "q" / "p").returncode == 0
    for pause in (2.0, 5.0, 8.0):
        process = exempla.start("build", "--limit", 30, cwd=tmp_path / "p")
        time.sleep(pause)
        process.kill()
        process.communicate()
    assert exempla("build", "--limit", 30, cwd=tmp_path / "p").returncode == 0
    files = ("manifest.json", "README.md", "data/story/train-00000-of-00001.parquet")
    for name in files:
        ours, theirs = (folder / "corpus" / "p" / name for folder in (tmp_path / "p", tmp_path / "q" / "p"))
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_only_the_command_line_prints() -> None:
    """Rule 6 of the house."""
    offenders = [
        str(path)
        for path in (CHECKOUT / "builder").rglob("*.py")
        if "cli" not in path.parts
        and re.search(r"\b(sys\.exit|sys\.stdout|sys\.stderr)\b|(?<![\w.])(input|print|exit)\(", path.read_text())
    ]
    assert offenders == []


def test_a_closed_pipe_is_no_error(exempla: Exempla, tmp_path: Path) -> None:
    process = exempla.start("plan", "-o", tmp_path / "p.jsonl")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.wait(timeout=60)
    assert os.path.getsize(tmp_path / "p.jsonl") > 0  # noqa: PTH202
