"""`exempla check`: is this constitution valid, and is it any good to build from?"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from builder.cli.terminal import Json, result
from builder.errors import GateFailed, InputError
from builder.one_line import escaped


def check(
    file: Annotated[Optional[Path], typer.Argument(help="A constitution; without one, the project's.")] = None,
    against: Annotated[
        Optional[Path], typer.Option(help="An older version: say what was added, removed, reworded and renamed.")
    ] = None,
    build: Annotated[
        Optional[Path], typer.Option(help="With --against: a build's folder, to say which documents are stale.")
    ] = None,
    json: Json = False,
) -> None:
    """Validate and lint a constitution. Exit 1 if the lint finds an error."""
    from builder.cli.against import against as compared
    from builder.config import load_project
    from builder.constitution import constitution_from, lint
    from builder.placed_yaml import load_yaml
    from builder.plan import load_decks
    from builder.write import with_decks

    if build is not None and against is None:
        raise InputError("--build says what a change makes stale; add --against OLD, or leave it out")
    project = load_project(None)
    file = file or project.path("constitution")
    placed = load_yaml(file)  # once, since a pipe can be read no second time
    constitution = constitution_from(placed)
    decks = load_decks(project.path("decks"), with_decks(project.config.families))
    findings = lint(constitution, placed, decks.axes())
    errors = sum(found.severity == "error" for found in findings)
    kinds = Counter(principle.kind.value for principle in constitution.principles)
    facts: dict[str, Any] = {
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
        f"{file}: {_count(len(constitution.principles), 'principle')} ({named}), "
        f"{len(constitution.planned)} to plan for",
        f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}",
    ]
    if against is not None:
        facts["against"], changes = compared(constitution, against, build)
        lines += changes
    result("refused" if errors else "done", facts, "\n".join(map(escaped, lines)), as_json=json)
    if errors:
        raise typer.Exit(GateFailed.exit_code)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
