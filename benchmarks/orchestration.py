"""How near the live backend comes to what a server allows: a server of fixed latency, and one that limits the rate.

    python benchmarks/orchestration.py [--calls 6400] [--in-flight 64] [--latency 1.0] [--rate 50] [--seconds 120]

The server is a process of its own on this machine (tests/service), reached through the official client over HTTP, and
every call passes through the ledger with its reservation and its answer committed. Importing, opening the ledger and
opening the client lie outside the figures and are printed beside them.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
SYSTEM = "You are one of several writers. " + "The constitution says what it hopes for and why. " * 1700
MODEL = "claude-sonnet-4-6"


def main() -> None:
    began = time.perf_counter()
    from builder.model import Ledger, ModelConfig, Opening, Request, Spend, open_backend

    imported = time.perf_counter() - began
    options = arguments()
    requests = [
        Request("draft", f"b{number:05}", 0, MODEL, SYSTEM, f"Brief {number}. Please write it.", 1500)
        for number in range(options.calls)
    ]
    [request.key for request in requests]

    def run(url: str, log: Path, asked: list, folder: Path) -> tuple[float, float]:  # type: ignore[type-arg]
        """Seconds from the first request on the wire to the last answer, and the seconds to open everything."""
        began = time.perf_counter()
        config = ModelConfig(
            backend="anthropic", base_url=url, concurrency=options.in_flight,
            stages=dict.fromkeys(("idea", "draft", "rewrite", "review"), MODEL),
        )  # fmt: skip
        with Ledger(folder / "ledger.sqlite") as ledger:
            opening = Opening(config, Spend(dollars=1000), (MODEL,), ROOT, ROOT, folder, ledger, print)
            backend = open_backend(opening)
            opened = time.perf_counter() - began

            async def all_of_it() -> float:
                began, busy = time.perf_counter(), time.process_time()
                await backend.answer_round(asked, lambda index, reply: None, lambda: None)
                took = time.perf_counter() - began
                print(f"our processor time: {(time.process_time() - busy) / len(asked) * 1000:.1f} ms a call")
                await backend.close()
                return took

            return asyncio.run(all_of_it()), opened

    print(f"importing the model room: {imported:.2f} s; a request's body: {len(SYSTEM) // 1000} kB")
    if options.latency:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            url, server = start("--latency", options.latency, "--log", folder / "log.jsonl")
            took, opened = run(url, folder / "log.jsonl", requests, folder)
            server.terminate()
            ideal = options.in_flight / options.latency
            print(
                f"fixed latency {options.latency} s: {len(requests)} calls, {options.in_flight} in flight, "
                f"{took:.1f} s, "
                f"{len(requests) / took:.1f} calls a second, {len(requests) / took / ideal:.1%} of concurrency "
                f"/ latency ({ideal:.1f}); opening ledger and client {opened:.2f} s"
            )
    if options.rate:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            count = int(options.rate * options.seconds)
            url, server = start(
                "--latency", 0.5, "--rate", options.rate, "--burst", int(options.rate), "--log", folder / "log.jsonl"
            )
            took, _ = run(url, folder / "log.jsonl", requests[:count], folder)
            server.terminate()
            report_rate(folder / "log.jsonl", options.rate, count, took)


def report_rate(log: Path, rate: float, count: int, took: float) -> None:
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    calls = [row for row in rows if row.get("kind") == "message"]
    first = calls[0]["time"]
    after = [row for row in calls if row["time"] - first > 20]
    taken = [row for row in after if row["status"] == 200]
    span = after[-1]["time"] - after[0]["time"]
    refused = sum(row["status"] == 429 for row in after) / len(after)
    whole = sum(row["status"] == 429 for row in calls)
    print(
        f"token bucket of {rate} calls a second: {count} calls in {took:.1f} s; after 20 s of warm-up "
        f"{len(taken) / span:.1f} a second ({len(taken) / span / rate:.1%} of the permitted), {refused:.2%} refused; "
        f"{whole} refused in all"
    )


def start(*options: object) -> tuple[str, subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.service.server", "--port", "0", *map(str, options)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    found = re.search(r"http://\S+", server.stdout.readline())
    assert found
    return found.group(), server


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=6400)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds; 0 leaves this part out")
    parser.add_argument("--rate", type=float, default=50.0, help="calls a second; 0 leaves this part out")
    parser.add_argument("--seconds", type=float, default=120.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
