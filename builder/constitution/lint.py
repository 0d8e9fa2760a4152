"""What a good constitution has and a valid one may lack: every rule's findings, each at its line."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from builder.constitution.load import constitution_from
from builder.constitution.rules import PRINCIPLE_RULES
from builder.constitution.rules_between import WHOLE_RULES, unplannable
from builder.constitution.schema import Constitution
from builder.placed_yaml import PlacedYaml, Where, load_yaml


class Severity(StrEnum):
    """An error makes `check` say no; a warning is advice."""

    ERROR = "error"
    WARNING = "warning"


ERRORS = frozenset({"bare_rule", "priority_cycle", "same_statement", "unplannable", "nothing_to_plan"})


@dataclass(frozen=True, slots=True)
class Lint:
    """One thing to improve: 1-based line and column (1 where no file was read), rule id, and a sentence."""

    path: Path | None
    line: int
    column: int
    severity: Severity
    rule: str
    principle: str | None
    reason: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}: " if self.path else ""
        return f"{place}{self.severity}: {self.reason} [{self.rule}]"

    def json(self) -> dict[str, object]:
        """The finding as plain JSON values."""
        return {
            "path": str(self.path) if self.path else None,
            "line": self.line,
            "column": self.column,
            "severity": self.severity.value,
            "rule": self.rule,
            "principle": self.principle,
            "reason": self.reason,
        }


def lint(
    constitution: Constitution,
    placed: PlacedYaml | None = None,
    axes: Mapping[str, Collection[str]] | None = None,
) -> list[Lint]:
    """Every finding, in file order.

    `placed` is the file it was read from, for the lines; `axes` gives the options of each axis of the
    plan, against which `forbid` is checked.
    """
    found: list[tuple[Where, str, str, str | None]] = []
    for index, principle in enumerate(constitution.principles):
        for rule, check in PRINCIPLE_RULES.items():
            found += [(("principles", index, *where), rule, reason, principle.id) for where, reason in check(principle)]
    for rule, check_all in WHOLE_RULES.items():
        found += [(where, rule, reason, _owner(constitution, where)) for where, reason in check_all(constitution)]
    for where, reason in unplannable(constitution, axes):
        found.append((where, "unplannable", reason, _owner(constitution, where)))
    return sorted((_lint(placed, *one) for one in found), key=lambda one: (one.line, one.column, one.rule))


def lint_file(path: Path | str, axes: Mapping[str, Collection[str]] | None = None) -> list[Lint]:
    """Every finding about a constitution's YAML file.

    Raises:
        InputError: if it cannot be read.
        InvalidFile: if it is not a valid constitution.
    """
    placed = load_yaml(Path(path))
    return lint(constitution_from(placed), placed, axes)


def _lint(placed: PlacedYaml | None, where: Where, rule: str, reason: str, principle: str | None) -> Lint:
    severity = Severity.ERROR if rule in ERRORS else Severity.WARNING
    if placed is None:
        return Lint(None, 1, 1, severity, rule, principle, reason)
    at = placed.problem(where, reason)
    return Lint(at.path, at.line, at.column, severity, rule, principle, reason)


def _owner(constitution: Constitution, where: Where) -> str | None:
    """The id of the principle that a key path lies in."""
    if len(where) > 1 and where[0] == "principles" and isinstance(where[1], int):
        return constitution.principles[where[1]].id
    return None
