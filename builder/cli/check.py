"""`exempla check`: is this constitution valid, and is it any good to build from?"""

from pathlib import Path
from typing import Annotated, Optional

import typer

from builder.cli.terminal import Json, result
from builder.errors import GateFailed


def check(
    file: Annotated[Optional[Path], typer.Argument(help="A constitution; without one, the project's.")] = None,  # noqa: UP045
    json: Json = False,
) -> None:
    """Validate and lint a constitution. Exit 1 if the lint finds an error."""
    from builder.config import load_project
    from builder.constitution import lint, load_constitution

    if file is None:
        project = load_project(None)
        file = project.path(project.config.constitution)
    constitution = load_constitution(file)
    lints = lint(file)
    errors = [found for found in lints if found.severity == "error"]
    kinds: dict[str, int] = {}
    for principle in constitution.principles:
        kinds[principle.kind.value] = kinds.get(principle.kind.value, 0) + 1
    facts = {
        "file": str(file),
        "name": constitution.name,
        "principles": len(constitution.principles),
        "planned": len(constitution.planned),
        "kinds": kinds,
        "findings": [found.json() for found in lints],
    }
    lines = [str(found) for found in lints]
    named = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.items())
    lines.append(f"{file}: {len(constitution.principles)} principles ({named}), {len(constitution.planned)} to plan for")
    lines.append(f"{len(errors)} errors, {len(lints) - len(errors)} warnings")
    result("refused" if errors else "done", facts, "\n".join(lines), as_json=json)
    if errors:
        raise typer.Exit(GateFailed.exit_code)
