"""The constitution: its schema, loading with line-numbered errors, lint, and importing other people's."""

from builder.constitution.against import Comparison, compare
from builder.constitution.importers import Imported, import_constitution
from builder.constitution.json_schema import json_schema, json_schema_text
from builder.constitution.lint import Lint, Severity, lint, lint_file
from builder.constitution.load import constitution_from, load_constitution
from builder.constitution.proposals import FIELDS, Proposal, read_proposal
from builder.constitution.save import write_constitution, yaml_text
from builder.constitution.schema import (
    PLANNED,
    Character,
    Constitution,
    Kind,
    Principle,
    Priority,
    Source,
    Tension,
)

__all__ = [
    "FIELDS",
    "PLANNED",
    "Character",
    "Comparison",
    "Constitution",
    "Imported",
    "Kind",
    "Lint",
    "Principle",
    "Priority",
    "Proposal",
    "Severity",
    "Source",
    "Tension",
    "compare",
    "constitution_from",
    "import_constitution",
    "json_schema",
    "json_schema_text",
    "lint",
    "lint_file",
    "load_constitution",
    "read_proposal",
    "write_constitution",
    "yaml_text",
]
