"""`exempla estimate`: what a build will cost, before anything is spent."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from builder.cli.terminal import Json, result

if TYPE_CHECKING:
    from builder.config import BuildConfig
    from builder.estimate import Estimate


def estimate(
    config: Annotated[
        Optional[Path], typer.Argument(help="build.yaml or its folder; without one, here or the default.")
    ] = None,
    out: Annotated[Optional[Path], typer.Option("--out", help="The build's folder; by default corpus/NAME.")] = None,
    limit: Annotated[Optional[int], typer.Option(min=1, help="Only for the first so many briefs.")] = None,
    seed: Annotated[Optional[int], typer.Option(help="Another seed than the config's.")] = None,
    json: Json = False,
) -> None:
    """Tokens, dollars and hours of each stage, and what each figure rests on. Nothing is asked of any model."""
    from builder.config import load_project
    from builder.estimate import estimate as estimated
    from builder.inputs import open_inputs
    from builder.model import measure, open_prices

    project = load_project(config, seed=seed)
    settings = project.config
    inputs = open_inputs(project)
    folder = out or project.root / "corpus" / settings.name
    measured = measure(folder / ".build" / "ledger.sqlite")
    found = estimated(
        settings, inputs.briefs(limit), inputs.writer, open_prices(settings.model, project.root), measured
    )
    result("done", _facts(found), _table(found, settings), as_json=json)


def _facts(found: "Estimate") -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "briefs": found.briefs,
        "tokens": found.tokens,
        "dollars": round(found.dollars, 4),
        "hours": round(found.hours, 3),
        "prices_as_of": found.prices_as_of,
        "stages": [asdict(stage) for stage in found.stages],
    }


def _table(found: "Estimate", config: "BuildConfig") -> str:
    head = f"{'':<8} {'calls':>8} {'tokens in':>14} {'tokens out':>12} {'dollars':>10} {'hours':>7}"
    lines = [head]
    for stage in found.stages:
        lines.append(
            f"{stage.stage:<8} {stage.calls:>8,} {stage.tokens_in:>14,} {stage.tokens_out:>12,} "
            f"{stage.dollars:>10,.2f} {stage.hours:>7.1f}"
        )
    lines.append(f"{'all':<8} {'':>8} {'':>14} {'':>12} {found.dollars:>10,.2f} {found.hours:>7.1f}")
    lines.append(f"for {found.briefs:,} briefs, about {found.tokens:,} tokens of corpus")
    for stage in found.stages:
        lines.append(f"{stage.stage} ({stage.model}): " + "; ".join(f"{key} {why}" for key, why in stage.basis.items()))
    if found.prices_as_of:
        lines.append(f"prices as of {found.prices_as_of}; give your own with `model: {{prices: FILE}}`")
    lines.append("A smoke run makes it surer: exempla build --limit 20, then estimate again.")
    return "\n".join(lines)
