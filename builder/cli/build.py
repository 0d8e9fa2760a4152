"""`exempla build`: the whole job, resumed by itself."""

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from builder.cli.spent import in_words, spent
from builder.cli.terminal import Json, Watcher, result, say
from builder.errors import GateFailed, Incomplete


def build(
    config: Annotated[
        Optional[Path], typer.Argument(help="build.yaml or its folder; without one, here or the default.")
    ] = None,
    out: Annotated[Optional[Path], typer.Option("--out", help="The build's folder; by default corpus/NAME.")] = None,
    limit: Annotated[
        Optional[int], typer.Option(min=1, help="Only the first so many briefs, a stratified sample.")
    ] = None,
    seed: Annotated[Optional[int], typer.Option(help="Another seed than the config's.")] = None,
    ablate: Annotated[
        Optional[list[str]], typer.Option(help="Leave a stage out, rewrite or review, to compare; may be given again.")
    ] = None,
    json: Json = False,
) -> None:
    """Plan, write, screen, select and emit a corpus. Interrupted, the same command goes on where it stopped."""
    from builder.config import load_project
    from builder.pipeline import build as run_build

    project = load_project(config, seed=seed, ablate=tuple(ablate) if ablate else None)
    arm = "".join(f"-without-{stage}" for stage in sorted(set(project.config.ablate)))
    folder = out or project.root / "corpus" / f"{project.config.name}{arm}"
    with Watcher() as watch:
        built = run_build(project, folder, limit=limit, watch=watch)
    families: dict[str, int] = {}
    for document in built.documents:
        families[document.family] = families.get(document.family, 0) + 1
    tokens = sum(document.tokens for document in built.documents)
    facts: dict[str, Any] = {
        "folder": str(folder),
        "planned": built.planned,
        "documents": len(built.documents),
        "tokens": tokens,
        "families": families,
        "rejected": built.rejected,
        "dry": built.dry,
    }
    if built.spent:
        facts["spent"] = spent(built.spent)
    named = ", ".join(f"{count} {family}" for family, count in sorted(families.items()))
    lines = [
        f"{folder}: {len(built.documents)} documents ({named}), {tokens:,} tokens; "
        f"{built.rejected} of {built.planned} briefs rejected, each with its reason in .build/rejected.jsonl",
        f"Read {folder}/README.md, and {folder}/report.html to see how each text came about; "
        f"check it any time with: exempla verify {folder}",
    ]
    if built.spent and built.spent.attempts:
        lines.append(in_words(built.spent))
    if project.config.model.backend == "offline":
        say("The offline model put this text together without a language model; it is unfit for training.")
    state = "refused" if not built.documents else "incomplete" if built.dry else "done"
    result(state, facts, "\n".join(lines), as_json=json)
    if not built.documents:
        say("no document passed the screens; see .build/rejected.jsonl for the reasons")
        raise typer.Exit(GateFailed.exit_code)
    if built.dry:
        say(f"{built.dry} briefs stayed dry: no idea passed the screens; widen the decks or raise the size")
        raise typer.Exit(Incomplete.exit_code)
