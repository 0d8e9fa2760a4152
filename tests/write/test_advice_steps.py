"""Difficult advice step by step: what each call is shown, what its reply becomes, and what the record holds."""

import json
import re
from pathlib import Path

import pytest

from builder.inputs import Inputs
from builder.plan import Brief
from builder.steps import assemble
from builder.write import Piece
from builder.write.advice import exchanges_of
from tests.write.scripted import MODEL, Scripted, dialogue, opened, written

IDEA = "A caretaker who may copy one key and wants two, because the tenant upstairs forgets hers on every wet evening."
MESSAGE = "Could I just have a second key cut?"


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return opened(Path("/nowhere"), families={"advice": 1}, size={"tokens": 60_000})


@pytest.fixture(scope="module")
def briefs(inputs: Inputs) -> dict[str, Brief]:
    """Briefs by what is peculiar to them."""
    found: dict[str, Brief] = {}
    for brief in inputs.briefs():
        found.setdefault(f"{exchanges_of(brief)}", brief)
        found.setdefault("operator" if _operated(brief) else "plain", brief)
        found.setdefault("tools" if brief.tools else "toolless", brief)
    assert set(found) == {"1", "2", "3", "operator", "plain", "tools", "toolless"}
    return found


def _operated(brief: Brief) -> bool:
    return brief.options.get("system_prompt", "none") != "none"


def begun(*briefs: Brief) -> list[Piece]:
    return [Piece(brief, IDEA) for brief in {brief.id: brief for brief in briefs}.values()]


def test_every_step_is_taken_in_its_order_with_as_many_exchanges_as_the_brief_says(
    tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]
) -> None:
    author = Scripted()
    pieces, tally = written(tmp_path, inputs, begun(briefs["1"], briefs["2"], briefs["3"]), author)
    assert len(pieces) == 3 and tally.rejections == []
    for piece in pieces:
        count = exchanges_of(piece.brief)
        more = ["follow_up", "answer"] * (count - 1)
        assert author.steps(piece.brief) == ["prompt", "trial", "revise", "answer", *more, "rewrite", "review"]
        spoken = [message.role for message in piece.finished.messages if message.role != "system"]
        assert spoken == ["user", "assistant"] * count
        assert [m.train for m in piece.finished.messages] == [m.role == "assistant" for m in piece.finished.messages]
    assert {name: counts["in"] for name, counts in tally.stages.items()} == {"draft": 3, "rewrite": 3, "review": 3}


@pytest.mark.parametrize("kind", ["operator", "plain"])
def test_the_trial_sees_the_operators_prompt_and_the_message_and_nothing_else(
    kind: str, tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]
) -> None:
    turns = [("system", "You answer for the club.")] * (kind == "operator") + [("user", MESSAGE)]
    author, brief = Scripted(prompt=dialogue(*turns)), briefs[kind]
    written(tmp_path, inputs, begun(brief), author)
    trial = author.only("trial", brief)
    assert trial.system == ("You answer for the club." if kind == "operator" else "")
    assert trial.turns == (("user", MESSAGE),) and not trial.shared and trial.template == ("", "")
    revise = author.only("revise", brief).user
    assert MESSAGE in revise and "You could wait until Monday and ring her then." in revise and IDEA in revise


def test_an_answer_is_sampled_under_the_values_with_the_conversation_as_turns(
    tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]
) -> None:
    (values,), author, brief = inputs.writer.injected(), Scripted(), briefs["3"]
    pieces, _ = written(tmp_path, inputs, begun(brief), author)
    spoken = [(m.role, m.content) for m in pieces[0].draft.messages if m.role != "system"]
    for number in range(3):
        asked = author.only("answer", brief, number)
        assert values in asked.system and IDEA in asked.system and not asked.shared
        assert asked.turns == tuple(spoken[: 2 * number + 1]) and asked.user == spoken[2 * number][1]
        assert asked.template == ("advice/answer.md", inputs.prompts.sha256("advice", "answer"))
    for number in (1, 2):
        told = author.only("follow_up", brief, number).user
        assert all(text in told for _, text in spoken[: 2 * number]) and spoken[2 * number][1] not in told


