"""Commands that start at once: a server imports everything, then forks a process for each command.

What a command does is what `python -m builder.cli.main` does, in a process of its own with its own streams, folder and
environment. Spared are the seconds of imports, and at the end, after the exit handlers, the taking apart of all that was
imported. `python -m tests.forked FD` serves on a socket that it inherits.
"""

import atexit
import gc
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGKILL

_MOST = 1 << 20


class Server:
    """Starts when it is first asked for something, and ends with the process that asks."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self._root, self._environment = root, environment
        self._socket: socket.socket | None = None

    def run(
        self, arguments: Sequence[str], cwd: Path | None, environment: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end.

        Raises:
            subprocess.TimeoutExpired: if it has not ended by then; it is killed.
        """
        asked = {"arguments": arguments, "cwd": str(cwd or Path.cwd()), "environment": dict(environment)}
        channel = self._started()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            socket.send_fds(channel, [json.dumps(asked).encode()], [out.fileno(), err.fileno()])
            pid = int(channel.recv(_MOST))
            ready, _, _ = select.select([channel], [], [], timeout)
            if not ready:
                os.kill(pid, SIGKILL)
            code = int(channel.recv(_MOST))
            channel.send(b"bury")  # until here its process id is nobody else's
            said = [stream.read().decode() for stream in (out, err) if stream.seek(0) == 0]
        if not ready:
            raise subprocess.TimeoutExpired(list(arguments), timeout, *said)
        return subprocess.CompletedProcess(list(arguments), code, *said)

    def stop(self) -> None:
        """End the server, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._process.wait()

    def _started(self) -> socket.socket:
        if self._socket is None:
            self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
                cwd=self._root, env=self._environment, pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            theirs.close()
        return self._socket


def serve(channel: socket.socket) -> None:
    """Fork a process for each command that is asked for; returns in that process, and in none once nobody asks."""
    _import_everything()
    gc.freeze()
    while True:
        data, streams, _, _ = socket.recv_fds(channel, _MOST, 2)
        if not data:
            os._exit(0)
        child = os.fork()
        if not child:
            channel.close()
            _become(json.loads(data), streams)
            return
        for stream in streams:
            os.close(stream)
        channel.send(str(child).encode())
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        channel.send(str(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status).encode())
        channel.recv(_MOST)
        os.waitpid(child, 0)


def _import_everything() -> None:
    """All that any command comes to import, some of it only when a model is loaded."""
    import anthropic  # noqa: F401
    import faiss  # noqa: F401
    import httpx2  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import spacy
    import torch

    import builder.distill
    import builder.emit
    import builder.estimate
    import builder.pipeline  # noqa: F401
    from builder.measure import load_embedder

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a pool of threads would be lost in a fork
    load_embedder()
    torch.set_num_threads(threads)
    spacy.blank("xx")


def _become(asked: Mapping[str, object], streams: Sequence[int]) -> None:
    """Take on the streams, the environment, the folder and the arguments of a command."""
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(asked["environment"])  # type: ignore[call-overload]
    os.chdir(str(asked["cwd"]))
    sys.argv = ["exempla", *asked["arguments"]]  # type: ignore[misc]


def _be_command() -> None:
    from builder.cli import main

    try:
        main.run()
    except SystemExit as end:
        threading._shutdown()  # type: ignore[attr-defined]  # as an interpreter does that ends
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(int(end.code or 0))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
    _be_command()
