"""Notes what a process asks: the ledger's key of every request beside the hash by which the test server logs it.

`python -m tests.kills.noted FILE VERB ...` is the real command with that note taken.
"""

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from builder.hashing import canonical_json, sha256_text
from builder.model import Ledger, Reply, Request


def note_requests(path: Path) -> None:
    """From now on write down each request before it is looked up in the ledger, and so before it can be sent."""
    known = set(read_notes(path))
    find_all = Ledger.find_all

    def noting(ledger: Ledger, requests: Sequence[Request]) -> list[Reply | None]:
        new = [request for request in requests if request.key not in known]
        if new:
            # A kill may tear what is written, so every piece begins on a line of its own.
            lines = [json.dumps({"key": request.key, "body": _body_sha256(request)}) for request in new]
            with path.open("ab", buffering=0) as file:
                file.write("\n".join(["", *lines, ""]).encode())
            known.update(request.key for request in new)
        return find_all(ledger, requests)

    Ledger.find_all = noting


def read_notes(path: Path) -> dict[str, str]:
    """The server's hash of each request by its key."""
    notes = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        notes[row["key"]] = row["body"]
    return notes


def _body_sha256(request: Request) -> str:
    messages = [{"role": role, "content": text} for role, text in request.turns]
    return sha256_text(canonical_json({"model": request.model, "system": request.system, "messages": messages}))


if __name__ == "__main__":
    from builder.cli.main import run

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    note_requests(Path(sys.argv.pop(1)))
    run()
