"""The `files` backend: rounds that go out as a file and come back as a file."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from builder.config import BuildConfig
from builder.errors import Incomplete, InputError
from builder.model import Caller, Ledger, Outcome, Reply, Request, Usage
from builder.model.files import FilesModel


class Desk:
    """A build's private folder with somebody who answers by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests, self.results = (folder / "exchange" / f"{name}.jsonl" for name in ("requests", "results"))

    def run(self, requests: list[Request]) -> list[Reply]:
        with (
            Ledger(self.folder / "ledger.sqlite") as ledger,
            Caller(FilesModel(self.folder / "exchange", ledger.knows), ledger) as caller,
        ):
            return caller.answer_all(requests)

    def waits(self, requests: list[Request]) -> str:
        with pytest.raises(Incomplete) as waiting:
            self.run(requests)
        assert waiting.value.exit_code == 3
        return str(waiting.value)

    @property
    def asked(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.requests.read_text(encoding="utf-8").splitlines()]

    def give(self, *rows: object, append: bool = False) -> None:
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        with self.results.open("a" if append else "w", encoding="utf-8") as file:
            file.write(text)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / ".build")


def requests(count: int, stage: str = "draft") -> list[Request]:
    return [
        Request(stage, f"b{i}", 0, "linden-2", "The system prompt.", f"Question {i}?", 90 + i) for i in range(count)
    ]


def result(request: Request, text: str = "An answer.", stopped: str = "end_turn", **message: Any) -> dict[str, Any]:
    full = {"content": [{"type": "text", "text": text}], "stop_reason": stopped, "model": "linden-2-0", **message}
    return {"custom_id": request.key, "result": {"type": "succeeded", "message": full}}


def test_a_round_is_asked_whole_in_the_batch_shape(desk: Desk) -> None:
    said = desk.waits(requests(3))
    assert said == (
        f"waiting for 3 answers to {desk.requests}; write results.jsonl beside it, as Message Batches results, "
        "and run the same command again"
    )
    assert desk.asked == [
        {
            "custom_id": request.key,
            "params": {
                "model": "linden-2",
                "max_tokens": request.max_tokens,
                "system": "The system prompt.",
                "messages": [{"role": "user", "content": request.user}],
            },
        }
        for request in requests(3)
    ]
    assert all(len(row["custom_id"]) <= 64 and row["custom_id"].isalnum() for row in desk.asked)
    assert [path.name for path in desk.requests.parent.iterdir()] == ["requests.jsonl"]


def test_answers_come_back_in_any_order_and_in_parts(desk: Desk) -> None:
    three = requests(3)
    desk.waits(three)
    desk.give(result(three[2], "third", usage={"input_tokens": 7, "cache_read_input_tokens": 4, "output_tokens": 5}))
    assert desk.waits(three).startswith("waiting for 2 answers")
    assert [row["custom_id"] for row in desk.asked] == [three[0].key, three[1].key]
    desk.give(result(three[1], "second"), result(three[0], "first"))
    replies = desk.run(three)
    assert [reply.text for reply in replies] == ["first", "second", "third"]
    assert replies[2] == Reply("third", Outcome.COMPLETED, "linden-2-0", Usage(7, 5, cache_read=4))
    assert not desk.requests.exists()


def test_what_was_read_once_is_kept_when_the_results_are_gone(desk: Desk) -> None:
    three = requests(3)
    desk.waits(three)
    desk.give(result(three[0], "first"))
    desk.waits(three)
    desk.results.unlink()
    assert desk.waits(three).startswith("waiting for 2 answers")
    desk.give(result(three[1]), result(three[2]))
    desk.run(three)
    desk.results.write_text("no longer read")
    assert desk.run(three)[0].text == "first"


