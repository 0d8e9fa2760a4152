"""What kills do to calls and money: writers killed with their calls on the wire and in batches, and whole commands.

    python benchmarks/kills.py [--writers 50] [--batches 20] [--commands 3] [--seed 0]

Every kill is a SIGKILL of a real process that speaks over HTTP to a server in another (tests/service, with faults of
its own). Afterwards the build is let finish, and the server's log, the ledger after each kill and what came out are
compared with one another and with a build that nobody killed. The same code is run by tests/kills.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.kills.counts import Counts  # noqa: E402
from tests.kills.harness import kill_batches, kill_commands, kill_writing  # noqa: E402


def main() -> None:
    options = arguments()
    run("the writer, one request for one call", kill_writing, options.writers, options.seed)
    run("the writer, in batches", kill_batches, options.batches, options.seed)
    run("the whole command", kill_commands, options.commands, options.seed)


def run(title: str, kill: Callable[..., Counts], kills: int, seed: int) -> None:
    if not kills:
        return
    print(f"{title}:")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        counts = kill(Path(place), kills, seed, say=lambda sentence: print(f"  {sentence}"))
    report(counts)
    print(f"  took {time.perf_counter() - began:.0f} s\n")


def report(counts: Counts) -> None:
    others = "".join(f", {n} ended with exit code {code}" for code, n in sorted(counts.codes.items()))
    anew = f", {counts.submitted_anew} submitted anew as their batch never got there" if counts.submitted_anew else ""
    stops = f"; met {counts.cap_stops} times and raised" if counts.cap_stops else ""
    for name, value in {
        "kills": f"{counts.kills}{others}; {counts.in_flight_kills} of all hit calls in flight",
        "requests received": f"{counts.received:,}",
        "calls completed": f"{counts.completed:,}",
        "in flight at kills": f"{counts.in_flight:,}, at most {counts.most_in_flight} at one{anew}",
        "of those sent again": f"{counts.sent_again:,}",
        "completed sent again": counts.completed_again,
        "lost": counts.lost,
        "requests or attempts without the other": counts.strays,
        "differing from an uninterrupted build": counts.differing,
        "billed by the server": f"${counts.billed:.4f}",
        "charged in the ledger": f"${counts.charged:.4f}, ${counts.uncertain:.4f} of it without an answer",
        "cap": f"${counts.cap:.2f}{stops}; passed {counts.over_cap} times",
        "moments with more billed than charged": counts.unpaid,
        "lost in flight and not charged": counts.released,
        "tracebacks": counts.crashed,
    }.items():
        print(f"  {name:<40} {value}")
    for window, hits in sorted(counts.windows.items()):
        print(f"  {'killed with a batch ' + window:<60} {hits}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--writers", type=int, default=50)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--commands", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