def test_an_operators_prompt_goes_into_the_answers_prompt(
    tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]
) -> None:
    author, brief = Scripted(), briefs["operator"]
    pieces, _ = written(tmp_path, inputs, begun(brief), author)
    asked = author.only("answer", brief)
    assert "You answer for the club." in asked.system and "You answer for the club." not in asked.user
    assert pieces[0].finished.messages[0].role == "system"
    assert pieces[0].finished.messages[0].content == "You answer for the club."


def test_neither_the_values_nor_the_trial_is_in_what_is_emitted(
    tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]
) -> None:
    (values,) = inputs.writer.injected()
    pieces, _ = written(tmp_path, inputs, begun(briefs["2"], briefs["operator"], briefs["tools"]), Scripted())
    for document in assemble(pieces, inputs):
        whole = json.dumps(document.json())
        assert "wait until Monday" not in whole and IDEA not in whole and not inputs.writer.shows_injected(whole)
        assert not any(line[:60] in whole for line in values.splitlines() if line)
        assert [p["stage"] for p in document.provenance["prompts"] if p["stage"] == "trial"] == []
        assert {m["stage"]: m["model"] for m in document.provenance["models"]}["trial"] == MODEL


def test_an_answer_that_repeats_the_values_is_rejected_and_the_build_goes_on(
    tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]
) -> None:
    words = re.findall(r"\w+", inputs.writer.injected()[0])
    eight, seven = " ".join(words[20:28]).upper(), " ".join(words[40:47])
    said = {briefs["1"].id: f"Well: {eight}!", briefs["2"].id: f"Well, {seven}, so leave it."}
    author = Scripted(answer=lambda request: said.get(request.brief, "Leave it."))
    pieces, tally = written(tmp_path, inputs, begun(briefs["1"], briefs["2"], briefs["3"]), author)
    assert {piece.brief.id for piece in pieces} == {briefs["2"].id, briefs["3"].id}
    (lost,) = tally.rejections
    assert (lost.brief, lost.stage) == (briefs["1"].id, "draft")
    assert lost.reason == "answer: it repeats a prompt that is stripped"
    assert author.steps(briefs["1"])[-1] == "answer"
    assert tally.stages["draft"] == {"in": 3, "kept": 2, "rejected": 1} and tally.stages["rewrite"]["in"] == 2


def test_a_revised_opening_takes_the_place_of_the_first_and_a_kept_one_stays(
    tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]
) -> None:
    revised = f"<problems>too tidy</problems>\n{dialogue(('user', MESSAGE))}"
    author = Scripted(revise=lambda r: revised if r.brief == briefs["1"].id else "<problems>none</problems>\n<keep/>")
    pieces, _ = written(tmp_path, inputs, begun(briefs["1"], briefs["2"]), author)
    changed, kept = sorted(pieces, key=lambda piece: piece.brief != briefs["1"])
    assert changed.revision == "too tidy" and changed.opening.messages[-1].content != MESSAGE
    assert changed.draft.messages[0].content == MESSAGE and changed.content.problems == "none"
    assert author.only("answer", changed.brief).user == MESSAGE
    assert kept.revision == "none" and kept.draft.messages[: len(kept.opening.messages)] == kept.opening.messages


BAD = {
    "prompt": ("<problems>none</problems><keep/>", "prompt: the reply keeps a message that is not there"),
    "revise": (
        dialogue(("user", "a"), ("assistant", "b")),
        "revise: the turns are not user in alternation",
    ),
    "follow_up": ("And the key?", "follow_up: the reply has no <user>"),
    "answer": ("<assistant>Leave it.</assistant>", "answer: the answer holds a tag of ours"),
    "rewrite": ("No.", "the reply has no <dialogue>"),
    "review": ("Fine.", "unjudged: the reply has no <review>"),
}


@pytest.mark.parametrize("step", BAD)
def test_a_reply_that_cannot_be_read_ends_its_piece_at_its_step_with_the_reason(
    step: str, tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]
) -> None:
    said, reason = BAD[step]
    author = Scripted(**{step: said})
    pieces, tally = written(tmp_path, inputs, begun(briefs["2"]), author)
    assert pieces == [] and author.steps(briefs["2"])[-1] == step
    stage = step if step in ("rewrite", "review") else "draft"
    assert [(r.stage, r.reason) for r in tally.rejections] == [(stage, reason)]


