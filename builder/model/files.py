"""The `files` backend: requests go out as a file and answers come back as a file, for clusters without a network and
for answers made by hand.

Both files lie in one folder and have the shapes of the Message Batches API. `requests.jsonl` holds what the round still
waits for and goes when the round is complete. `results.jsonl` is the user's: it may be partial, in any order, hold rows
of other rounds, and be deleted or replaced once it was read, since its answers are in the ledger then.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from builder.errors import Incomplete, InputError, first_line
from builder.model.account import Account
from builder.model.messages_api import Malformed, NoAnswer, Unfinished, params, read_result
from builder.model.protocol import Arrived, Outcome, Reply, Request
from builder.whole_file import write_whole

NAME = "files"

# Python's splitlines takes these for line ends, so they go out as JSON escapes.
_LINE_ENDS = str.maketrans({"\x85": r"\u0085", "\u2028": r"\u2028", "\u2029": r"\u2029"})


class FilesModel:
    """Answers rounds by exchanging `requests.jsonl` and `results.jsonl` in a folder."""

    name, in_flight = NAME, 0
    account: Account | None = None

    def __init__(self, folder: Path, answered: Callable[[str], bool]) -> None:
        """`answered(key)` says whether the ledger holds the answer to a request of any round."""
        self._requests, self._results, self._answered = folder / "requests.jsonl", folder / "results.jsonl", answered

    async def close(self) -> None:
        """Nothing is open."""

    async def answer_round(self, requests: Sequence[Request], arrived: Arrived, moved: Callable[[], None]) -> None:
        """Take the answers that are there and ask for all the others at once.

        Of several answers to one request the first complete one in the file counts, else the first.

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
                strangers += not self._answered(key)
            elif isinstance(result, Reply):
                known = replies.get(key)
                if known is None or (Outcome.COMPLETED is result.outcome is not known.outcome):
                    replies[key] = result if result.model else replace(result, model=wanted[key].model)
            else:
                failed[key] = result.kind
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

    def _rows(self) -> Iterator[tuple[str, Reply | NoAnswer]]:
        """Each row's custom_id with its answer, or with what came instead of one."""
        if not self._results.exists():
            return
        if not self._results.is_file():
            raise InputError(f"{self._results} is no file; move it away and write the results there")
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
    row = json.dumps({"custom_id": key, "params": params(request)}, ensure_ascii=False)
    return row.translate(_LINE_ENDS) + "\n"


def _parsed(line: bytes, place: str) -> tuple[str, Reply | NoAnswer]:
    """One row; `place` is its file and line.

    Raises:
        InputError: if it is no batch result.
    """
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(f"{place}: the row is not UTF-8; save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        reason = first_line(error).split(": line 1 column")[0]  # the row's own line is none of the file's
        raise InputError(f"{place}: the row is not JSON ({reason}); write one JSON object a line") from None
    try:
        return read_result(row)
    except Unfinished as problem:
        return row["custom_id"], NoAnswer(problem.stopped)
    except Malformed as error:
        raise InputError(f"{place}: {error}") from None
