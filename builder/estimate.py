"""What a build will cost before it is begun: tokens, dollars and hours per stage, with the basis of every figure.

A figure is `measured` where the build's ledger holds at least a few answered calls of that stage, `counted` where it
comes from prompts rendered from the plan, and `assumed` otherwise. Nothing is asked of any model.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import fmean

from builder.config import BuildConfig
from builder.ideas import groups, rounds
from builder.model import Measured, Price, Prices, Request, Usage, dollars
from builder.plan import TOKENS_PER_WORD, Brief
from builder.write import STAGE_OF, Writer, with_decks
from builder.write.proof import sample_requests

SAMPLE = 40  # briefs whose prompts are rendered to count their words
# What is assumed until a smoke run has shown better.
PASSED = 0.99  # briefs that reach a call, of those that were planned
SECONDS_TO_START, TOKENS_PER_SECOND = 2.0, 60.0
BATCH_HOURS = 1.0  # how long a round of batches takes; the service promises a day at most
BATCH_READ = 0.6  # share of a batch's prefixes that are read from the cache; the service speaks of 0.3 to 0.98
# Tokens of an answer; those of drafts, answers and rewrites are as many as the brief says.
_OUTPUT = {"idea": 160, "review": 700, "judge": 120, "prompt": 220, "trial": 450, "revise": 320, "follow_up": 90}
_FIRST = ("draft", "prompt", "judge")  # the first call of a brief after its idea
_LEAST = 5  # answered calls of a stage from which its means are taken


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """One stage. `basis` says of `calls`, `tokens` and `hours` where each comes from; dollars follow from tokens."""

    stage: str
    model: str
    calls: int
    tokens_in: int
    tokens_out: int
    dollars: float
    hours: float
    basis: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A whole build. `prices_as_of` is None where nothing costs anything."""

    briefs: int
    tokens: int
    stages: tuple[StageEstimate, ...]
    prices_as_of: str | None
    notes: tuple[str, ...] = field(default=())

    @property
    def dollars(self) -> float:
        """The sum over the stages."""
        return sum(stage.dollars for stage in self.stages)

    @property
    def hours(self) -> float:
        """The sum over the stages, which come one after another."""
        return sum(stage.hours for stage in self.stages)

    def projected(self, answered: Mapping[str, int], known: float) -> float:
        """What the build may come to in dollars, from the calls answered of each stage and what is spent so far."""
        left = 0.0
        for stage in self.stages:
            left += max(stage.calls - answered.get(stage.stage, 0), 0) / max(stage.calls, 1) * stage.dollars
        return known + left


@dataclass(frozen=True, slots=True)
class Counted:
    """Mean tokens of a stage's calls: the shared prefix, the call's own part, and the answer."""

    prefix: float
    own: float
    output: float


def estimate(
    config: BuildConfig,
    briefs: Sequence[Brief],
    writer: Writer,
    prices: Prices,
    measured: Mapping[str, Measured],
    *,
    cached: bool = True,
    batched: bool | None = None,
) -> Estimate:
    """Estimate a build of these briefs.

    `measured` is what a ledger says of each stage's calls. `cached` and `batched` are for comparing ways of sending;
    by default prefixes are cached, and batches are used where the backend is one of batches.
    """
    batch = config.model.backend == "anthropic-batches" if batched is None else batched
    sample = sample_calls(briefs, writer, config.ablate)
    families = len({brief.family for brief in briefs})
    begun = sum(measured[name].briefs for name in _FIRST if name in measured)
    stages = []
    for stage, prompts in sample.items():
        seen = measured.get(stage)
        calls, basis_calls = _calls(seen, begun, len(briefs), prompts)
        if seen and seen.calls >= _LEAST:
            means, basis = Counted(seen.prefix, seen.own, seen.output), f"measured on {seen.calls} calls"
        else:
            means, basis = prompts.means, _counted_basis(briefs)
        model = config.models[STAGE_OF[stage]]
        price = prices.price_of(model)
        read = seen.read if batch and seen and seen.read is not None else BATCH_READ
        cost = stage_cost(price, means, calls, prefixes=families, cached=cached, batched=batch, read=read)
        barriers = len(list(rounds(briefs))) if stage == "idea" else prompts.rounds
        hours, basis_hours = (
            _batch_hours(barriers) if batch else _live_hours(seen, means, calls, config.model.concurrency)
        )
        stages.append(
            StageEstimate(
                stage,
                model,
                calls,
                round(calls * (means.prefix + means.own)),
                round(calls * means.output),
                dollars(cost),
                hours,
                {"calls": basis_calls, "tokens": basis, "hours": basis_hours},
            )
        )
    as_of = prices.as_of.isoformat() if prices.as_of else None
    return Estimate(len(briefs), sum(brief.tokens for brief in briefs), tuple(stages), as_of)


