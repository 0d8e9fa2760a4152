"""What verification asks of every row, and how what it finds stays readable."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from builder.emit.counts import Holdings
from builder.emit.rows import TEXT, document_id
from builder.emit.scan import find_injected, published_strings
from builder.injected import InjectedScan
from builder.records import Message

_SHOWN = 10


class Problems:
    """Sentences by the check that found them; beyond the first ten of a check only their number is kept."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}
        self._beyond: dict[str, int] = {}

    def add(self, check: str, sentence: str) -> None:
        """Record a problem that a check found."""
        shown = self._found.setdefault(check, [])
        if len(shown) < _SHOWN:
            shown.append(sentence)
        else:
            self._beyond[check] = self._beyond.get(check, 0) + 1

    def __bool__(self) -> bool:
        return bool(self._found)

    def sentences(self) -> list[str]:
        """All of them, check by check."""
        sentences: list[str] = []
        for check, shown in self._found.items():
            more = self._beyond.get(check, 0)
            sentences += [*shown, *([f"and {more} more problems of this kind: {check}"] if more else [])]
        return sentences


class RowChecks:
    """Takes the rows of all shards one by one and keeps what their counts must agree with."""

    def __init__(self, problems: Problems, evals: Mapping[str, Callable[[str], bool]], injected: InjectedScan) -> None:
        self._problems, self._evals, self._injected = problems, evals, injected
        self._ids: Counter[str] = Counter()
        self._holdings = Holdings()

    def take(self, shard: str, family: str, layout: str, rows: Iterator[Mapping[str, Any]]) -> int:
        """Check the rows of a shard and return how many there were."""
        count = 0
        for row in rows:
            place = f"{shard} row {count}"
            count += 1
            self._ids[row["id"]] += 1
            self._holdings.add({**row, "family": family}, layout)
            if row["family"] != family:
                self._problems.add("family", f"{place} is of family {row['family']}")
            if not _has_content_id(row, layout):
                self._problems.add("id", f"{place}: the id {row['id']} is not that of its content")
            self._scan(place, row)
        return count

    def holdings(self) -> dict[str, Any]:
        """What all rows taken so far hold."""
        return self._holdings.json()

    def report_repeated_ids(self) -> None:
        """Add a problem for every id that came twice."""
        for name, count in sorted(self._ids.items(), key=str):
            if count > 1:
                self._problems.add("unique ids", f"the id {name} occurs {count} times")

    def _scan(self, place: str, row: Mapping[str, Any]) -> None:
        # The eval's words are not repeated here: a report on a leak must not leak.
        strings = list(published_strings(row)) if self._evals else []
        for name, holds in self._evals.items():
            column = next((column for column, string in strings if holds(string)), None)
            if column:
                sentence = f"{place} (document {row['id']}) holds text of {name} in {column}"
                self._problems.add("eval text", sentence)
        found = find_injected(self._injected, row)
        if found:
            sentence = f"{place} (document {row['id']}) holds an injected prompt in {found[0]}: '{found[1]}'"
            self._problems.add("injected prompts", sentence)


def _has_content_id(row: Mapping[str, Any], layout: str) -> bool:
    if layout == TEXT:
        return row["text"] is not None and row["id"] == document_id(row["text"])
    turns = [Message(turn["role"], turn["content"]) for turn in row["messages"] or () if turn]
    return bool(turns) and row["id"] == document_id(messages=turns)
