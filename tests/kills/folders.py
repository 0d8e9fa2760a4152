"""The folders of a trial: what is laid down for a build, and what came of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builder.shipped import shipped

LEDGER, NOTES, RESULT, SAID = Path(".build/ledger.sqlite"), "notes.jsonl", "result.json", "said.txt"
CONCURRENCY = 8
DEAR, CHEAP = "claude-sonnet-4-6", "claude-haiku-4-5"
_MODELS = {"idea": CHEAP, "draft": DEAR, "rewrite": DEAR, "review": CHEAP}
_SCREENS = {"duplicate_idea": 0.79, "duplicate": 0.84}  # by shared words, at which some are turned down
# Nothing that a document about a constitution comes near.
_TIDES = "Compute the spring tide range at three buoys from the harmonic constants M2, S2 and N2 given in the table."


def lay_down(folder: Path, url: str, model: Mapping[str, object], dollars: float) -> None:
    """A build.yaml for a writer, in a folder that is there."""
    config = {
        "name": "killed",
        "evals": ["framing"],
        "model": {"base_url": url, "stages": _MODELS, "concurrency": CONCURRENCY, **model},
        "spend": {"dollars": dollars},
        "screens": _SCREENS,
    }
    (folder / "build.yaml").write_text(json.dumps(config))


def lay_down_project(folder: Path, url: str, model: Mapping[str, object], dollars: float) -> None:
    """A project with an eval and a background of its own, both small, because each of many runs reads them."""
    config = {
        "name": "killed",
        "families": {"story": 2, "explanatory": 2, "advice": 1},
        "evals": ["tides.jsonl"],
        "model": {"base_url": url, "stages": _MODELS, "concurrency": CONCURRENCY, **model},
        "spend": {"dollars": dollars},
    }
    (folder / "build.yaml").write_text(json.dumps(config))
    (folder / "tides.jsonl").write_text(json.dumps({"prompt": _TIDES}) + "\n")
    (folder / "evals" / "background").mkdir(parents=True)
    texts = [
        line
        for path in sorted(shipped("evals", "background").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    (folder / "evals" / "background" / "few.jsonl").write_text("\n".join(texts[::20]) + "\n", encoding="utf-8")


def published(corpus: Path) -> dict[str, bytes]:
    """Every file that a build publishes."""
    paths = [path for path in corpus.rglob("*") if path.is_file() and ".build" not in path.parts]
    return {str(path.relative_to(corpus)): path.read_bytes() for path in paths}


def crashes(folder: Path) -> int:
    """How many tracebacks the processes left."""
    return (folder / SAID).read_text().count("Traceback")


def outcome(folder: Path) -> dict[tuple[str, ...], Any]:
    """What came of a writer's build, row by row."""
    result = json.loads((folder / RESULT).read_text())
    documents = {("document", row["id"]): row for row in result["documents"]}
    # An idea may repeat two others, and which of them is named depends on which is known already.
    rejected = {("rejected", row["brief"]): {**row, "evidence": None} for row in result["rejected"]}
    return {**documents, **rejected, **{("table", name): result[name] for name in ("stages", "attempts", "refusals")}}
