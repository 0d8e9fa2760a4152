"""Starts writers at once: everything is imported and planned before it forks.

`python -m tests.kills.nursery` prints `ready`. For each line that it reads, a folder, it forks a writer, which prints
its process id and, before it opens the ledger, `begun`; the nursery prints its exit status once it has ended. The dead
one is buried when the next line comes, so that until then its process id is nobody else's.
"""

import gc
import os
import signal
import sys
from pathlib import Path

import anthropic  # noqa: F401 - imported before the fork, not after it
import faiss  # noqa: F401
import httpx2  # noqa: F401

from builder.config import load_project
from builder.inputs import open_inputs
from tests.kills import writer
from tests.kills.folders import SAID


def main() -> None:
    """Serve until there is nothing more to read."""
    open_inputs(load_project(None))
    writer.planned(0)
    gc.freeze()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    _tell("ready")
    dead = None
    for line in iter(sys.stdin.readline, ""):
        if dead is not None:
            os.waitpid(dead, 0)
        child = os.fork()
        if not child:
            _be_writer(Path(line.strip()))
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        dead = child
        _tell(f"ended {ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status}")


def _be_writer(folder: Path) -> None:
    _tell(f"writer {os.getpid()}")
    begun = os.dup(1)
    with (folder / SAID).open("ab") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    os.close(0)
    writer.main(folder, begun)


def _tell(word: str) -> None:
    os.write(1, f"{word}\n".encode())


if __name__ == "__main__":
    main()
