"""What all tests share: the real inputs, and a home of their own so that no user cache is touched."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from tests.forked import Server

# No deadline: machines are shared and noisy. In CI the examples are fixed, so that a red run is a change's own doing.
settings.register_profile("exempla", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("exempla")

CHECKOUT = Path(__file__).resolve().parents[1]
REAL = CHECKOUT.parent / "shared" / "real"

# The files that take longest. Each goes to one worker as a whole, so one that came last would leave the other idle.
LONGEST = (
    "kills/test_kills.py", "cli/test_bad_input.py", "test_end_to_end.py", "model/test_pace.py", "test_real_distance.py",
    "model/test_cap.py", "cli/test_commands.py", "model/test_batch_trouble.py", "model/test_batch_rounds.py",
    "screen/test_eval_distance.py", "test_files_build.py", "kills/test_interrupted.py", "emit/test_round_trip.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, in this order; all others as they were found."""
    places = {CHECKOUT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real inputs beside the checkout."""
    if not REAL.is_dir():
        pytest.skip("the real inputs are not beside this checkout")
    return REAL


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder for the whole session, shared by its workers, so that vectors are computed once."""
    base = tmp_path_factory.getbasetemp()
    home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "home"
    home.mkdir(exist_ok=True)
    return home


@pytest.fixture(scope="session", autouse=True)
def _home(shared_cache: Path) -> None:
    os.environ["HOME"] = str(shared_cache)


@cache
def compute_shipped_vectors(home: Path) -> None:
    """What the fixture `shipped_vectors` is for; whoever comes second waits for the first."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    from builder.inputs import background_texts, cache_folder
    from builder.measure import load_embedder
    from builder.measure.instrument import Instrument
    from builder.read import read_eval

    with (home / "vectors.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if lock.read():
            return
        evals = [read_eval(name) for name in ("agentic-misalignment", "research-sabotage", "framing")]
        texts = [message.text for eval_ in evals for item in eval_.items for message in item.messages]
        Instrument(load_embedder(cache_dir=cache_folder())).read([*background_texts(), *texts])
        lock.write("computed")


class Exempla:
    """Runs the real command in a process of its own, which is forked from one that has everything imported."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._environment = {**os.environ, "HOME": str(home), "PYTHONPATH": str(CHECKOUT), "NO_COLOR": "1"}
        self._server = Server(CHECKOUT, self._environment)

    def command(self, *arguments: object) -> list[str]:
        self._prepare(*arguments)
        return [sys.executable, "-m", "builder.cli.main", *map(str, arguments)]

    def __call__(
        self, *arguments: object, cwd: Path | None = None, timeout: float = 900
    ) -> subprocess.CompletedProcess[str]:
        if sys.platform != "linux":  # elsewhere a fork may not survive the libraries
            return self.anew(*arguments, cwd=cwd, timeout=timeout)
        self._prepare(*arguments)
        return self._server.run([*map(str, arguments)], cwd, self._environment, timeout)

    def anew(
        self, *arguments: object, cwd: Path | None = None, timeout: float = 900, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """The same from the start of the interpreter, which some variables of the environment must reach."""
        return subprocess.run(
            self.command(*arguments), cwd=cwd, env={**self._environment, **environment}, capture_output=True,
            text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def start(self, *arguments: object, cwd: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments), cwd=cwd, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def _prepare(self, *arguments: object) -> None:
        if arguments and arguments[0] in ("build", "distance"):  # the verbs that embed
            compute_shipped_vectors(self._home)

    def stop(self) -> None:
        """End the process that commands are forked from."""
        self._server.stop()

    def modules_after(self, *arguments: str) -> set[str]:
        """The top-level modules that the command has loaded when it ends."""
        code = "import sys, builder.cli.main as m\ntry: m.run()\nfinally: print(*{n.split('.')[0] for n in sys.modules}, file=sys.stderr)"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return set(done.stderr.split())


@pytest.fixture(scope="session")
def shipped_vectors(_home: None, shared_cache: Path) -> None:
    """In a run of several workers, the vectors of the shipped background and evals, computed by one for all of them."""
    compute_shipped_vectors(shared_cache)


@pytest.fixture(scope="session")
def exempla(_home: None, shared_cache: Path) -> Iterator[Exempla]:
    commands = Exempla(shared_cache)
    yield commands
    commands.stop()
