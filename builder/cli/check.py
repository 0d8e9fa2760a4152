"""`exempla check`: is this constitution valid, and is it any good to build from?"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Optional

import typer

from builder.cli.terminal import Json, result
from builder.errors import GateFailed


def check(
    file: Annotated[Optional[Path], typer.Argument(help="A constitution; without one, the project's.")] = None,
    json: Json = False,
) -> None:
    """Validate and lint a constitution. Exit 1 if the lint finds an error."""
    from builder.config import load_project
    from builder.constitution import lint_file, load_constitution
    from builder.plan import load_decks

    project = load_project(None)
    file = file or project.path("constitution")
    constitution = load_constitution(file)
    decks = load_decks(project.path("decks"), tuple(project.config.families))
    findings = lint_file(file, decks.axes())
    errors = sum(found.severity == "error" for found in findings)
    kinds = Counter(principle.kind.value for principle in constitution.principles)
    facts = {
        "file": str(file),
        "name": constitution.name,
        "principles": len(constitution.principles),
        "planned": len(constitution.planned),
        "kinds": dict(kinds),
        "findings": [found.json() for found in findings],
    }
    named = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.items())
    lines = [
        *map(str, findings),
        f"{file}: {len(constitution.principles)} principles ({named}), {len(constitution.planned)} to plan for",
        f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}",
    ]
    result("refused" if errors else "done", facts, "\n".join(lines), as_json=json)
    if errors:
        raise typer.Exit(GateFailed.exit_code)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
