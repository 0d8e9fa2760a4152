"""How a command speaks: words and progress to stderr, results to stdout, one JSON object with `--json`."""

import json
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from builder.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_PATIENCE = 2.0
_LINE_EVERY = 5.0

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object with a `state` to stdout.")]


def result(state: str, facts: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print a command's result."""
    print(json.dumps({"state": state, **facts}, ensure_ascii=False) if as_json else text)


def say(sentence: str) -> None:
    """A word to the user, beside the results."""
    print(sentence, file=sys.stderr)


class Watcher:
    """Shows progress of steps that take more than two seconds: bars on a terminal, lines elsewhere."""

    def __init__(self) -> None:
        self._bars: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, float] = {}
        self._first: dict[str, int] = {}
        self._spoke: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        """Told how far a step is, or what the user should know."""
        if progress.said:
            self._say(progress.said)
            return
        now = time.monotonic()
        step = progress.step
        began = self._began.setdefault(step, now)
        self._first.setdefault(step, progress.done)
        if progress.total <= 0 or now - began < _PATIENCE:
            return
        if sys.stderr.isatty():
            self._bar(progress)
        elif now - self._spoke.get(step, 0) >= _LINE_EVERY or (progress.done == progress.total and step in self._spoke):
            self._spoke[step] = now
            say(f"{step}: {progress.done} of {progress.total}{self._details(progress, now)}")

    def _say(self, sentence: str) -> None:
        if self._bars:
            self._bars.console.print(sentence, highlight=False)
        else:
            say(sentence)

    def _details(self, progress: Progress, now: float) -> str:
        passed = now - self._began[progress.step]
        return "".join(f", {part}" for part in [_time(passed), *described(progress), *self._left(progress, passed)])

    def _left(self, progress: Progress, passed: float) -> list[str]:
        done = progress.done - self._first[progress.step]
        if progress.dollars is None or not done or progress.done >= progress.total:
            return []
        return [f"{_time(passed / done * (progress.total - progress.done))} left"]

    def _bar(self, progress: Progress) -> None:
        if self._bars is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bars

            columns = (
                TextColumn("{task.description:>14}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[details]}"),
            )
            self._bars = Bars(*columns, console=Console(stderr=True), transient=True)
            self._bars.start()
        step = progress.step
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=progress.total, details="")
        details = ", ".join(described(progress))
        self._bars.update(self._tasks[step], completed=progress.done, total=progress.total, details=details)


def described(progress: Progress) -> list[str]:
    """What is to be said of a step beside how far it is, in a few words each."""
    parts = []
    if progress.in_flight:
        parts.append(f"{progress.in_flight} in flight")
    if progress.kept is not None:
        parts.append(f"{progress.kept} kept")
    if progress.refused:
        parts.append(f"{progress.refused} refused")
    if progress.tokens and any(progress.tokens):
        parts.append(f"{_count(progress.tokens[0])} tokens in, {_count(progress.tokens[1])} out")
    if progress.dollars or progress.uncertain:
        whole = f" of about ${progress.projected:,.2f}" if progress.projected else ""
        unsure = f" and up to ${progress.uncertain:,.2f} unconfirmed" if progress.uncertain else ""
        parts.append(f"${progress.dollars or 0:,.2f}{unsure}{whole}")
    return parts


def _count(number: int) -> str:
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
