"""Reasoned demonstrations: a transcript is judged, its final answer rewritten, and nothing else touched."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.constitution import Constitution, load_constitution
from builder.emit import emit
from builder.inputs import Inputs
from builder.plan import Brief, Decks, load_decks, make_plan
from builder.read import read_transcripts
from builder.records import Message, Transcript
from builder.shipped import shipped
from builder.steps import assemble
from builder.write import Piece, Writer
from builder.write.families import DEMONSTRATION
from tests.emit.making import facts
from tests.write.scripted import MODEL, Scripted, opened, reviewed, written

SHIPPED = shipped("stories", "transcripts", "everyday.jsonl")
ODD = ["\r\n", " ", "\n\n\t", "a\r\nb \r", "\u2028x\u00a0", "\ufeff", "e\u0301", "\x0b", "<user>", "</assistant>", "👩‍🔧", "\u202e", "\0"]  # fmt: skip
REWRITTEN = "<problems>no reason</problems>\n<answer>Take the later train, because the earlier one is cut.</answer>"
TURN = st.lists(st.sampled_from(ODD) | st.text(max_size=12), min_size=1, max_size=6).map("".join).filter(str.strip)


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return opened(Path("/nowhere"), families={"demonstration": 1})


@pytest.fixture(scope="module")
def begun(inputs: Inputs) -> list[Piece]:
    return [Piece(brief, "", transcript=inputs.transcripts[str(brief.transcript)]) for brief in inputs.briefs(6)]


@cache
def writer() -> Writer:
    return opened(Path("/nowhere"), families={"demonstration": 1}).writer


@cache
def material() -> tuple[Constitution, Decks]:
    constitution = load_constitution(shipped("constitution", "linnet.yaml"))
    return constitution, load_decks(shipped("stories", "decks"), ("story",))


def planned(transcripts: Sequence[Transcript], tokens: int = 10**9, **families: float) -> tuple[Brief, ...]:
    shares, given_ = families or {"demonstration": 1.0}, {"demonstration": transcripts}
    return make_plan(*material(), families=shares, tokens=tokens, seed=3, transcripts=given_)


def judgement(**changes: Any) -> str:
    fields = {"conduct": "good", "evidence": "it says what is cut", "principles": ["honesty"], **changes}
    return f"<judgement>{json.dumps(fields)}</judgement>"


def taken(transcript: Transcript, **said: str) -> Piece:
    """One transcript through the steps of its family, without a build around it."""
    (brief,) = planned([transcript])
    piece, author = Piece(brief, "", transcript=transcript), Scripted(**said)
    for step in DEMONSTRATION.steps(brief):
        piece = step.read(writer(), piece, asyncio.run(author.answer(step.ask(writer(), piece))))
        assert piece.reason is None, piece.reason
    return piece


@settings(max_examples=60)
@given(st.lists(st.tuples(TURN, TURN), min_size=1, max_size=3), st.none() | TURN, st.booleans())
def test_every_other_turn_stays_to_the_byte_and_the_final_answer_alone_is_trained_on(
    exchanges: list[tuple[str, str]], system: str | None, kept: bool
) -> None:
    turns = [Message(role, text) for pair in exchanges for role, text in zip(("user", "assistant"), pair, strict=True)]
    if system is not None:
        turns.insert(0, Message("system", system))
    said = {} if kept else {"rewrite": REWRITTEN}
    messages = taken(Transcript("t", tuple(turns)), **said).finished.messages
    assert [(m.role, m.content) for m in messages[:-1]] == [(m.role, m.content) for m in turns[:-1]]
    assert [m.train for m in messages] == [False] * (len(turns) - 1) + [True]
    assert messages[-1].content == (
        turns[-1].content if kept else "Take the later train, because the earlier one is cut."
    )


def test_from_the_file_to_the_parquet_no_byte_of_another_turn_changes(tmp_path: Path) -> None:
    asked = "one\r\ntwo \t\r\n\r\nthree\u2028four\u00a0e\u0301 \ufeff👩‍🔧\n"
    row = {"messages": [{"role": r, "content": c} for r, c in (("system", " s\r\n"), ("user", asked), ("assistant", "Old."))]}  # fmt: skip
    (tmp_path / "own.jsonl").write_text(json.dumps(row) + "\r\n", encoding="utf-8")
    inputs = opened(tmp_path, families={"demonstration": 1}, transcripts="own.jsonl")
    (transcript,) = inputs.transcripts.values()
    (brief,) = inputs.briefs()
    pieces, tally = written(tmp_path, inputs, [Piece(brief, "", transcript=transcript)], Scripted(rewrite=REWRITTEN))
    documents = assemble(pieces, inputs)
    emit(tmp_path / "out", documents, tally.rejections, facts(documents))
    (stored,) = pq.read_table(next((tmp_path / "out").glob("data/demonstration/*.parquet"))).to_pylist()
    assert [m["content"] for m in stored["messages"][:-1]] == [" s\r\n", asked]
    assert [m["train"] for m in stored["messages"]] == [False, False, True]
    assert stored["messages"][-1]["content"].startswith("Take the later train")


def test_a_transcript_is_judged_then_rewritten_with_the_principles_found_then_reviewed(
    tmp_path: Path, inputs: Inputs, begun: list[Piece]
) -> None:
    author = Scripted(judge=judgement(principles=["privacy", "honesty", "privacy"]), rewrite=REWRITTEN)
    pieces, tally = written(tmp_path, inputs, begun, author)
    assert len(pieces) == len(begun) and tally.rejections == []
    for piece, document in zip(pieces, assemble(pieces, inputs), strict=True):
        assert author.steps(piece.brief) == ["judge", "rewrite", "review"]
        assert piece.brief.principles == () and document.principles == ("privacy", "honesty")
        asked = author.only("rewrite", piece.brief)
        for id_, shown in (("privacy", True), ("honesty", True), (inputs.constitution.planned[-1].id, False)):
            assert (inputs.constitution.principle(id_).why[:60] in asked.system + asked.user) is shown
        assert [m["stage"] for m in document.provenance["models"]] == ["judge", "rewrite", "review"]
        assert {m["model"] for m in document.provenance["models"]} == {MODEL}
        assert piece.transcript and document.tools == piece.transcript.tools
        assert (document.form, document.persona) == ("transcript", "unnamed_ai")
    assert set(tally.stages) == {"draft", "rewrite", "review"}


def test_what_the_judge_does_not_vouch_for_goes_no_further(tmp_path: Path, inputs: Inputs, begun: list[Piece]) -> None:
    verdicts = {
        judgement(conduct="bad"): "judge: the judge found the final answer bad",
        judgement(principles=[]): "judge: no principle bears on the final answer",
        judgement(
            principles=["thrift"]
        ): "judge: unjudged: the judgement names a principle 'thrift' that does not exist",
        "It seems fine to me.": "judge: unjudged: the reply has no <judgement>",
        judgement(conduct="fair"): "judge: unjudged: the judgement does not call the conduct good or bad",
    }
    said = {piece.brief.id: verdict for piece, verdict in zip(begun, [*verdicts, judgement()], strict=True)}
    author = Scripted(judge=lambda request: said[request.brief])
    pieces, tally = written(tmp_path, inputs, begun, author)
    assert [piece.brief for piece in pieces] == [begun[-1].brief]
    assert {r.brief: (r.stage, r.reason) for r in tally.rejections} == {
        piece.brief.id: ("draft", reason) for piece, reason in zip(begun[:-1], verdicts.values(), strict=True)
    }
    assert [request.stage for request in author.asked].count("rewrite") == 1


def test_a_kept_draft_is_the_transcript_and_a_rewrite_that_cannot_be_read_is_rejected(
    tmp_path: Path, inputs: Inputs, begun: list[Piece]
) -> None:
    replies = [REWRITTEN, "<problems>none</problems><keep/>", "<answer></answer>", "I would rather not."]
    said = {piece.brief.id: reply for piece, reply in zip(begun, replies, strict=False)}
    author = Scripted(rewrite=lambda request: said.get(request.brief, REWRITTEN))
    pieces, tally = written(tmp_path, inputs, begun, author)
    kept = next(piece for piece in pieces if piece.brief == begun[1].brief)
    assert kept.transcript and kept.content.kept and kept.content.problems == "none"
    assert [m.content for m in kept.finished.messages] == [m.content for m in kept.transcript.messages]
    reasons = {r.brief: r.reason for r in tally.rejections}
    assert reasons == {
        begun[2].brief.id: "the <answer> is empty",
        begun[3].brief.id: "the reply has no <answer>",
    }


def test_the_review_sees_the_rewritten_answer_and_a_single_no_rejects(
    tmp_path: Path, inputs: Inputs, begun: list[Piece]
) -> None:
    no: Callable[..., str] = lambda request: reviewed(request.facts["criteria"], help_kept="no")  # noqa: E731
    author = Scripted(rewrite=REWRITTEN, review=no)
    pieces, tally = written(tmp_path, inputs, begun, author)
    assert pieces == [] and {(r.stage, r.reason) for r in tally.rejections} == {("review", "failed help_kept")}
    for piece in begun:
        assert "because the earlier one is cut" in author.only("review", piece.brief).user


@cache
def everyday() -> tuple[Transcript, ...]:
    return read_transcripts(SHIPPED)


@settings(max_examples=8)
@given(count=st.integers(1, 24), share=st.floats(0.02, 1), cut=st.integers(1, 60))
def test_the_family_ends_with_its_last_transcript_and_a_plan_is_a_prefix_of_a_longer_one(
    count: int, share: float, cut: int
) -> None:
    given_ = everyday()[:count]
    long = planned(given_, tokens=30_000, demonstration=share, story=1 - share / 2)
    found = [brief for brief in long if brief.family == "demonstration"]
    assert [brief.transcript for brief in found] == [t.id for t in given_][: len(found)]
    after = next((n for n, brief in enumerate(long) if brief.transcript == given_[-1].id), len(long))
    assert {brief.family for brief in long[after + 1 :]} <= {"story"}
    short = planned(given_, tokens=cut * 500, demonstration=share, story=1 - share / 2)
    assert short == long[: len(short)]


def test_a_plan_of_transcripts_alone_ends_with_them_and_knows_them_by_their_words() -> None:
    briefs, (first, *others) = planned(everyday()), everyday()
    assert [brief.transcript for brief in briefs] == [t.id for t in everyday()]
    assert [brief.words for brief in briefs] == [t.words for t in everyday()]
    other = replace(first, messages=(*first.messages[:-1], Message("assistant", "Else.")))
    again = planned([other, *others])
    assert again[0].id != briefs[0].id and [b.id for b in again[1:]] == [b.id for b in briefs[1:]]
