"""The published JSON Schema, from which editors complete and check a constitution while it is typed."""

import json
from typing import Any

from builder.constitution.schema import Constitution


def json_schema() -> dict[str, Any]:
    """The schema of a constitution's YAML file, as JSON Schema draft 2020-12."""
    schema = Constitution.model_json_schema(by_alias=True, mode="validation")
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A constitution",
        **schema,
    }
    described["title"] = "A constitution"
    return described


def json_schema_text() -> str:
    """The schema as the text of `constitution/schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
