"""`exempla init`: a new project with inputs to edit."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from builder.cli.terminal import Json, result
from builder.errors import InputError
from builder.shipped import shipped

BUILD_YAML = """\
# What to build. Unknown keys are refused; every path is relative to this file.
name: {name}
constitution: constitution/linnet.yaml
# concern: the behaviour you worry about; it weights the principles that speak of it, and the card records it
families: {{explanatory: 0.38, story: 0.38, advice: 0.18, demonstration: 0.06}}    # shares of tokens
size: {{tokens: 110000}}
evals: [evals/agentic-misalignment, evals/research-sabotage, evals/framing]
model: {{backend: offline}}    # scaffolding without a language model: unfit for training
# With a language model (or backend anthropic-batches, at half the price; a server of your own: base_url, prices: free):
# model:
#   backend: anthropic
#   stages: {{idea: MODEL, draft: MODEL, rewrite: MODEL, review: MODEL}}
#   concurrency: 32
# spend: {{dollars: 20}}    # the most that it may cost; `exempla estimate` says what it will
policy: held_out
seed: 0
"""


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make; it must not exist or must be empty.")],
    json: Json = False,
) -> None:
    """Lay down a new project: a constitution, decks and prompts, evals, and build.yaml."""
    target = folder.resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{folder} exists and is not empty; name a new folder")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=".exempla-init-"))
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}; choose another place") from None
    try:
        for room in ("constitution", "stories", "evals"):
            shutil.copytree(shipped(room), staging / room, ignore=shutil.ignore_patterns("__pycache__", "recorded"))
        (staging / "corpus").mkdir()
        (staging / "build.yaml").write_text(BUILD_YAML.format(name=_slug(target.name)), encoding="utf-8")
        staging.chmod(0o755)
        if target.exists():  # it may be the folder that the user stands in, so it stays and is filled
            for entry in sorted(staging.iterdir()):
                entry.rename(target / entry.name)
        else:
            staging.rename(target)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}; choose another place") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    text = (
        f"{folder} is ready.\n"
        f"Next: edit {folder}/constitution/linnet.yaml, then cd {folder} && exempla check && exempla build"
    )
    result("done", {"folder": str(folder)}, text, as_json=json)


def _slug(name: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name).strip("-")
    return kept[:60] or "corpus"
