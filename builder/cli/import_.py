"""`exempla import`: other people's constitutions as YAML."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from builder.cli.terminal import Json, Watcher, result
from builder.errors import InputError
from builder.one_line import escaped, one_line

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
    _refuse_output(source, output, force)
    imported = import_constitution(source)
    done = _distilled(imported, output, model_backend, model, spend, limit) if distill else None
    if done:
        imported = replace(imported, constitution=done.constitution)  # the notes and shares are of what is written
    constitution, shown = imported.constitution, imported.shown
    write_constitution(constitution, output, overwrite=force)
    notes = [*imported.notes, *(done.notes if done else ())]
    facts: dict[str, Any] = {
        "output": str(output),
        "format": imported.source_format,
        "principles": len(constitution.principles),
        "planned": len(constitution.planned),
        "sentence_coverage": round(imported.sentence_coverage, 4),
        "shown_to_writers": round(shown, 4),
        "unmapped": list(imported.unmapped),
        "notes": notes,
    }
    if done:
        facts["distilled"] = {"principles": done.asked, "fields": done.fields}
    words = map(escaped, _words(imported, shown, output, notes))
    result("done", facts, "\n".join(words), as_json=json)


def _words(imported: "Imported", shown: float, output: Path, notes: list[str]) -> list[str]:
    """The same for people, a line each."""
    count, planned = len(imported.constitution.principles), len(imported.constitution.planned)
    principles = f"{count} {'principle' if count == 1 else 'principles'}"
    kept = imported.sentence_coverage
    rest = "; the rest of these stand under source.quote alone, which no writer is shown" if shown < kept else ""
    shares = f"{_percent(kept)} of the source's sentences kept, {_percent(shown)} word for word where writers see them"
    lines = [
        f"{output}: {principles} from {imported.source_format}, {planned} to plan for",
        f"{shares}{rest}",
        *notes,
    ]
    if imported.unmapped:
        lines.append(f"not mapped ({len(imported.unmapped)}), the first: {one_line(imported.unmapped[0])[:160]}")
    return [*lines, f"Next: exempla check {shlex.quote(str(output))}"]


def _refuse_output(source: Path, output: Path, force: bool) -> None:
    """Say no before anything is asked or paid for.

    Raises:
        InputError: if the output cannot be written, or something would be lost by it.
    """
    if output.is_dir():
        raise InputError(f"{output} is a folder; name the file to write, such as {output / 'constitution.yaml'}")
    if not output.parent.is_dir():
        raise InputError(f"{output.parent} is no folder; make it first, or choose another place")
    if output.exists() and source.exists() and output.samefile(source):
        raise InputError(f"{output} is the source itself, which would be lost; choose another name")
    if output.exists() and not output.is_file():
        raise InputError(f"{output} is no regular file; choose another name")
    if output.exists() and not force:
        raise InputError(f"{output} exists already; choose another name, or --force to write over it")


def _percent(share: float) -> str:
    """A share that is not the whole is never rounded up to it."""
    return f"{min(share, 0.999) if share < 1 else 1:.1%}"


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
    if backend is not None or settings.backend not in NAMING:
        settings = settings.model_copy(update={"backend": "files" if backend is None else backend})
    with Watcher() as watch:
        return distill(
            imported,
            output,
            config=settings,
            model=dict(settings.stages).get("draft") or "any" if model is None else model,
            prompts=project.path("prompts"),
            spend=Spend(dollars=spend) if spend else project.config.spend,
            root=project.root,
            limit=limit,
            watch=watch,
        )
