"""`exempla plan`: the briefs and what they cover, for free."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from builder.cli.terminal import Json, result

if TYPE_CHECKING:
    from builder.constitution import Constitution
    from builder.plan import PlanCoverage


def plan(
    config: Annotated[
        Optional[Path], typer.Argument(help="build.yaml or its folder; without one, here or the default.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the briefs.")] = Path("plan.jsonl"),
    limit: Annotated[
        Optional[int], typer.Option(min=1, help="Only the first so many briefs, a stratified sample.")
    ] = None,
    seed: Annotated[Optional[int], typer.Option(help="Another seed than the config's.")] = None,
    json: Json = False,
) -> None:
    """Write the planned briefs to plan.jsonl and show what they cover. Nothing is asked of any model."""
    from json import dumps

    from builder.config import load_project
    from builder.inputs import open_inputs
    from builder.plan import plan_coverage
    from builder.whole_file import write_whole

    project = load_project(config, seed=seed)
    inputs = open_inputs(project)
    briefs = inputs.briefs(limit)
    coverage = plan_coverage(inputs.constitution, briefs)
    write_whole(output, "".join(dumps(brief.json(), ensure_ascii=False) + "\n" for brief in briefs), folders=True)
    facts = {
        "output": str(output),
        "briefs": coverage.briefs,
        "tokens": coverage.tokens,
        "matrix": coverage.matrix,
        "unread": coverage.unread,
        "missing": list(coverage.missing),
    }
    result("done", facts, _table(inputs.constitution, coverage, output), as_json=json)


def _table(constitution: "Constitution", coverage: "PlanCoverage", output: Path) -> str:
    families = sorted({family for row in coverage.matrix.values() for family in row})
    width = max(len(id_) for id_ in coverage.matrix)
    lines = ["  ".join([f"{'principle':<{width}}", *(f"{family:>11}" for family in families)])]
    for id_, row in coverage.matrix.items():
        lines.append("  ".join([f"{id_:<{width}}", *(f"{row[family] or '·':>11}" for family in families)]))
    if any(coverage.unread.values()):
        lines.append(
            "  ".join([f"{'of a transcript':<{width}}", *(f"{coverage.unread[f] or '·':>11}" for f in families)])
        )
    totals = [sum(row[f] for row in coverage.matrix.values()) + coverage.unread[f] for f in families]
    lines.append("  ".join([f"{'all':<{width}}", *(f"{total:>11}" for total in totals)]))
    lines.append(f"{coverage.briefs} briefs, about {coverage.tokens:,} tokens, written to {output}")
    if coverage.missing:
        lines.append(f"without a brief: {', '.join(coverage.missing)}; plan a larger size to reach them")
    return "\n".join(lines)
