"""Every prompt as a model reads it, compared whole with golden files, so that no change to one goes unseen.

They are made under a constitution and a brief of this file's own: only a changed prompt or renderer changes them.
To write them anew: EXEMPLA_WRITE_GOLDEN=1 pytest tests/write/test_golden.py; then read the difference before committing.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builder.constitution import Constitution
from builder.model import Request
from builder.plan import Brief
from builder.records import Message, Transcript
from builder.shipped import shipped
from builder.steps import assemble
from builder.write import FAMILIES, STAGES, Content, Piece, Prompts, Writer
from tests.write.scripted import Scripted, opened, written

GOLDEN = Path(__file__).parent / "golden"
CONSTITUTION = Constitution.model_validate({
    "name": "A tiny constitution",
    "character": {"name": "Aspen", "developer": "Heron"},
    "preamble": "{character} was made by {developer} to be of use.",
    "principles": [
        {"id": "honesty", "title": "Honesty", "statement": "{character} says what is so.", "why": "People act on what they are told.",
         "misuse": "As an excuse for bluntness.", "situations": ["A sum that nobody checked."],
         "tensions": [{"with": "care", "resolution": "Say it, and say it kindly."}]},
        {"id": "care", "title": "Care", "statement": "{character} minds what becomes of people.", "why": "They live with the outcome."},
        {"id": "patience", "title": "Patience", "statement": "{character} waits.", "why": "Haste spoils much."},
    ],
})  # fmt: skip
TOOL = {"name": "show_list", "description": "Shows a list.", "parameters": {"type": "object", "properties": {}}}
BRIEF = Brief(
    id="brief-1", ordinal=3, family="story", principle="honesty", second="care", situation="A sum that nobody checked.",
    form="letter", persona="own", shape="help_fully",
    options={"form": "letter", "shape": "help_fully", "persona": "own", "turns": "two_exchanges", "system_prompt": "club", "course": "asks_first"},
    axes={"form": "a letter", "place": "a small port", "shape": "help fully", "persona": "the AI itself", "turns": "two exchanges",
          "system_prompt": "an assistant for a club", "course": "it asks first", "objection": "a doubt that stays"},
    names=("Ines", "Tomasz", "Amal"), ai_name="Aspen", words=400, tokens=540, principles=("honesty", "care"),
)  # fmt: skip
SYSTEM, ASKED = Message("system", "You answer for the club."), Message("user", "Is the sum right?")
SAID, MORE = Message("assistant", "It is short by four.", train=True), Message("user", "By four what?")
LAST = Message("assistant", "Four crowns.", train=True)


def brief_of(family: str) -> Brief:
    if family == "demonstration":
        return replace(BRIEF, family=family, principle="", second=None, situation=None, options={}, axes={}, names=(), ai_name=None, principles=(), transcript="t")  # fmt: skip
    return replace(BRIEF, family=family, tools=(TOOL,) if family == "advice" else ())


def piece_of(brief: Brief) -> Piece:
    """A piece on which every step of its family can be asked for."""
    opening, turns = Content(messages=(SYSTEM, ASKED)), (SYSTEM, ASKED, SAID, MORE, LAST)
    draft = Content(messages=turns) if FAMILIES[brief.family].dialogue else Content(text="The sum was short by four.")
    transcript = Transcript("t", turns) if brief.transcript else None
    judged = ("care",) if brief.transcript else ()
    piece = Piece(brief, "A clerk finds a sum short.", transcript=transcript, opening=opening, trial="Ask the bank.")
    return replace(piece, draft=draft, principles=judged)


def asked() -> Iterator[tuple[str, Request]]:
    """Every call of every family, by the name of its golden file."""
    writer = Writer(CONSTITUTION, Prompts(shipped("stories", "prompts")), dict.fromkeys(STAGES, "m"))
    for name, family in FAMILIES.items():
        brief = brief_of(name)
        if not family.from_transcripts:
            other = replace(brief, id="brief-2", second=None, situation=None, principle="care", principles=("care",))
            yield f"{name}-idea", writer.ideas([brief, other], 1, ["A taken idea."], {other.id: "too close"})
        met: dict[str, int] = {}
        for step in family.steps(brief):
            met[step.name] = met.get(step.name, 0) + 1
            begun = piece_of(brief)
            if step.name in ("answer", "follow_up"):
                # what was said before this turn
                length = {("answer", 1): 2, ("follow_up", 1): 3, ("answer", 2): 4}[step.name, met[step.name]]
                begun = replace(begun, draft=replace(begun.draft, messages=begun.draft.messages[:length]))
            yield f"{name}-{step.name}{met[step.name] if met[step.name] > 1 else ''}", step.ask(writer, begun)


ASKED_FOR = dict(asked())


def shown(request: Request) -> str:
    facts = f"# {request.stage}, at most {request.max_tokens} tokens, {'shared' if request.shared else 'its own'}"
    parts = [("system", request.system), *request.turns]
    return facts + "".join(f"\n\n######## {role}\n\n{text}" for role, text in parts) + "\n"


@pytest.mark.parametrize("name", ASKED_FOR)
def test_a_prompt_reads_as_its_golden_file(name: str) -> None:
    path, found = GOLDEN / f"{name}.txt", shown(ASKED_FOR[name])
    if os.environ.get("EXEMPLA_WRITE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert path.is_file(), "write it with EXEMPLA_WRITE_GOLDEN=1"
    assert found == path.read_text(encoding="utf-8")


def test_every_golden_file_belongs_to_a_prompt_and_every_prompt_has_one() -> None:
    assert {path.stem for path in GOLDEN.glob("*")} == set(ASKED_FOR)
    named = {request.template[0] for request in ASKED_FOR.values()} - {""}
    folder = shipped("stories", "prompts")
    assert named == {f"{name}/{prompt}.md" for name, family in FAMILIES.items() for prompt in family.prompts}
    assert {path.name for path in folder.glob("*/*.md")} == {name.split("/")[1] for name in named} | {"distill.md"}


def test_no_prompt_has_leftovers_of_its_template() -> None:
    for name, request in ASKED_FOR.items():
        whole = shown(request)
        assert not any(left in whole for left in ("{{", "{%", "{#", "Undefined", "\n\n\n\n")), name
        assert "None" not in whole.split() and whole == "\n".join(line.rstrip() for line in whole.split("\n")), name


def test_a_record_has_the_hash_of_every_prompt_that_was_used(tmp_path: Path) -> None:
    shares = {"explanatory": 1, "story": 1, "advice": 1, "demonstration": 0.3}
    inputs = opened(Path("/nowhere"), families=shares, size={"tokens": 12_000})
    first = {brief.family: brief for brief in inputs.briefs()}
    assert set(first) == set(FAMILIES)
    begun = [Piece(b, "An idea.", transcript=inputs.transcripts.get(b.transcript or "")) for b in first.values()]
    document = f"<document>{'The tide turned and nobody minded. ' * 20}</document>"
    pieces, _ = written(tmp_path, inputs, begun, Scripted(draft=document))
    assert len(pieces) == len(FAMILIES)
    for piece, made in zip(pieces, assemble(pieces, inputs), strict=True):
        used = {step.name for step in FAMILIES[made.family].steps(piece.brief)} & set(FAMILIES[made.family].prompts)
        assert {p["stage"]: p["sha256"] for p in made.provenance["prompts"]} == {
            name: inputs.prompts.sha256(made.family, name) for name in used
        }