def test_two_messages_for_an_opening_are_refused(tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]) -> None:
    author = Scripted(prompt=dialogue(("user", "a"), ("user", "b")))
    _, tally = written(tmp_path, inputs, begun(briefs["1"]), author)
    assert tally.rejections[0].reason == "prompt: the opening has more than one message of the user"


def test_a_trial_may_say_anything_at_all(tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]) -> None:
    """Its text is a sign to the reviser and is never kept."""
    for number, odd in enumerate(("", "</trial_answer><user>x</user>", "half \ud83d a character \0", "x " * 50_000)):
        author = Scripted(trial=odd)
        pieces, _ = written(tmp_path / str(number), inputs, begun(briefs["1"]), author)
        assert len(pieces) == 1


def test_a_rewrite_with_other_turns_is_rejected(tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]) -> None:
    one, two = [("user", "a"), ("assistant", "b")], [("user", "c"), ("assistant", "d")]
    operator = [("system", "s")] * _operated(briefs["2"])
    wrong = [[*operator, *one], [*operator, *one, *two, *one], [*([] if operator else [("system", "s")]), *one, *two]]
    for number, turns in enumerate(wrong):
        author = Scripted(rewrite=f"<problems>x</problems>{dialogue(*turns)}")
        pieces, tally = written(tmp_path / str(number), inputs, begun(briefs["2"]), author)
        assert pieces == [] and [(r.stage, r.reason) for r in tally.rejections] == [
            ("rewrite", "the rewrite has other turns than the draft")
        ]
    author = Scripted(rewrite=f"<problems>x</problems>{dialogue(*operator, *one, *two)}")
    ((piece,), _) = written(tmp_path / "right", inputs, begun(briefs["2"]), author)
    assert [m.content for m in piece.finished.messages[-4:]] == ["a", "b", "c", "d"] and piece.draft != piece.content


def test_the_rewrite_is_a_fresh_call_that_sees_the_draft_alone(
    tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]
) -> None:
    author, brief = Scripted(), briefs["2"]
    ((piece,), _) = written(tmp_path, inputs, begun(brief), author)
    asked = author.only("rewrite", brief)
    assert asked.earlier == () and asked.shared and piece.draft.tagged in asked.user
    assert "wait until Monday" not in asked.user and IDEA not in asked.user
    assert not inputs.writer.shows_injected(asked.system + asked.user)


def test_tools_are_in_the_record_as_functions_and_only_where_the_deck_drew_them(
    tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]
) -> None:
    pieces, _ = written(tmp_path, inputs, begun(briefs["tools"], briefs["toolless"]), Scripted())
    for piece, document in zip(pieces, assemble(pieces, inputs), strict=True):
        if not piece.brief.tools:
            assert document.tools is None
            continue
        functions = json.loads(document.tools or "")
        assert [f["function"] for f in functions] == [dict(tool) for tool in piece.brief.tools]
        assert all(f["type"] == "function" and set(f["function"]) == {"name", "description", "parameters"} for f in functions)  # fmt: skip
        assert all(f["function"]["parameters"]["type"] == "object" for f in functions)
    drawn = [brief for brief in inputs.briefs() if brief.tools]
    assert 0 < len(drawn) < len(inputs.briefs())


def test_the_calls_of_one_step_differ_from_exchange_to_exchange(
    tmp_path: Path, inputs: Inputs, briefs: dict[str, Brief]
) -> None:
    """Even where every reply is the same, or the second answer would be the first one out of the ledger."""
    author = Scripted(answer="Leave it.", follow_up="<user>But?</user>")
    written(tmp_path, inputs, begun(briefs["3"]), author)
    again = Scripted(answer="Leave it.", follow_up="<user>But?</user>")
    written(tmp_path, inputs, begun(briefs["3"]), again)
    assert len({request.key for request in author.asked}) == len(author.asked) and again.asked == []
