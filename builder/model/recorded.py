"""Backend `recorded`: replays the answers of a finished run by brief, stage and attempt, without a key.

A recording is a build's ledger, or a file of JSON lines saved from one. Answers are given whether or not the prompt is
still the one that they were written for; which prompts have changed since is said, once each.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from builder.errors import InputError
from builder.model.ledger import Call, Ledger
from builder.model.protocol import Outcome, Reply, Request, Usage
from builder.whole_file import write_whole

NAME = "recorded"


class RecordedModel:
    """Answers from a recording. `say` is told which prompts have changed."""

    name = NAME

    def __init__(self, recording: Path, say: Callable[[str], None]) -> None:
        """Read a recording.

        Raises:
            InputError: if it does not exist or cannot be read, with file and line.
        """
        self._recording, self._say = recording, say
        self._stages: dict[str, set[str]] = {}
        self._calls: dict[tuple[str, str, int], list[Call]] = {}
        for call in _calls(recording):
            self._stages.setdefault(call.brief, set()).add(call.stage)
            self._calls.setdefault((call.brief, call.stage, call.attempt), []).append(call)
        self._told: set[str] = set()

    async def answer(self, request: Request) -> Reply:
        """The recorded answer, preferring a completed one where a fallback answered what was refused.

        Another idea than were recorded, or the continuation of a text that was given up in the recording, is a failed
        answer: screens may have changed since, and the texts that they let through go on.

        Raises:
            InputError: if this brief is not in the recording.
        """
        calls = self._calls.get((request.brief, request.stage, request.attempt))
        if not calls and (request.brief in self._stages or request.attempt):
            return Reply("", Outcome.FAILED, NAME)
        if not calls:
            raise InputError(
                f"{self._recording} has no answer to the {request.stage} of brief {request.brief}; it fits another "
                "plan: use the constitution, decks, shares, size and seed that it was recorded with, or another backend"
            )
        call = next((call for call in calls if call.reply.outcome is Outcome.COMPLETED), calls[0])
        self._compare(call, request)
        return replace(call.reply, template=call.template if call.template[0] else None)

    def _compare(self, call: Call, request: Request) -> None:
        name, sha256 = call.template
        changed = name and request.template[0] and (name, sha256) != request.template
        if changed and name not in self._told:
            self._told.add(name)
            self._say(f"prompt {name} has changed since {self._recording} was recorded; the answers are to the old one")


def about_recording(recording: Path) -> tuple[str, ...]:
    """What a recording says of where its answers come from; nothing where it says nothing or cannot be read."""
    try:
        with recording.open(encoding="utf-8") as file:
            head = json.loads(file.readline())
    except (OSError, ValueError, RecursionError):
        return ()
    about = head.get("about") if isinstance(head, dict) else None
    return (about,) if isinstance(about, str) else ()


def save_recording(ledger: Ledger, path: Path, about: str = "") -> int:
    """Save the completed calls of a ledger as a recording of JSON lines; returns how many there are.

    `about` says where the answers come from; it is the first line, and stands in the card of every build from them.

    Raises:
        InputError: if it cannot be written.
    """
    head = [json.dumps({"about": about}, ensure_ascii=False)] if about else []
    lines = [json.dumps(_row(call), ensure_ascii=False, sort_keys=True) for call in ledger.calls()]
    write_whole(path, "".join(f"{line}\n" for line in [*head, *lines]), folders=True)
    return len(lines)


def _calls(recording: Path) -> list[Call]:
    if recording.is_dir():
        ledger = recording / ".build" / "ledger.sqlite"
        if not ledger.is_file():
            raise InputError(f"{recording} is no build with a ledger; name one, or a recording's file")
        with Ledger(ledger) as opened:
            return opened.calls()
    try:
        lines = recording.read_text(encoding="utf-8").split("\n")  # a JSON string may hold other line ends
    except OSError as error:
        raise InputError(f"{recording} cannot be read: {error.strerror}; name a recording in `model`") from None
    except UnicodeDecodeError:
        raise InputError(f"{recording} is not UTF-8, so it is no recording") from None
    rows = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if rows and about_recording(recording):
        rows = rows[1:]
    return [_call(line, f"{recording}:{number}") for number, line in rows]


def _row(call: Call) -> dict[str, Any]:
    usage = call.reply.usage
    return {
        "brief": call.brief,
        "stage": call.stage,
        "attempt": call.attempt,
        "key": call.key,
        "template": list(call.template),
        "outcome": call.reply.outcome,
        "model": call.reply.model,
        "usage": [usage.input, usage.output, usage.cache_read, usage.cache_write],
        "text": call.reply.text,
    }


def _call(line: str, place: str) -> Call:
    try:
        row = json.loads(line)
        reply = Reply(str(row["text"]), Outcome(row["outcome"]), str(row["model"]), Usage(*map(int, row["usage"])))
        name, sha256 = row["template"]
        return Call(row["stage"], row["brief"], int(row["attempt"]), row["key"], (str(name), str(sha256)), reply)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f"{place}: this is no row of a recording; save it again from its build") from None