def stage_cost(
    price: Price,
    means: Counted,
    calls: int,
    *,
    prefixes: int,
    cached: bool,
    batched: bool,
    read: float = BATCH_READ,
) -> int:
    """What a stage's calls cost, in picodollars.

    Each of its `prefixes` is written to the cache at least once; in batches all but the share `read` are written anew.
    """
    prefix, own, output = ceil(means.prefix), ceil(means.own), ceil(means.output)
    if not cached or prefix < (price.cache_minimum or 0):
        return calls * price.cost(Usage(input=prefix + own, output=output), batch=batched)
    written = max(min(prefixes, calls), ceil(calls * (1 - read)) if batched else 0)
    writes = written * price.cost(Usage(input=own, output=output, cache_write=prefix), batch=batched)
    return writes + (calls - written) * price.cost(Usage(own, output, cache_read=prefix), batch=batched)


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a plan's first briefs say of one kind of call: how many a brief, in how many rounds, their means."""

    per_brief: float
    rounds: int
    means: Counted


def sample_calls(briefs: Sequence[Brief], writer: Writer, ablate: Sequence[str] = ()) -> dict[str, Sampled]:
    """Every kind of call that the plan's first briefs, which are a sample of it, lead to, from rendered prompts."""
    sample = briefs[:SAMPLE]
    found: dict[str, list[tuple[Request, float]]] = {}
    rounds_: Counter[str] = Counter()
    for group in groups([brief for brief in sample if with_decks([brief.family])]):
        request = writer.ideas(group, 0, [], {})
        found.setdefault("idea", []).append((request, _OUTPUT["idea"] * len(group)))
    for brief in sample:
        asked: Counter[str] = Counter()
        for request in sample_requests(brief, writer, ablate):
            if request.stage != "idea":
                output = _OUTPUT.get(request.stage) or brief.words * TOKENS_PER_WORD
                found.setdefault(request.stage, []).append((request, output))
                asked[request.stage] += 1
        rounds_ |= asked
    return {
        stage: Sampled(len(calls) / len(sample), rounds_[stage], _means(calls))
        for stage in STAGE_OF
        if (calls := found.get(stage))
    }


def _means(calls: Sequence[tuple[Request, float]]) -> Counted:
    shared = [_tokens(request.system) if request.shared else 0.0 for request, _ in calls]
    whole = [_tokens(request.system) + sum(_tokens(text) for _, text in request.turns) for request, _ in calls]
    return Counted(fmean(shared), fmean(whole) - fmean(shared), fmean(output for _, output in calls))


def _calls(seen: Measured | None, begun: int, briefs: int, prompts: Sampled) -> tuple[int, str]:
    """How many calls of one kind a plan takes, and what that rests on."""
    if seen and begun >= _LEAST:
        rate = seen.calls / begun
        return round(briefs * rate), f"measured: {rate:.2f} a brief"
    return round(briefs * prompts.per_brief * PASSED), f"assumed: {prompts.per_brief * PASSED:.2f} a brief"


def _batch_hours(rounds_: int) -> tuple[float, str]:
    each = f"{rounds_} rounds, " if rounds_ > 1 else ""
    return BATCH_HOURS * rounds_, f"assumed: {each}{BATCH_HOURS:.0f} h a round of batches"


def _live_hours(seen: Measured | None, means: Counted, calls: int, concurrency: int) -> tuple[float, str]:
    if seen and seen.calls >= _LEAST and seen.seconds:
        return calls * seen.seconds / concurrency / 3600, f"measured: {seen.seconds:.1f} s a call"
    seconds = SECONDS_TO_START + means.output / TOKENS_PER_SECOND
    return calls * seconds / concurrency / 3600, f"assumed: {TOKENS_PER_SECOND:.0f} tokens a second"


def _counted_basis(briefs: Sequence[Brief]) -> str:
    return f"counted on {min(SAMPLE, len(briefs))} prompts at {TOKENS_PER_WORD} tokens a word, answers assumed"


def _tokens(text: str) -> float:
    return len(text.split()) * TOKENS_PER_WORD
