"""Bad input gets one sentence that names the place and the fix, exit 2, and leaves nothing half-written."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Exempla

GOOD = """\
schema: 1
name: small
principles:
  - id: candour
    title: Candour
    statement: It says what it believes.
    why: Because a listener who is steered cannot decide for themselves.
"""
TWO_HEADINGS = (
    "# Kindness\n\nBe kind, because it helps.\n\n# Candour\n\nSay what you think, since people decide on it.\n"
)
SMALL_BUILD = "name: small\nconstitution: c.yaml\nevals: [framing]\nsize: {tokens: 3000}\n"


@dataclass(frozen=True)
class Case:
    name: str
    files: dict[str, str | bytes]
    arguments: list[str]
    sentence: str
    leaves: tuple[str, ...] = ()


CASES = [
    Case("missing constitution", {}, ["check", "nowhere.yaml"], "nowhere.yaml does not exist"),
    Case("missing, with a neighbour", {"linet.yaml": GOOD}, ["check", "linnet.yaml"], "did you mean 'linet.yaml'?"),
    Case("YAML syntax", {"c.yaml": GOOD + "    when: a: b\n"}, ["check", "c.yaml"], "c.yaml:8:12: YAML syntax"),
    Case("a tab", {"c.yaml": GOOD + "\t- x\n"}, ["check", "c.yaml"], "c.yaml:8:1: YAML syntax: a tab"),
    Case("unknown key", {"c.yaml": GOOD.replace("why:", "wyh:")}, ["check", "c.yaml"], "unknown key 'wyh'"),
    Case("unknown key, nearest", {"c.yaml": GOOD.replace("title:", "titel:")}, ["check", "c.yaml"], "did you mean 'title'?"),
    Case("principle without id", {"c.yaml": GOOD.replace("id: candour\n    ", "")}, ["check", "c.yaml"], "lacks 'id'"),
    Case("repeated id", {"c.yaml": GOOD + GOOD.split("principles:\n")[1]}, ["check", "c.yaml"], "c.yaml:8:"),
    Case("empty file", {"c.yaml": ""}, ["check", "c.yaml"], "the file is empty"),
    Case("not UTF-8", {"c.yaml": GOOD.encode() + b"# caf\xe9\n"}, ["check", "c.yaml"], "c.yaml:8:6: byte 0xe9 is not UTF-8"),
    Case("an alias", {"c.yaml": GOOD.replace("title: C", "title: &t C") + "name: *t\n"}, ["check", "c.yaml"], "anchor &t is not allowed"),
    Case("an object tag", {"c.yaml": GOOD.replace("title: Candour", "title: !!python/object:os.system x")}, ["check", "c.yaml"], "tag '"),
    Case("a folder", {"d/x.yaml": GOOD}, ["check", "d"], "d is a folder"),
    Case("build.yaml with an unknown key", {"build.yaml": "nmae: x\n"}, ["build"], "did you mean 'name'?"),
    Case("a family that does not exist", {"build.yaml": "families: {storys: 1}\n"}, ["build"], "did you mean 'story'?"),
    Case("a backend that does not exist", {"c.yaml": GOOD, "build.yaml": SMALL_BUILD + "model: {backend: oflline}\n"},
         ["build"], "did you mean 'offline'?"),
    Case("an eval that does not exist", {"c.yaml": GOOD, "build.yaml": SMALL_BUILD.replace("[framing]", "[framign]")},
         ["build"], "framign"),
    Case("no eval at all", {"build.yaml": "evals: []\n"}, ["build"], "at least one eval"),
    Case("unknown flag", {}, ["build", "--limt", "5"], "--limt"),
    Case("a constitution with nothing to plan", {"c.yaml": GOOD + "    kind: context\n", "build.yaml": SMALL_BUILD},
         ["build"], "to plan"),
    Case("empty eval", {"corpus.jsonl": '{"text": "a"}\n', "eval.jsonl": ""},
         ["distance", "corpus.jsonl", "--eval", "eval.jsonl", "-o", "out"], "eval.jsonl"),
    Case("an eval without prompts", {"corpus.jsonl": '{"text": "a"}\n', "eval.jsonl": '{"score": 3}\n'},
         ["distance", "corpus.jsonl", "--eval", "eval.jsonl", "-o", "out"], "eval.jsonl"),
    Case("corpus not UTF-8", {"corpus.jsonl": b'{"text": "caf\xe9"}\n'},
         ["distance", "corpus.jsonl", "--eval", "framing", "-o", "out"], "UTF-8"),
    Case("row without text", {"corpus.jsonl": '{"text": "a"}\n{"body": "b"}\n'},
         ["distance", "corpus.jsonl", "--eval", "framing", "-o", "out"], "corpus.jsonl"),
    Case("row that is no JSON", {"corpus.jsonl": '{"text": "a"}\nnot json\n'},
         ["distance", "corpus.jsonl", "--eval", "framing", "-o", "out"], "2"),
    Case("repeated id in a corpus", {"corpus.jsonl": '{"id": "x", "text": "a"}\n{"id": "x", "text": "b"}\n'},
         ["distance", "corpus.jsonl", "--eval", "framing", "-o", "out"], "'x'"),
    Case("empty corpus", {"corpus.jsonl": ""}, ["distance", "corpus.jsonl", "--eval", "framing", "-o", "out"], "corpus.jsonl"),
    Case("missing corpus", {}, ["distance", "nowhere.jsonl", "--eval", "framing", "-o", "out"], "nowhere.jsonl"),
    Case("verify what is no build", {"x/a.txt": "a"}, ["verify", "x"], "x"),
    Case("import of nothing", {"a.md": ""}, ["import", "a.md", "-o", "b.yaml"], "a.md"),
    Case("import over a file", {"a.md": TWO_HEADINGS, "b.yaml": "mine"},
         ["import", "a.md", "-o", "b.yaml"], "b.yaml"),
    Case("init into a full folder", {"p/x": "a"}, ["init", "p"], "p exists and is not empty"),
]  # fmt: skip


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def assert_one_sentence(done: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(case: Case, tmp_path: Path, exempla: Exempla) -> None:
    for name, content in case.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = listing(tmp_path)
    done = exempla(*case.arguments, cwd=tmp_path)
    assert_one_sentence(done, case.sentence)
    assert len(done.stderr.strip().splitlines()) == 1
    assert listing(tmp_path) == before


def test_json_says_the_same(tmp_path: Path, exempla: Exempla) -> None:
    done = exempla("check", "nowhere.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 2
    answer = json.loads(done.stdout)
    assert answer["state"] == "error" and "nowhere.yaml does not exist" in answer["message"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "c.yaml").write_text(GOOD)
    (folder / "build.yaml").write_text(SMALL_BUILD)
    return folder


def test_a_build_of_another_constitution_is_refused(project: Path, exempla: Exempla) -> None:
    assert exempla("build", cwd=project).returncode == 0
    before = {path: path.read_bytes() for path in (project / "corpus").rglob("*") if path.is_file()}
    (project / "c.yaml").write_text(GOOD.replace("believes", "thinks"))
    assert_one_sentence(exempla("build", cwd=project), "holds a build with another constitution")
    after = {path: path.read_bytes() for path in (project / "corpus").rglob("*") if path.is_file()}
    assert {p: b for p, b in after.items() if ".build/ledger" not in str(p)} == {
        p: b for p, b in before.items() if ".build/ledger" not in str(p)
    }


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A real file system of so many kilobytes, where this user may mount one."""
    mounted: list[Path] = []

    def mount(kilobytes: int) -> Path:
        folder = tmp_path / f"disk-{kilobytes}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("a small file system takes the right to mount one")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    "kilobytes", [pytest.param(8, marks=pytest.mark.slow), 64, pytest.param(200, marks=pytest.mark.slow)]
)
def test_a_full_disk_is_one_sentence_and_the_build_goes_on_later(
    kilobytes: int, project: Path, exempla: Exempla, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(kilobytes)
    done = exempla("build", "--out", disk / "small", cwd=project)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) <= 2
    assert "full" in done.stderr or "space" in done.stderr
    assert not (disk / "small" / "manifest.json").exists()
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    assert exempla("build", "--out", disk / "small", cwd=project).returncode == 0
    assert exempla("verify", disk / "small").returncode == 0


