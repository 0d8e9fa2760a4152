"""docs/constitution.md says what the program does: its draft, its keys, its rules."""

import re
import textwrap
from pathlib import Path

from builder.constitution import Constitution, Principle, lint_file
from builder.constitution.rules import PRINCIPLE_RULES
from builder.constitution.rules_between import WHOLE_RULES

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = (CHECKOUT / "docs" / "constitution.md").read_text(encoding="utf-8")
EQUANIMITY = """
  - id: equanimity
    title: Equanimity
    kind: disposition
    statement: When corrected, it stays calm and goes on with the work.
    why: A mind busy with its own shame has that much less attention for the person who is waiting.
    situations: [A clerk in Turku tells it, twice, that the form has changed.]
    misuse: Calm can be a way of not listening.
"""


def examples() -> list[str]:
    """The indented blocks, each without its indentation."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", TEXT, re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") for block in blocks]


def found(folder: Path, example: str) -> list[str]:
    path = folder / "mine.yaml"
    path.write_text(f"schema: 1\nprinciples:\n{textwrap.indent(example, '  ')}{EQUANIMITY}", encoding="utf-8")
    return [str(one).replace(f"{folder}/", "") for one in lint_file(path)]


def test_the_weak_draft_gets_the_complaints_that_are_shown(tmp_path: Path) -> None:
    draft, complaints, mended = examples()[:3]
    assert found(tmp_path, draft) == complaints.splitlines()
    expected = "'equanimity' does not know of its tension with 'own-mistakes'"
    assert [expected in one for one in found(tmp_path, mended)] == [True]


def test_every_key_is_in_the_tables() -> None:
    keys = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", TEXT, re.MULTILINE)
    named = [name for cell in keys for name in re.findall(r"`(\w+)`", cell)]
    schema = [field.alias or name for name, field in Constitution.model_fields.items()]
    fields = [field.alias or name for name, field in Principle.model_fields.items()]
    assert [name for name in named if name in schema][: len(schema)] == schema
    assert set(fields) <= set(named)


def test_every_rule_is_in_the_table() -> None:
    rows = re.findall(r"^\| (`.*?) \|", TEXT.split("| rule | found where |")[1].split("\n\n")[0], re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {*PRINCIPLE_RULES, *WHOLE_RULES, "unplannable"}


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert len(links) >= 3 and all((CHECKOUT / "docs" / link).exists() for link in links)
