"""`exempla import`: other people's constitutions as YAML."""

from pathlib import Path
from typing import Annotated

import typer

from builder.cli.terminal import Json, result


def import_(
    source: Annotated[Path, typer.Argument(help="The document to import, such as headed Markdown.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The YAML file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    json: Json = False,
) -> None:
    """Turn somebody's constitution into this YAML, its source text kept verbatim."""
    from builder.constitution import import_constitution, write_constitution

    imported = import_constitution(source)
    write_constitution(imported.constitution, output, overwrite=force)
    constitution = imported.constitution
    facts = {
        "output": str(output),
        "format": imported.source_format,
        "principles": len(constitution.principles),
        "planned": len(constitution.planned),
        "sentence_coverage": round(imported.sentence_coverage, 4),
        "unmapped": list(imported.unmapped),
        "notes": list(imported.notes),
    }
    lines = [
        f"{output}: {len(constitution.principles)} principles from {imported.source_format}, "
        f"{len(constitution.planned)} to plan for; {imported.sentence_coverage:.1%} of the source's sentences kept",
        *imported.notes,
    ]
    if imported.unmapped:
        lines.append(f"not mapped ({len(imported.unmapped)}), the first: {imported.unmapped[0][:160]}")
    lines.append(f"Next: exempla check {output}")
    result("done", facts, "\n".join(lines), as_json=json)
