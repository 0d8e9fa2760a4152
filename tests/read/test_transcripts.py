"""Transcripts for demonstrations: what is read, and one sentence with file and line for what is not."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import InputError
from builder.read import read_transcripts
from builder.records import Message
from builder.shipped import shipped

USER = {"role": "user", "content": "Is the sum right?"}
ANSWER = {"role": "assistant", "content": "It is short by four."}
GOOD = {"messages": [USER, ANSWER]}


def row(*messages: Any, **fields: Any) -> bytes:
    return json.dumps({"messages": list(messages), **fields}).encode()


def write(folder: Path, *lines: bytes, end: bytes = b"\n") -> Path:
    (folder / "own.jsonl").write_bytes(b"".join(line + end for line in lines))
    return folder / "own.jsonl"


BAD: dict[str, tuple[bytes, str]] = {
    "not JSON": (b'{"messages": [', r"the line is not JSON \("),
    "a NUL": (b"\0", r"the line is not JSON \("),
    "brackets without end": (b"[" * 100_000, r"the line is not JSON \("),
    "not UTF-8": (b'{"messages": "caf\xe9"}', "the line is not UTF-8; save the file as UTF-8"),
    "UTF-16": (json.dumps(GOOD).encode("utf-16"), "the line is not UTF-8; save the file as UTF-8"),
    "a list": (b"[1]", "the transcript has no list of `messages`"),
    "a number": (b"7", "the transcript has no list of `messages`"),
    "no messages": (b'{"text": "hello"}', "the transcript has no list of `messages`"),
    "empty messages": (row(), "the transcript has no list of `messages`"),
    "messages as a text": (b'{"messages": "hello"}', "the transcript has no list of `messages`"),
    "a message that is a text": (row("hello"), "message 1 should have a role, one of system, user, assistant, tool"),
    "another role": (row(USER, {"role": "bot", "content": "a"}), "message 2 should have a role, one of system, user, assistant, tool"),
    "a role that is a list": (row({"role": ["user"], "content": "a"}), "message 1 should have a role, one of system, user, assistant, tool"),
    "no content": (row({"role": "user"}, ANSWER), "message 1 should have its `content` as text"),
    "empty content": (row({"role": "user", "content": " \n"}, ANSWER), "message 1 should have its `content` as text"),
    "content in parts": (row(USER, {"role": "assistant", "content": [{"type": "text", "text": "a"}]}), "message 2 should have its `content` as text"),
    "a tool call": (row(USER, {**ANSWER, "tool_calls": [{"id": "1"}]}), "message 2 calls tools, which a demonstration cannot keep as it is; leave that transcript out"),
    "ends with the user": (row(USER), "the transcript ends with the user; its last turn should be the assistant's"),
    "ends with a tool": (row(USER, ANSWER, {"role": "tool", "content": "4"}), "the transcript ends with the tool; its last turn should be the assistant's"),
    "no user": (row(ANSWER), "the transcript has no turn of a user"),
    "half a character": (b'{"messages": [{"role": "user", "content": "\\ud83d"}]}', "message 1 holds half of a surrogate pair, which UTF-8 cannot store; mend its text"),
    "an id that is a list": (row(USER, ANSWER, id=[1]), "`id` should be a text or a number"),
    "an id that is there": (row(USER, ANSWER, id="first"), "the id 'first' stands twice; give each its own"),
    "an id with half a character": (b'{"id": "\\ud83d", "messages": ' + json.dumps(GOOD["messages"]).encode() + b"}", "half of a surrogate pair"),
    "tools with half a character": (b'{"tools": [{"name": "\\ud83d"}], "messages": ' + json.dumps(GOOD["messages"]).encode() + b"}", "half of a surrogate pair"),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_line_is_one_sentence_with_its_file_and_line(bad: str, tmp_path: Path) -> None:
    line, reason = BAD[bad]
    path = write(tmp_path, row(USER, ANSWER, id="first"), b"", line)
    with pytest.raises(InputError, match=reason) as caught:
        read_transcripts(path)
    said = str(caught.value)
    assert said.startswith(f"{path}:3: ") and "\n" not in said and len(said) < 400
    said.encode()


def test_a_file_that_cannot_be_read_or_has_nothing_is_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.jsonl"):
        with pytest.raises(InputError, match=r"cannot be read: .*; correct `transcripts` in build\.yaml"):
            read_transcripts(path)
    for content in (b"", b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n \t\r\n"):
        (tmp_path / "empty.jsonl").write_bytes(content)
        with pytest.raises(InputError, match=r"empty\.jsonl has no transcript; write one JSON object with `messages`"):
            read_transcripts(tmp_path / "empty.jsonl")


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    lines = row(USER, ANSWER, id="a"), row({**USER, "content": "one\r\ntwo"}, ANSWER, id=2)
    plain = read_transcripts(write(tmp_path, *lines))
    assert [transcript.id for transcript in plain] == ["a", "2"]
    assert plain[1].messages[0].content == "one\r\ntwo"
    assert read_transcripts(write(tmp_path, b"\xef\xbb\xbf" + lines[0], lines[1], end=b"\r\n")) == plain
    assert read_transcripts(write(tmp_path, lines[0], b"", b"  ", lines[1], end=b"\r\n")) == plain
    (tmp_path / "own.jsonl").write_bytes(b"\n".join(lines))
    assert read_transcripts(tmp_path / "own.jsonl") == plain, "the last line needs no end"


def test_a_transcript_without_an_id_is_known_by_its_content(tmp_path: Path) -> None:
    (first, second) = read_transcripts(write(tmp_path, row(USER, ANSWER), row(USER, {**ANSWER, "content": "Yes."})))
    (again,) = read_transcripts(write(tmp_path, row(USER, ANSWER, note="ignored")))
    assert first.id == again.id != second.id and len(first.id) == 16
    with pytest.raises(InputError, match=rf":2: the id '{first.id}' stands twice"):
        read_transcripts(write(tmp_path, row(USER, ANSWER), row(USER, ANSWER)))


def test_tools_are_kept_as_they_were_given(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "look_up", "description": "Sucht nach Fähren."}}]
    written = json.dumps(tools, ensure_ascii=False)
    (listed,) = read_transcripts(write(tmp_path, row(USER, ANSWER, tools=tools)))
    (text,) = read_transcripts(write(tmp_path, row(USER, ANSWER, tools=written)))
    (none,) = read_transcripts(write(tmp_path, row(USER, ANSWER, tools=None)))
    assert listed.tools == text.tools == written and none.tools is None


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), st.none() | TEXT, st.booleans())
def test_what_is_read_is_what_was_written(pairs: list[tuple[str, str]], system: str | None, raw: bool) -> None:
    turns = [*([("system", system)] if system else []), *((r, t) for p in pairs for r, t in zip(("user", "assistant"), p, strict=True))]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        line = json.dumps({"messages": [{"role": r, "content": t} for r, t in turns]}, ensure_ascii=not raw)
        (transcript,) = read_transcripts(write(Path(folder), line.encode()))
    assert transcript.messages == tuple(Message(role, text) for role, text in turns)
    assert transcript.words == sum(len(text.split()) for _, text in turns)


def test_the_shipped_transcripts_load_and_are_worth_rewriting() -> None:
    transcripts = read_transcripts(shipped("stories", "transcripts", "everyday.jsonl"))
    assert len(transcripts) >= 20 and len({t.id for t in transcripts}) == len(transcripts)
    for transcript in transcripts:
        roles = [message.role for message in transcript.messages if message.role != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2), transcript.id
        assert len(transcript.messages[-1].content.split()) > 20 and "—" not in transcript.messages[-1].content
