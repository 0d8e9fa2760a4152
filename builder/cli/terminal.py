"""How a command speaks: words and progress to stderr, results to stdout, one JSON object with `--json`."""

import json
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

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
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, float] = {}
        self._spoke: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Told that `done` of `total` of a step are finished."""
        now = time.monotonic()
        began = self._began.setdefault(step, now)
        if total <= 0 or now - began < _PATIENCE:
            return
        if sys.stderr.isatty():
            self._bar(step, done, total)
        elif now - self._spoke.get(step, 0) >= _LINE_EVERY or (done == total and step in self._spoke):
            self._spoke[step] = now
            say(f"{step}: {done} of {total}, {now - began:.0f} s")

    def _bar(self, step: str, done: int, total: int) -> None:
        if self._bars is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description:>14}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bars.start()
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total)
        self._bars.update(self._tasks[step], completed=done, total=total)
