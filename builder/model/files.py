"""The `files` backend: requests go out as a file and answers come back as a file, for clusters without a network and
for answers made by hand.

Both files lie in one folder and have the shapes of the Message Batches API. `requests.jsonl` holds what the round still
waits for and goes when the round is complete. `results.jsonl` is the user's: it may be partial, in any order, hold rows
of other rounds, and be deleted or replaced once it was read, since its answers are in the ledger then.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from builder.errors import Incomplete, InputError, first_line
from builder.model.protocol import Arrived, Outcome, Reply, Request, Usage
from builder.whole_file import write_whole

NAME = "files"

_OUTCOMES = {
    "end_turn": Outcome.COMPLETED,
    "stop_sequence": Outcome.COMPLETED,
    "max_tokens": Outcome.TRUNCATED,
    "refusal": Outcome.REFUSED,
}
_NO_ANSWER = ("errored", "expired", "canceled")
_READ = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_KINDS = {"str": "text", "dict": "an object", "list": "a list"}
# Python's splitlines takes these for line ends, so they go out as JSON escapes.
_LINE_ENDS = str.maketrans({"\x85": r"\u0085", "\u2028": r"\u2028", "\u2029": r"\u2029"})
_Kind = TypeVar("_Kind", str, dict[str, Any], list[Any])


class _Malformed(Exception):
    """A row that is no batch result; the message says what is wrong with it."""


class FilesModel:
    """Answers rounds by exchanging `requests.jsonl` and `results.jsonl` in a folder."""

    name, paid = NAME, False

    def __init__(self, folder: Path) -> None:
        self._requests, self._results = folder / "requests.jsonl", folder / "results.jsonl"

    async def answer_round(
        self, requests: Sequence[Request], arrived: Arrived, answered: Callable[[str], bool]
    ) -> None:
        """Take the answers that are there and ask for all the others at once.

        Of several answers to one request the first in the file counts.

        Raises:
            Incomplete: if answers are missing, naming the file with their requests.
            InputError: if a row is no batch result, naming its line, or a file cannot be read or written.
        """
        wanted = {request.key: request for request in requests}
        replies: dict[str, Reply] = {}
        failed: dict[str, str] = {}
        strangers = 0
        for key, result in self._rows():
            if key not in wanted:
                strangers += not answered(key)
            elif isinstance(result, Reply):
                replies.setdefault(key, result if result.model else replace(result, model=wanted[key].model))
            else:
                failed[key] = result
        for index, request in enumerate(requests):
            if request.key in replies:
                arrived(index, replies[request.key])
        missing = {key: request for key, request in wanted.items() if key not in replies}
        if missing:
            lines = (_line(key, request) for key, request in missing.items())
            write_whole(self._requests, "".join(lines), folders=True)  # a lone surrogate becomes its JSON escape
            again = Counter(kind for key, kind in failed.items() if key in missing)
            raise Incomplete(self._sentence(len(missing), strangers, again))
        self._requests.unlink(missing_ok=True)

    def _rows(self) -> Iterator[tuple[str, Reply | str]]:
        """Each row's custom_id with its answer, or with the name of what came instead of one."""
        if not self._results.exists():
            return
        try:
            with self._results.open("rb") as file:
                for number, line in enumerate(file, 1):
                    if line.strip(b" \t\r\n\xef\xbb\xbf"):
                        yield _parsed(line, f"{self._results}:{number}")
        except OSError as error:
            raise InputError(f"{self._results} cannot be read: {error.strerror}") from None

    def _sentence(self, missing: int, strangers: int, again: Mapping[str, int]) -> str:
        aside = []
        if again:
            aside.append("asked again: " + ", ".join(f"{count} {kind}" for kind, count in sorted(again.items())))
        if strangers:
            rows = "1 row" if strangers == 1 else f"{strangers} rows"
            aside.append(f"ignored: {rows} whose custom_id nobody asked for")
        return (
            f"waiting for {missing} {'answer' if missing == 1 else 'answers'} to {self._requests}; write "
            f"{self._results.name} beside it, as Message Batches results, and run the same command again"
            + (f" ({'; '.join(aside)})" if aside else "")
        )


def _line(key: str, request: Request) -> str:
    params = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "system": request.system,
        "messages": [{"role": "user", "content": request.user}],
    }
    row = json.dumps({"custom_id": key, "params": params}, ensure_ascii=False)
    return row.translate(_LINE_ENDS) + "\n"


def _parsed(line: bytes, place: str) -> tuple[str, Reply | str]:
    """One row; `place` is its file and line.

    Raises:
        InputError: if it is no batch result.
    """
    try:
        return _result(json.loads(line.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise InputError(f"{place}: the row is not UTF-8; save the file as UTF-8") from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{place}: the row is not JSON ({first_line(error)}); write one JSON object a line") from None
    except _Malformed as error:
        raise InputError(f"{place}: {error}") from None


def _result(row: object) -> tuple[str, Reply | str]:
    if not isinstance(row, dict):
        raise _Malformed("the row is no JSON object; write one batch result a line")
    key = _field(row, "custom_id", str)
    if not _CUSTOM_ID.fullmatch(key):
        raise _Malformed(f"custom_id {key[:80]!r} is none; copy it from requests.jsonl")
    result = _field(row, "result", dict)
    kind = _field(result, "type", str, "result.")
    if kind in _NO_ANSWER:
        return key, kind
    if kind != "succeeded":
        raise _Malformed(f"result.type {kind[:80]!r} is unknown; known are succeeded, {', '.join(_NO_ANSWER)}")
    return key, _reply(_field(result, "message", dict, "result."))


def _reply(message: dict[str, Any]) -> Reply:
    """A message as a reply; its model is empty where the row names none."""
    texts = []
    for block in _field(message, "content", list, "message."):
        if not isinstance(block, dict):
            raise _Malformed('message.content should be a list of objects such as {"type": "text", "text": ...}')
        if _field(block, "type", str, "message.content.") == "text":  # others hold thinking, which is no answer
            texts.append(_field(block, "text", str, "message.content."))
    stopped = _field(message, "stop_reason", str, "message.")
    if stopped not in _OUTCOMES:
        raise _Malformed(f"message.stop_reason {stopped[:80]!r} is unknown; known are {', '.join(_OUTCOMES)}")
    model = _field(message, "model", str, "message.") if "model" in message else ""
    if not model.isprintable():
        raise _Malformed("message.model holds characters that no name has")
    return Reply("".join(texts), _OUTCOMES[stopped], model, _usage(message))


def _usage(message: dict[str, Any]) -> Usage:
    counted = _field(message, "usage", dict, "message.") if message.get("usage") is not None else {}
    tokens = {name: counted.get(name) or 0 for name in (*_READ, "output_tokens")}
    for name, count in tokens.items():
        if type(count) is not int or count < 0:
            raise _Malformed(f"message.usage.{name} should be a whole number of tokens")
    return Usage(sum(tokens[name] for name in _READ), tokens["output_tokens"])


def _field(holder: dict[str, Any], name: str, kind: type[_Kind], inside: str = "") -> _Kind:
    value = holder.get(name)
    if isinstance(value, kind):
        return value
    raise _Malformed(
        f"the row lacks {inside}{name}" if value is None else f"{inside}{name} should be {_KINDS[kind.__name__]}"
    )
