"""Sources of a megabyte, or made to be slow: each takes seconds, where comparing everything with everything took hours."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.constitution import import_constitution
from builder.errors import InputError

N = 20_000
HEADED = "# A\n\n{}\n\n# B\n\nBe kind.\n"
SLOW: dict[str, Callable[[], str]] = {
    "bold.md": lambda: HEADED.format("**a " * N),
    "links.md": lambda: HEADED.format("[a " * N),
    "never.md": lambda: HEADED.format("never " * N),
    "leads.md": lambda: HEADED.format("It should never:\n\n- x y z w\n\n" * (N // 10)),
    "titles.md": lambda: "# A\n\nBe kind.\n\n" * (N // 4),
    "flat.txt": lambda: "".join(f"Title number {i}\nThe model should be kind to person {i}. It helps.\n" for i in range(N // 2)),
    "bare.txt": lambda: "Title here\n" * (5 * N),
    "list.json": lambda: json.dumps([f"The model should be kind to person {i}." for i in range(N)]),
    "same.json": lambda: json.dumps(["The model should be kind."] * N),
    "table.csv": lambda: "title,statement\n" + "Kind,The model should be kind to all of them.\n" * N,
    "wordless.csv": lambda: "title,statement\n" + "!,!\n" * N + "Kind,Be kind.\n",
    "bullets.md": lambda: "- Be kind to people, always.\n" * (N // 2),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOW)
def test_time_grows_with_length_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(SLOW[name]())
    began = time.monotonic()
    try:
        found = import_constitution(tmp_path / name)
        assert found.sentence_coverage > 0.99 or name == "wordless.csv"
    except InputError:
        assert name == "bare.txt"
    assert time.monotonic() - began < 60