def test_how_an_answer_ended_is_an_outcome(desk: Desk) -> None:
    four = requests(4)
    desk.waits(four)
    stopped = ("end_turn", "max_tokens", "refusal", "stop_sequence")
    desk.give(*(result(request, stopped=how) for request, how in zip(four, stopped, strict=True)))
    outcomes = [reply.outcome for reply in desk.run(four)]
    assert outcomes == [Outcome.COMPLETED, Outcome.TRUNCATED, Outcome.REFUSED, Outcome.COMPLETED]


def test_results_that_are_no_answers_are_asked_again(desk: Desk) -> None:
    three = requests(3)
    desk.waits(three)
    failures = [{"custom_id": r.key, "result": {"type": kind}} for r, kind in zip(three, ("errored", "expired", "canceled"), strict=True)]  # fmt: skip
    desk.give(*failures)
    assert "(asked again: 1 canceled, 1 errored, 1 expired)" in desk.waits(three)
    assert len(desk.asked) == 3
    desk.give(*(result(request) for request in three[1:]), append=True)
    assert "(asked again: 1 errored)" in desk.waits(three)
    desk.give(failures[0], result(three[0]), failures[0])
    assert len(desk.run(three)) == 3


def test_rows_that_nobody_asked_for_are_counted_and_earlier_rounds_are_not(desk: Desk) -> None:
    first, second = requests(2), requests(2, "rewrite")
    desk.waits(first)
    desk.give(*(result(request) for request in first))
    desk.run(first)
    assert "ignored" not in desk.waits(second), "the rows of the first round were asked for once"
    desk.give(result(requests(1, "review")[0]), {"custom_id": "row-1", "result": {"type": "errored"}}, append=True)
    assert "(ignored: 2 rows whose custom_id nobody asked for)" in desk.waits(second)


def test_the_first_of_several_answers_counts(desk: Desk) -> None:
    (one,) = requests(1)
    desk.waits([one])
    desk.give(result(one, "first"), result(one, "second"))
    assert desk.run([one])[0].text == "first"


def test_a_complete_answer_further_down_wins_over_one_that_is_not(desk: Desk) -> None:
    (one,) = requests(1)
    desk.waits([one])
    desk.give(result(one, "cut", "max_tokens"), result(one, "", "refusal"), result(one, "whole"), result(one, "second"))
    assert desk.run([one])[0].text == "whole"


@pytest.mark.parametrize("stopped", ["pause_turn", "tool_use"])
def test_a_stop_before_the_answer_is_asked_again(stopped: str, desk: Desk) -> None:
    (one,) = requests(1)
    desk.waits([one])
    desk.give(result(one, stopped=stopped, content=[{"type": "tool_use", "id": "t", "name": "n", "input": {}}]))
    assert f"(asked again: 1 {stopped})" in desk.waits([one])
    desk.give(result(one), append=True)
    assert desk.run([one])[0].outcome is Outcome.COMPLETED


def test_a_request_that_stands_twice_in_a_round_is_asked_once(desk: Desk) -> None:
    (one,) = requests(1)
    desk.waits([one, one])
    assert len(desk.asked) == 1
    desk.give(result(one))
    assert len(desk.run([one, one])) == 2


def test_an_answer_by_hand_needs_no_model_and_no_usage(desk: Desk) -> None:
    (one,) = requests(1)
    desk.waits([one])
    row = result(one, "By hand, with an “é”.")
    del row["result"]["message"]["model"]
    thinking = {"type": "thinking", "thinking": "hm"}
    row["result"]["message"]["content"] = [
        thinking,
        {"type": "text", "text": "By hand, "},
        {"type": "text", "text": "in two."},
    ]
    desk.give("\ufeff" + json.dumps(row, ensure_ascii=False), "")
    assert desk.run([one]) == [Reply("By hand, in two.", Outcome.COMPLETED, "linden-2", Usage(0, 0))]


