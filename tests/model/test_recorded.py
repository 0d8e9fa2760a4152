"""Replaying a finished run by brief, stage and attempt, and saying which prompts have changed since."""

from dataclasses import replace
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.model import Caller, Ledger, OneByOne, Outcome, Reply, Request, Usage, save_recording
from builder.model.recorded import RecordedModel

SAID = "A ferry's \u2028 log, “quoted” and broken \ud83d across lines\n"


def requests(model: str = "oak-1", sha: str = "aa") -> list[Request]:
    return [
        Request("draft", f"b{n}", n % 2, model, "system", f"user {n}", 50, template=("story/draft.md", sha))
        for n in range(6)
    ]


def record(folder: Path) -> Path:
    """A build's folder whose ledger holds an answer to each request, one of them refused and then answered."""
    build = folder / "first"
    with Ledger(build / ".build" / "ledger.sqlite") as ledger:
        for n, request in enumerate(requests()):
            outcome = Outcome.REFUSED if n == 3 else Outcome.COMPLETED
            ledger.commit(request, Reply(f"{n} {SAID}", outcome, "oak-1-0", Usage(1, 2, 3, 4)))
        ledger.commit(replace(requests()[3], model="elm-2"), Reply("instead", Outcome.COMPLETED, "elm-2-0"))
    return build


def replay(recording: Path, asked: list[Request], place: Path) -> tuple[list[Reply], list[str]]:
    said: list[str] = []
    model = OneByOne(RecordedModel(recording, said.append))
    with Ledger(place / "ledger.sqlite") as ledger, Caller(model, ledger) as caller:
        return caller.answer_all(asked), said


@pytest.mark.parametrize("saved", [False, True])
def test_a_build_and_a_file_saved_from_it_replay_alike(tmp_path: Path, saved: bool) -> None:
    recording = record(tmp_path)
    if saved:
        with Ledger(recording / ".build" / "ledger.sqlite") as ledger:
            recording = tmp_path / "kept" / "calls.jsonl"
            assert save_recording(ledger, recording) == 7
    replies, said = replay(recording, requests(model="whatever"), tmp_path)
    expected = [f"{n} {SAID}" for n in range(6)]
    expected[3] = "instead"
    assert [reply.text for reply in replies] == expected
    assert {reply.outcome for reply in replies} == {Outcome.COMPLETED}
    assert replies[0].usage == Usage(1, 2, 3, 4) and replies[0].model == "oak-1-0" and not said


def test_a_changed_prompt_is_named_once_and_its_answers_are_given(tmp_path: Path) -> None:
    replies, said = replay(record(tmp_path), requests(sha="bb"), tmp_path)
    assert len(replies) == 6
    assert len(said) == 1 and "story/draft.md has changed" in said[0]


def test_another_plan_is_told_from_this_one(tmp_path: Path) -> None:
    stranger = [Request("draft", "elsewhere", 0, "m", "s", "u", 9)]
    with pytest.raises(InputError, match="no answer to the draft of brief elsewhere; it fits another plan"):
        replay(record(tmp_path), stranger, tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'{"brief": "b0"}\n', r"calls\.jsonl:1: this is no row of a recording"),
        (b"\n[1]\n", r"calls\.jsonl:2: this is no row of a recording"),
    ],
)
def test_what_is_no_recording_is_one_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "calls.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        RecordedModel(path, print)


def test_a_folder_without_a_ledger_is_no_build(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no build with a ledger"):
        RecordedModel(tmp_path, print)
