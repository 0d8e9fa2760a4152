"""`exempla import`: other people's constitutions as YAML."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from builder.cli.terminal import Json, Watcher, result
from builder.errors import InputError

if TYPE_CHECKING:
    from builder.constitution import Imported
    from builder.distill import Distilled


def import_(
    source: Annotated[Path, typer.Argument(help="The document to import, such as headed Markdown.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The YAML file to write.")],
    distill: Annotated[
        bool, typer.Option("--distill", help="Have a language model propose the fields from the source text.")
    ] = False,
    model_backend: Annotated[
        Optional[str],
        typer.Option(help="With --distill: anthropic, anthropic-batches or files. By default build.yaml's, or files."),
    ] = None,
    model: Annotated[
        Optional[str],
        typer.Option(help="With --distill: the model's name. By default build.yaml's, or any."),
    ] = None,
    spend: Annotated[
        Optional[float], typer.Option(min=0.01, help="With --distill: the most it may cost in dollars.")
    ] = None,
    limit: Annotated[
        Optional[int], typer.Option(min=1, help="With --distill: only the first so many planned principles.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    json: Json = False,
) -> None:
    """Turn somebody's constitution into this YAML, its source text kept verbatim."""
    from builder.constitution import import_constitution, write_constitution

    for name, given in (("--model-backend", model_backend), ("--model", model), ("--spend", spend), ("--limit", limit)):
        if given is not None and not distill:
            raise InputError(f"{name} says how to distill; add --distill, or leave it out")
    if output.exists() and not force:
        raise InputError(f"{output} exists already; choose another name, or --force to write over it")
    imported = import_constitution(source)
    done = _distilled(imported, output, model_backend, model, spend, limit) if distill else None
    constitution = done.constitution if done else imported.constitution
    write_constitution(constitution, output, overwrite=force)
    notes = [*imported.notes, *(done.notes if done else ())]
    facts: dict[str, Any] = {
        "output": str(output),
        "format": imported.source_format,
        "principles": len(constitution.principles),
        "planned": len(constitution.planned),
        "sentence_coverage": round(imported.sentence_coverage, 4),
        "unmapped": list(imported.unmapped),
        "notes": notes,
    }
    if done:
        facts["distilled"] = {"principles": done.asked, "fields": done.fields}
    lines = [
        f"{output}: {len(constitution.principles)} principles from {imported.source_format}, "
        f"{len(constitution.planned)} to plan for; {imported.sentence_coverage:.1%} of the source's sentences kept",
        *notes,
    ]
    if imported.unmapped:
        lines.append(f"not mapped ({len(imported.unmapped)}), the first: {imported.unmapped[0][:160]}")
    lines.append(f"Next: exempla check {output}")
    result("done", facts, "\n".join(lines), as_json=json)


def _distilled(
    imported: "Imported",
    output: Path,
    backend: str | None,
    model: str | None,
    spend: float | None,
    limit: int | None,
) -> "Distilled":
    """Distil with the project's model, as far as the command line does not say otherwise."""
    from builder.config import load_project
    from builder.distill import distill
    from builder.model import NAMING, Spend

    project = load_project(None)
    settings = project.config.model
    if backend or settings.backend not in NAMING:
        settings = settings.model_copy(update={"backend": backend or "files"})
    with Watcher() as watch:
        return distill(
            imported,
            output,
            config=settings,
            model=model or dict(settings.stages).get("draft") or "any",
            prompts=project.path("prompts"),
            spend=Spend(dollars=spend) if spend else project.config.spend,
            root=project.root,
            limit=limit,
            watch=watch,
        )