def test_prompts_with_any_characters_survive(desk: Desk) -> None:
    odd = Request("draft", "b", 0, "m", "\u2028 \x00 “é” \ud800", 'a "quoted"\nline', 9)
    desk.waits([odd])
    assert len(desk.requests.read_bytes().splitlines()) == 1
    assert desk.asked[0]["params"]["system"] == odd.system
    assert desk.asked[0]["params"]["messages"][0]["content"] == odd.user


def bad(**changes: Any) -> dict[str, Any]:
    return result(requests(1)[0], **changes)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("{", "the row is not JSON"),
        ("[" * 100_000, "the row is not JSON"),
        ("[1]", "the row is no JSON object"),
        (f'{{"custom_id": {"9" * 5000}}}', "the row is not JSON"),
        ('{"result": {}}', 'the row lacks custom_id; a row with an answer is {"custom_id": "...", "result": {'),
        ('{"custom_id": 7}', "custom_id should be text"),
        ('{"custom_id": "no spaces", "result": {}}', "custom_id 'no spaces' is none"),
        ('{"custom_id": "a"}', "the row lacks result"),
        ('{"custom_id": "a", "params": {}, "result": {}}', "the row lacks result.type"),
        ('{"custom_id": "a", "result": {"type": "done"}}', "result.type 'done' is unknown"),
        ('{"custom_id": "a", "result": {"type": "succeeded"}}', "the row lacks result.message"),
        (bad(stopped="whim"), "message.stop_reason 'whim' is unknown; known are end_turn"),
        (bad(stop_reason=None), "the row lacks message.stop_reason"),
        (bad(content="text"), "message.content should be a list"),
        (bad(content=["text"]), "message.content should be a list of objects"),
        (bad(content=[{"type": "text"}]), "the row lacks message.content.text"),
        (bad(model=3), "message.model should be text"),
        (bad(model="\ud800"), "message.model holds characters"),
        (bad(usage={"output_tokens": "9"}), "message.usage.output_tokens should be a whole number"),
        (bad(usage={"input_tokens": -1}), "message.usage.input_tokens should be a whole number"),
        (bad(usage=[]), "message.usage should be an object"),
    ],
)
def test_a_malformed_row_is_named_and_loses_nothing(desk: Desk, row: object, sentence: str) -> None:
    two = requests(2)
    desk.waits(two)
    desk.give(result(two[1]), "", row)
    with pytest.raises(InputError) as problem:
        desk.run(two)
    assert str(problem.value).startswith(f"{desk.results}:3: ") and sentence in str(problem.value)
    assert ": line 1" not in str(problem.value) and re.search("; | such as ", str(problem.value))
    assert len(desk.asked) == 2
    desk.give(result(two[1]))
    assert desk.waits(two).startswith("waiting for 1 answer to")


def test_files_that_cannot_be_read_or_written_say_so(desk: Desk) -> None:
    two = requests(2)
    desk.waits(two)
    desk.results.write_bytes(json.dumps(result(two[0])).encode("utf-16"))
    with pytest.raises(InputError, match=r"results.jsonl:1: the row is not UTF-8"):
        desk.run(two)
    desk.results.unlink()
    for make, remove in ((Path.mkdir, Path.rmdir), (os.mkfifo, Path.unlink)):
        make(desk.results)
        with pytest.raises(InputError, match=r"results.jsonl is no file; move it away"):
            desk.run(two)
        remove(desk.results)
    desk.requests.unlink()
    desk.requests.parent.rmdir()
    desk.requests.parent.write_text("")
    with pytest.raises(InputError, match=r"requests.jsonl cannot be written"):
        desk.run(two)


def test_the_config_wants_the_models_named() -> None:
    with pytest.raises(ValueError, match="`stages` lacks draft, rewrite; name a model for each stage"):
        BuildConfig.model_validate({"model": {"backend": "files", "stages": {"idea": "m", "review": "m", "draft": ""}}})
    stages = dict.fromkeys(("idea", "draft", "rewrite", "review"), "linden-2")
    assert BuildConfig.model_validate({"model": {"backend": "files", "stages": stages}}).models == stages
