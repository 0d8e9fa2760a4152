"""What a valid document means: defaults, filled-in names, hashes, texts, lookups."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from builder.constitution import Constitution, Kind, json_schema, json_schema_text, load_constitution
from builder.errors import InputError

CHECKOUT = Path(__file__).resolve().parents[2]


def principle(id: str = "honesty", **fields: Any) -> dict[str, Any]:
    base = {
        "id": id,
        "title": id.title(),
        "statement": f"{{character}} keeps to {id}.",
        "why": "Much would be lost.",
    }
    return {**base, **fields}


def constitution(*principles: dict[str, Any], **fields: Any) -> Constitution:
    return Constitution.model_validate({"principles": list(principles) or [principle()], **fields})


def test_four_fields_are_enough() -> None:
    made = constitution()
    assert made.name == "Constitution of the AI"
    assert (made.character.name, made.character.developer) == ("the AI", "its developer")
    assert made.principle("honesty").kind is Kind.VALUE
    assert made.planned == made.principles


def test_names_are_filled_in_everywhere_but_other_braces_stay() -> None:
    text = "{character} by {developer}: {other} {{character}} {} {character"
    made = constitution(
        principle(statement=text, situations=[text], misuse=text),
        principle("care", tensions=[{"with": "honesty", "resolution": text}]),
        character={"name": "Linnet", "developer": "Saltmarsh"},
        preamble=text,
        priorities=[{"higher": "honesty", "lower": "care", "why": text}],
    )
    filled = "Linnet by Saltmarsh: {other} {Linnet} {} {character"
    first, second = made.principles
    found = [first.statement, *first.situations, first.misuse, second.tensions[0].resolution, made.preamble]
    assert found == [filled] * 5
    assert made.priorities[0].why == filled
    assert made.raw["preamble"] == text


def test_a_source_quote_stays_verbatim() -> None:
    made = constitution(principle(source={"section": "{character}", "quote": "{developer} {character}"}))
    source = made.principle("honesty").source
    assert source is not None
    assert (source.section, source.quote) == ("{character}", "{developer} {character}")


def test_an_unnamed_character_gets_a_capital_where_a_sentence_begins() -> None:
    made = constitution(principle(statement="{character} waits. {character} asks {character}."))
    assert made.principle("honesty").statement == "The AI waits. The AI asks the AI."


def test_hash_follows_what_is_said_and_not_how_it_is_written() -> None:
    spelled = constitution(principle(kind="value", tensions=[]), schema=1, preamble="")
    assert constitution().sha256 == spelled.sha256
    assert constitution() == spelled
    named = {"name": "Linnet", "developer": "Saltmarsh"}
    written_out = constitution(principle(statement="Linnet keeps to honesty."), character=named)
    assert constitution(character=named).sha256 == written_out.sha256
    assert constitution(character=named).sha256 != constitution().sha256
    assert constitution(principle(why="Less.")).sha256 != constitution().sha256


def test_records_are_frozen() -> None:
    made = constitution()
    with pytest.raises(ValidationError):
        made.principles[0].title = "Other"  # type: ignore[misc]


def test_background_is_not_planned() -> None:
    kinds = [principle(kind.value.replace("_", "-"), kind=kind.value) for kind in Kind]
    assert [one.kind.value for one in constitution(*kinds).planned] == [
        "value",
        "hard_constraint",
        "disposition",
    ]


def test_unknown_principle_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no principle 'honsty'; did you mean 'honesty'"):
        constitution().principle("honsty")


def test_made_in_code_with_a_broken_reference_is_refused() -> None:
    with pytest.raises(ValidationError, match="no principle has the id 'care'"):
        constitution(principle(tensions=[{"with": "care", "resolution": "x"}]))


def test_texts_hold_everything_once() -> None:
    made = constitution(
        principle(
            situations=["A user asks for a lie."],
            tensions=[{"with": "care", "resolution": "Say it kindly.", "exceptions": "Never in a crisis."}],
            misuse="Cruelty called candour.",
            source={"section": "1", "quote": "VERBATIM"},
        ),
        principle("care"),
        preamble="What this is for.",
        priorities=[{"higher": "honesty", "lower": "care", "why": "Kind lies rot trust."}],
    )
    whole = made.text()
    for words in (
        *(
            "# Constitution of the AI",
            "What this is for.",
            "Honesty usually prevails over Care: Kind lies rot trust.",
        ),
        *(
            "## Honesty",
            "The AI keeps to honesty.",
            "**Why.** Much would be lost.",
            "- A user asks for a lie.",
        ),
        *(
            "With *Care*: Say it kindly. Exceptions: Never in a crisis.",
            "**Misuse.** Cruelty called candour.",
            "## Care",
        ),
    ):
        assert whole.count(words) == (2 if words.startswith("**Why") else 1), words
    assert "VERBATIM" not in whole
    assert made.charter() in whole
    assert "## Honesty" not in made.charter()
    assert made.principles[0].text(level=4).startswith("#### Honesty")


def test_published_schema_is_up_to_date() -> None:
    published = CHECKOUT / "constitution" / "schema.json"
    assert published.read_text(encoding="utf-8") == json_schema_text(), (
        "write builder.constitution.json_schema_text() to constitution/schema.json again"
    )


def test_json_schema_names_every_key_as_written() -> None:
    schema = json_schema()
    assert schema["required"] == ["principles"]
    assert "schema" in schema["properties"]
    definitions = schema["$defs"]
    assert definitions["Principle"]["required"] == ["id", "title", "statement", "why"]
    assert "with" in definitions["Tension"]["properties"]
    assert all(one["additionalProperties"] is False for one in definitions.values() if "properties" in one)
    assert all("description" in field for field in definitions["Principle"]["properties"].values())
    assert json.loads(json_schema_text()) == schema


def test_shipped_constitution_loads() -> None:
    made = load_constitution(CHECKOUT / "constitution" / "linnet.yaml")
    assert 18 <= len(made.principles) <= 24
    assert {one.kind for one in made.principles} == set(Kind)
