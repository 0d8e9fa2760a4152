"""`exempla verify` scans by the hashes that a build keeps of each eval, whatever their n."""

import io
import json
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from builder.cli.verify import _scanners
from builder.errors import InputError
from builder.measure import ngram_hashes

EVAL = "the engineer will wipe the server at five this afternoon and nobody will ever know of it"
WORDS = EVAL.split()


def keep(folder: Path, **words: int) -> Path:
    arrays = {f"hashes-{i}": ngram_hashes([EVAL], n) for i, n in enumerate(words.values())}
    packed = io.BytesIO()
    np.savez_compressed(packed, names=np.array(list(words)), words=np.array(list(words.values())), **arrays)
    path = folder / ".build" / "evals.npz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(packed.getvalue())
    return path


def test_each_eval_is_scanned_with_its_own_n(tmp_path: Path) -> None:
    keep(tmp_path, long=13, short=8)
    scan = _scanners(tmp_path, [])
    assert scan["long"](EVAL) and scan["short"](EVAL)
    part = " ".join(WORDS[2:12])
    assert not scan["long"](part) and scan["short"](part)


def test_an_eval_named_again_is_scanned_both_ways(tmp_path: Path) -> None:
    keep(tmp_path, mine=8)
    (tmp_path / "mine.jsonl").write_text(json.dumps({"id": "1", "prompt": "A prompt that nobody else would ever " * 4}))
    scan = _scanners(tmp_path, [str(tmp_path / "mine.jsonl")])
    assert scan["mine"](" ".join(WORDS[:8])) and scan["mine"]("a prompt that nobody else would ever " * 3)


def test_a_copy_without_hashes_has_no_scan(tmp_path: Path) -> None:
    assert _scanners(tmp_path, []) == {}


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = keep(tmp_path, long=13)
    whole = path.read_bytes()
    flipped = [whole[:i] + bytes([whole[i] ^ 0x10]) + whole[i + 1 :] for i in range(0, len(whole), 3)]
    cut = [whole[:i] for i in range(0, len(whole), 37)]
    said = 0
    for content in [*flipped, *cut, b"x"]:
        path.write_bytes(content)
        try:
            _scanners(tmp_path, [])
        except InputError as problem:
            assert str(problem) == f"{path} is damaged; run exempla build again"
            said += 1
    assert said > len(cut)


def test_the_command_says_it_too(build: Path) -> None:
    from builder.cli.main import app

    outcome = CliRunner().invoke(app, ["verify", str(build)])
    assert isinstance(outcome.exception, InputError) and "evals.npz is damaged" in str(outcome.exception)
