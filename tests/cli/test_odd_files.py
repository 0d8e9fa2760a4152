"""Pipes, devices, links and odd names: read once, never waited for, written through, and shown without harm."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, Exempla

GOOD = """\
schema: 1
name: small
principles:
  - id: candour
    title: Candour
    statement: It says what it believes.
    why: Because a listener who is steered cannot decide for themselves.
"""
HEADED = "# Kindness\n\nBe kind, because it helps.\n\n# Candour\n\nSay what you think, since people decide on it.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "c.yaml").write_text(GOOD)
    (tmp_path / "a.md").write_text(HEADED)
    return tmp_path


def shell(exempla: Exempla, line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line of bash in which $X is the command."""
    start = f'X() {{ {" ".join(exempla.command())} "$@"; }}; {line}'
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "NO_COLOR": "1"}
    return subprocess.run(
        ["bash", "-c", start], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_one_principle_is_one_principle(folder: Path, exempla: Exempla) -> None:
    assert "c.yaml: 1 principle (1 value), 1 to plan for" in exempla("check", "c.yaml", cwd=folder).stdout


def test_a_pipe_is_read_once(folder: Path, exempla: Exempla) -> None:
    for line in ("X check <(cat c.yaml)", "cat c.yaml | X check /dev/stdin", "X import <(cat a.md) -o b.yaml"):
        done = shell(exempla, line, folder)
        assert done.returncode == 0 and done.stderr == "", (line, done.stderr)


@pytest.mark.parametrize("verb", ["check", "import"])
def test_what_has_no_end_is_refused(verb: str, folder: Path, exempla: Exempla) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "zero.md").symlink_to("/dev/zero")
    more = ["-o", "b.yaml"] if verb == "import" else []
    for name, kind in (("pipe", "a named pipe"), ("zero.md", "a device"), ("/dev/zero", "a device")):
        done = exempla(verb, name, *more, cwd=folder, timeout=60)
        assert done.returncode == 2 and f"{name} is {kind}; name a file" in done.stderr


def test_streams_that_take_nothing(folder: Path, exempla: Exempla) -> None:
    lines = {
        "X check c.yaml >&-": 0,
        "X check c.yaml 2>&-": 0,
        "X check no.yaml >&- 2>&-": 2,
        "X check c.yaml >/dev/full": 2,
        "X check c.yaml --json >/dev/full": 2,
        "X check no.yaml --json >/dev/full": 2,
        "X check no.yaml 2>/dev/full": 2,
    }
    for line, code in lines.items():
        done = shell(exempla, line, folder)
        assert done.returncode == code and "Traceback" not in done.stderr, (line, done.returncode, done.stderr)
        assert len(done.stderr.splitlines()) <= 1


def test_odd_names_are_shown_without_harm(folder: Path, exempla: Exempla) -> None:
    done = exempla("check", "a\n\x1b[31mb.yaml", cwd=folder)
    assert done.stderr == "exempla: a\\n\\x1b[31mb.yaml does not exist\n"
    (folder / "a\n\x1bb.yaml").write_text(GOOD)
    assert "\na\\n\\x1bb.yaml: 1 principle" in exempla("check", "a\n\x1bb.yaml", cwd=folder).stdout
    done = exempla("import", "a.md", "-o", "o ü.yaml", cwd=folder)
    assert done.stdout.splitlines()[-1] == "Next: exempla check 'o ü.yaml'"
    for name in (b"_.md", "\xa0.md".encode(), b"\xff.md"):
        Path(os.fsdecode(bytes(folder) + b"/" + name)).write_text(HEADED)
        done = exempla("import", os.fsdecode(name), "-o", "b.yaml", "--force", cwd=folder)
        assert done.returncode == 0, done.stderr
    Path(os.fsdecode(bytes(folder) + b"/\xff.yaml")).write_text(GOOD)
    for options in ([], ["--json"]):
        done = exempla("check", os.fsdecode(b"\xff.yaml"), *options, cwd=folder)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr


def test_the_source_is_never_written_over(folder: Path, exempla: Exempla) -> None:
    (folder / "link.yaml").symlink_to("a.md")
    for output in ("a.md", "./a.md", "link.yaml"):
        done = exempla("import", "a.md", "-o", output, "--force", cwd=folder)
        assert done.returncode == 2 and "is the source itself, which would be lost" in done.stderr
    assert (folder / "a.md").read_text() == HEADED


def test_links_are_written_through(folder: Path, exempla: Exempla) -> None:
    (folder / "link.yaml").symlink_to("there.yaml")
    assert exempla("import", "a.md", "-o", "link.yaml", cwd=folder).returncode == 0
    assert (folder / "link.yaml").is_symlink() and "candour" in (folder / "there.yaml").read_text()
    assert "exists already" in exempla("import", "a.md", "-o", "link.yaml", cwd=folder).stderr


def test_an_import_says_what_writers_see(folder: Path, exempla: Exempla) -> None:
    more = "Be kind, because it helps. The bakers of Turku said so first. A baker knows the town."
    (folder / "a.md").write_text(HEADED.replace("Be kind, because it helps.", more))
    found = json.loads(exempla("import", "a.md", "-o", "b.yaml", "--json", cwd=folder).stdout)
    assert found["sentence_coverage"] == 1.0 and found["shown_to_writers"] == 1.0
    (folder / "a.md").write_text(HEADED.replace("Be kind, because it helps.", more + " Since then it has been so."))
    done = exempla("import", "a.md", "-o", "b.yaml", "--force", cwd=folder)
    assert (
        "100.0% of the source's sentences kept, 60.0% word for word where writers see them; the rest of these stand "
        "under source.quote alone, which no writer is shown"
    ) in done.stdout