def test_distance_onto_a_full_disk(tmp_path: Path, exempla: Exempla, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(16)
    (disk / "filler").write_bytes(b"x" * 12_000)
    (tmp_path / "corpus.jsonl").write_text(
        "".join(json.dumps({"text": f"a quiet day {i} " * 40}) + "\n" for i in range(30))
    )
    done = exempla("distance", tmp_path / "corpus.jsonl", "--eval", "framing", "-o", disk / "out")
    assert_one_sentence(done, "cannot be written")
    assert listing(disk) <= {"filler", "out"}


def test_a_read_only_folder(project: Path, exempla: Exempla, tmp_path: Path) -> None:
    """Root may write anywhere, so as root a read-only mount stands in for missing permission."""
    folder = tmp_path / "locked"
    folder.mkdir()
    if os.geteuid() == 0:
        mount = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], capture_output=True, check=False
        )
        if mount.returncode != 0:
            pytest.skip("a read-only folder for root takes the right to mount one")
    else:
        folder.chmod(0o555)
    try:
        for arguments in (
            ["build", "--out", folder / "small"],
            ["init", folder / "new"],
            ["plan", "-o", folder / "plan.jsonl"],
            ["import", project / "a.md", "-o", folder / "a.yaml"],
        ):
            (project / "a.md").write_text(TWO_HEADINGS)
            done = exempla(*arguments, cwd=project)
            assert_one_sentence(done, str(folder))
            assert listing(folder) == set()
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(folder)], check=True)
        else:
            folder.chmod(0o755)
            shutil.rmtree(folder)
