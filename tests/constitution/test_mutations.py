"""Whatever is done to a file, the answer is a constitution or one sentence, never another exception."""

import random
from pathlib import Path

import pytest

from builder.constitution import import_constitution, load_constitution
from builder.errors import InputError

SHIPPED = Path(__file__).resolve().parents[2] / "constitution" / "linnet.yaml"
SNIPPETS = [
    "\t",
    ":",
    "- ",
    "  ",
    '"',
    "'",
    "{",
    "[",
    "&a ",
    "*a",
    "!x ",
    "#",
    "\n",
    "\n\n",
    "|",
    ">",
    "%",
    "@",
    "\x00",
    "---\n",
    "é",
    "~",
    "3",
]


def mutated(text: str, seed: int) -> str:
    """A text with a few pieces put in, taken out or doubled, the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(text))
        end = min(len(text), start + chance.randint(0, 40))
        piece = chance.choice([*SNIPPETS, text[start:end] * 2, ""])
        text = text[:start] + piece + text[end:]
    return text


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_a_mutated_constitution(start: int, tmp_path: Path) -> None:
    whole = SHIPPED.read_text(encoding="utf-8")
    head = whole[: whole.index("\n  - id:", whole.index("principles:") + 4000)]
    refused = 0
    for seed in range(start, start + 20):
        path = tmp_path / f"{seed}.yaml"
        path.write_text(mutated(head, seed), encoding="utf-8")
        try:
            load_constitution(path)
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)
            assert str(error).startswith(f"{path}:")
    assert refused


SOURCES = {
    ".md": (
        "# A\n\nOne should.\n\n## B {#b authority=root}\n\n- x\n- y:\n\n  "
        "z\n\n~~~\ncode\n~~~\n\n[l](#a)\n[l](#b)\n[l](#c)\n"
    ),
    ".txt": "Alpha\nOne should do it. Two must not.\n\nBeta\nThree:\n\nGamma\nFour is five. Six is seven.\n",
    ".json": '{"name": "n", "values": [{"name": "A b", "text": "Say what is so.", '
    '"tradeoffs": [{"with": "A b", "text": "x"}]}, "Do as you are told."]}',
    ".markdown": (
        "---\ntitle: P\n---\n# P\n\nIntro.\n\n- Be good to all. It helps.\n- **Care**: never harm.\n  - sub\n\n1. Tell the truth.\n"
    ),
    ".yaml": (
        "name: n\nhonesty:\n  summary: We care about the truth.\n  details:\n  - It should tell the truth.\nvalues:\n"
        "- {name: A b, text: Say what is so., why: [x, y], tradeoffs: {A b: x}}\n"
    ),
    ".csv": 'id,principle,why\n1,"Say, what is so",Since it helps us all\n2,Wait,\n',
}


@pytest.mark.parametrize("suffix", SOURCES)
def test_a_mutated_source(suffix: str, tmp_path: Path) -> None:
    imports = 0
    for seed in range(150):
        path = tmp_path / f"{seed}{suffix}"
        path.write_text(mutated(SOURCES[suffix], seed), encoding="utf-8")
        try:
            found = import_constitution(path)
        except InputError as error:
            assert "\n" not in str(error)
        else:
            imports += 1
            assert 0 <= found.sentence_coverage <= 1
            assert all(one.statement and one.why for one in found.constitution.principles)
    assert imports
