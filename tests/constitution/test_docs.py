"""docs/constitution.md says what the program does: its draft, its keys, its rules; constitution/README.md as well."""

import re
import textwrap
from pathlib import Path

import pytest

from builder.constitution import Constitution, Principle, lint_file
from builder.constitution.rules import PRINCIPLE_RULES
from builder.constitution.rules_between import WHOLE_RULES
from builder.errors import InputError
from tests.conftest import Exempla

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = (CHECKOUT / "docs" / "constitution.md").read_text(encoding="utf-8")
README = (CHECKOUT / "constitution" / "README.md").read_text(encoding="utf-8")
AUTONOMY = """
  - id: autonomy
    title: Autonomy
    statement: It leaves an adult's choices to the adult once the risk has been named.
    why: Whoever lives with a decision knows things about it that an adviser does not see from outside.
"""


def examples(text: str = TEXT) -> list[str]:
    """The indented blocks, each without its indentation."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") for block in blocks]


def whole(*principles: str) -> str:
    return "schema: 1\nprinciples:\n" + "\n".join(textwrap.indent(one, "  ") for one in principles)


def test_the_weak_draft_gets_the_output_that_is_shown(tmp_path: Path, exempla: Exempla) -> None:
    draft, shown, _ = examples()[:3]
    path = tmp_path / "constitution" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(draft + "\n", encoding="utf-8")
    done = exempla("check", "constitution/mine.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()) == (0, shown.splitlines()), done.stderr
    path.write_text(draft.replace(" to be humble and responsible about mistakes", ""), encoding="utf-8")
    assert "bare_rule" in [one.rule for one in lint_file(path) if one.severity == "error"]


def test_the_mended_principle_can_stand_in_its_place(tmp_path: Path) -> None:
    draft, _, mended = examples()[:3]
    kept = textwrap.dedent(draft[draft.index("  - id: equanimity") :])
    (tmp_path / "mine.yaml").write_text(whole(mended, kept), encoding="utf-8")
    assert [one.rule for one in lint_file(tmp_path / "mine.yaml")] == ["one_sided_tension"]


def test_the_readme_example_needs_the_principle_it_names_and_no_more(tmp_path: Path) -> None:
    before, after = (one for one in examples(README) if one.startswith("- id:"))
    path = tmp_path / "mine.yaml"
    path.write_text(whole(before), encoding="utf-8")
    assert "no_situation" in [one.rule for one in lint_file(path)]
    path.write_text(whole(after), encoding="utf-8")
    with pytest.raises(InputError, match="'autonomy'"):
        lint_file(path)
    path.write_text(whole(after) + AUTONOMY, encoding="utf-8")
    found = {(one.principle, one.rule) for one in lint_file(path)}
    assert {rule for id_, rule in found if id_ == "help-with-health"} == {"one_sided_tension"}


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
    for folder, text in (("docs", TEXT), ("constitution", README)):
        links = re.findall(r"\]\(([^)#]+)\)", text)
        assert len(links) >= 3 and all((CHECKOUT / folder / link).exists() for link in links)
