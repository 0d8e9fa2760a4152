"""What a 3 M token corpus costs from the shipped constitution: the plain loop, then each lever, then all of them.

    python benchmarks/cost.py [--tokens 3000000] [--model claude-sonnet-4-6] [--build corpus/default]

Prompts are rendered from the real plan and counted; answers are as long as the briefs say. What screens turn down is
measured from a build's manifest. The plain loop sends every prompt whole, at the full price, and finds out that an idea
was a repeat only when the document is finished and paid for. Both have the same review pass rate, and each figure is
for as many accepted documents, so that a lever which only moves a rejection earlier counts for what it saves.

How many prefixes a batch reads from the cache is the service's affair (its documentation speaks of 30 to 98 %) and
cannot be measured without it, so several shares are printed.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from builder.config import BuildConfig, Project  # noqa: E402
from builder.estimate import BATCH_READ, PASSED, count_prompts, stage_cost  # noqa: E402
from builder.inputs import open_inputs  # noqa: E402
from builder.model import Prices, dollars  # noqa: E402
from builder.write import STAGES, Writer  # noqa: E402


@dataclass(frozen=True)
class Way:
    """A way of sending: which levers are used."""

    name: str
    cached: bool = False
    batched: bool = False
    screened: bool = False
    read: float = BATCH_READ


WAYS = (
    Way("plain loop"),
    Way("cached prefixes alone", cached=True),
    Way("batches alone", batched=True),
    Way("ideas screened first alone", screened=True),
    Way("cached prefixes and screened ideas (live)", cached=True, screened=True),
    *(
        Way(f"all three, {read:.0%} of prefixes read in batches", cached=True, batched=True, screened=True, read=read)
        for read in (0.3, BATCH_READ, 0.9, 0.98)
    ),
)


def main() -> None:
    options = arguments()
    turned_down, attempts = idea_screen(options.build)
    config = BuildConfig(size={"tokens": options.tokens})
    inputs = open_inputs(Project(config, ROOT))
    briefs = inputs.briefs()
    writer = Writer(inputs.constitution, inputs.prompts, dict.fromkeys(STAGES, options.model))
    price = Prices.shipped().price_of(options.model)
    counted = {stage: count_prompts(stage, briefs, writer) for stage in STAGES}
    print(f"{len(briefs)} briefs, {sum(b.tokens for b in briefs):,} tokens planned; {options.model}")
    print(
        f"screens turn down {turned_down} of {attempts} ideas ({turned_down / attempts:.1%}), measured: {options.build}"
    )
    for stage, means in counted.items():
        print(f"  {stage}: {means.prefix:,.0f} shared and {means.own:,.0f} own tokens in, {means.output:,.0f} out")
    rejected = turned_down / attempts
    plain = 0.0
    for way in WAYS:
        cost = cost_of(way, counted, price, len(briefs), rejected, len(config.families))
        plain = plain or cost
        print(f"{way.name:<46} ${cost:>9,.2f}   {plain / cost:>5.2f}x cheaper than the plain loop")


def cost_of(way, counted, price, briefs, rejected, families) -> float:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Dollars for as many accepted documents as there are briefs, less what drafts, rewrites and reviews lose."""
    asked = briefs / (1 - rejected)  # ideas that have to be had
    total, reaching = 0, 0.0
    for stage in STAGES:
        if stage == "idea":
            calls, reaching = asked, briefs if way.screened else asked
        else:
            reaching *= PASSED[stage]
            calls = reaching
        total += stage_cost(
            price,
            counted[stage],
            round(calls),
            prefixes=families,
            cached=way.cached,
            batched=way.batched,
            read=way.read,
        )
    return dollars(total)


def idea_screen(build: Path) -> tuple[int, int]:
    """How many ideas a build's screens turned down, of how many."""
    manifest = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
    rows = manifest["screening"]["facts"]["idea attempts"]
    turned_down = sum(row["rejected"] for row in rows)
    return turned_down, turned_down + sum(row["kept"] for row in rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tokens", type=int, default=3_000_000)
    parser.add_argument("--model", default="claude-sonnet-4-6")
    parser.add_argument("--build", type=Path, default=ROOT / "corpus" / "default")
    return parser.parse_args()


if __name__ == "__main__":
    main()
