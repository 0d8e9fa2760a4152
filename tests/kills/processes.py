"""The processes of a trial: the server, and what is to be killed."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from tests.kills.folders import NOTES, SAID

ROOT = Path(__file__).parents[2]
# One thread each: a process that forks has no others, and sums come out alike.
_ENVIRONMENT = {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
_NOTHING: Mapping[str, str] = {}
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Service:
    """The test server as a process of its own."""

    def __init__(self, log: Path, faults: Mapping[str, object], **options: float) -> None:
        self._log, self._mark = log, 0
        flags = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
        command = ["-m", "tests.service.server", "--log", str(log), "--faults", json.dumps(faults), *flags]
        self._process = _python(*command, stdout=subprocess.PIPE)
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        assert self.url, "the server did not start"

    def rows(self) -> list[dict[str, Any]]:
        """Every request that came in so far."""
        rows = [json.loads(line) for line in self._log.read_bytes().split(b"\n")[:-1]]
        return [row for row in rows if "kind" in row]

    def mark(self) -> None:
        """From here on `came` looks."""
        self._mark = self._log.stat().st_size

    def came(self, kind: str) -> bool:
        """Whether a request of this kind has come in since the mark."""
        with self._log.open("rb") as file:
            file.seek(self._mark)
            return f'"kind": "{kind}"'.encode() in file.read()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


@contextmanager
def service(folder: Path, faults: Mapping[str, object], **options: float) -> Iterator[Service]:
    """A server for one trial, which logs into its folder; the folder is made for it."""
    folder.mkdir(parents=True)
    running = Service(folder / "service.jsonl", faults, **options)
    try:
        yield running
    finally:
        running.stop()


class Running(Protocol):
    """A process that may be killed: its id, and its exit code once it has ended."""

    pid: int

    def ended(self, timeout: float) -> int | None:
        """The exit code, minus the signal for one that was killed, or None if it still runs after so many seconds."""
        ...


def stop(running: Running, number: signal.Signals) -> int | None:
    """Send a signal and wait for the end; returns the exit code, or None if it had ended by itself before."""
    if running.ended(0) is not None:
        return None
    os.kill(running.pid, number)
    code = running.ended(60)
    assert code is not None, f"{number.name} did not end the process in a minute"
    return code


class Writing:
    """A writer that the nursery started."""

    def __init__(self, nursery: "Nursery") -> None:
        self._nursery, self._code = nursery, None
        word, pid = nursery.hear(60).split()
        assert word == "writer"
        self.pid = int(pid)
        self._ended(nursery.hear(60))  # begun, or ended before that

    def ended(self, timeout: float) -> int | None:
        if self._code is None and self._nursery.speaks(timeout):
            self._ended(self._nursery.hear(1))
        return self._code

    def _ended(self, line: str) -> None:
        if line != "begun":
            word, code = line.split()
            assert word == "ended"
            self._code = int(code)


class Nursery:
    """Where writers come from. Use it as a context manager; it has one writer at a time."""

    def __enter__(self) -> Self:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = _python("-m", "tests.kills.nursery", environment=_ONE_THREAD, **pipes)
        self._heard = b""
        assert self.hear(120) == "ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:  # a test has failed while its writer runs
            self._process.kill()
            self._process.wait()

    def start(self, folder: Path) -> Writing:
        """A writer, once it is about to open its ledger."""
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()
        return Writing(self)

    def speaks(self, timeout: float) -> bool:
        """Whether there is a line to hear within so many seconds."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._heard:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            said = os.read(self._process.stdout.fileno(), 4096) if ready else b""
            if not said:
                return False
            self._heard += said
        return True

    def hear(self, timeout: float) -> str:
        """The next line."""
        assert self.speaks(timeout), "the nursery does not speak"
        line, self._heard = self._heard.split(b"\n", 1)
        return line.decode()


class Command:
    """The whole command, with a note of its requests taken; what it says goes to a file."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        command = ["-m", "tests.kills.noted", str(folder / NOTES), *map(str, arguments)]
        with (folder / SAID).open("ab") as said:
            self._process = _python(*command, cwd=folder, stdout=said, stderr=said)
        self.pid = self._process.pid

    def ended(self, timeout: float) -> int | None:
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None


def _python(*command: str, environment: Mapping[str, str] = _NOTHING, **options: Any) -> subprocess.Popen:
    given = {"cwd": ROOT, "text": True, "env": {**os.environ, **_ENVIRONMENT, **environment}, **options}
    return subprocess.Popen([sys.executable, *command], **given)
