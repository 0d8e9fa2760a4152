"""What a build will cost before it is begun: tokens, dollars and hours per stage, with the basis of every figure.

A figure is `measured` where the build's ledger holds at least a few answered calls of that stage, `counted` where it
comes from prompts rendered from the plan, and `assumed` otherwise. Nothing is asked of any model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import fmean

from builder.config import BuildConfig
from builder.ideas import rounds
from builder.model import Measured, Price, Prices, Request, Usage, dollars
from builder.plan import TOKENS_PER_WORD, Brief
from builder.write import STAGES, Content, Writer

SAMPLE = 40  # briefs whose prompts are rendered to count their words
# What is assumed until a smoke run has shown better.
IDEAS_PER_BRIEF = 1.15
PASSED = {"idea": 1.0, "draft": 0.99, "rewrite": 0.99, "review": 0.98}  # briefs that reach a stage, of the stage before
SECONDS_TO_START, TOKENS_PER_SECOND = 2.0, 60.0
BATCH_HOURS = 1.0  # how long a round of batches takes; the service promises a day at most
BATCH_READ = 0.6  # share of a batch's prefixes that are read from the cache; the service speaks of 0.3 to 0.98
_OUTPUT = {"idea": 190, "review": 700}  # tokens; drafts and rewrites are as long as the brief says
_IDEA_WORDS = 110
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

    def projected(self, step: str, done: int, known: float) -> float | None:
        """What the build may come to in dollars, with `done` calls of a step answered and `known` spent so far."""
        names = [f"{stage.stage}s" for stage in self.stages]
        if step not in names:
            return None
        now = self.stages[names.index(step)]
        left = max(now.calls - done, 0) / max(now.calls, 1) * now.dollars
        return known + left + sum(stage.dollars for stage in self.stages[names.index(step) + 1 :])


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
    prefixes = len(config.families)
    stages = []
    reaching = float(len(briefs))
    for stage in STAGES:
        seen = measured.get(stage)
        calls, basis_calls, reaching = _calls(stage, reaching, measured)
        if seen and seen.calls >= _LEAST:
            means, basis = Counted(seen.prefix, seen.own, seen.output), f"measured on {seen.calls} calls"
        else:
            means, basis = count_prompts(stage, briefs, writer), _counted_basis(briefs)
        price = prices.price_of(config.models[stage])
        read = seen.read if batch and seen and seen.read is not None else BATCH_READ
        cost = stage_cost(price, means, calls, prefixes=prefixes, cached=cached, batched=batch, read=read)
        barriers = len(list(rounds(briefs))) if stage == "idea" else 1
        hours, basis_hours = (
            _batch_hours(barriers) if batch else _live_hours(seen, means, calls, config.model.concurrency)
        )
        stages.append(
            StageEstimate(
                stage,
                config.models[stage],
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


def count_prompts(stage: str, briefs: Sequence[Brief], writer: Writer) -> Counted:
    """Mean tokens of a stage's calls, from rendered prompts of the plan's first briefs, which are a sample of it."""
    sample = briefs[:SAMPLE]
    requests = [_request(stage, brief, writer) for brief in sample]
    return Counted(
        prefix=fmean(_tokens(request.system) for request in requests),
        own=fmean(_tokens(request.user) for request in requests),
        output=fmean(_OUTPUT.get(stage) or brief.words * TOKENS_PER_WORD for brief in sample),
    )


def _request(stage: str, brief: Brief, writer: Writer) -> Request:
    text = Content(text="word " * brief.words)
    if stage == "idea":
        return writer.idea(brief, 0, [], None)
    if stage == "draft":
        return writer.draft(brief, "word " * _IDEA_WORDS)
    return writer.rewrite(brief, text) if stage == "rewrite" else writer.review(brief, text)


def _calls(stage: str, reaching: float, measured: Mapping[str, Measured]) -> tuple[int, str, float]:
    """A stage's calls, their basis, and how many briefs reach it."""
    seen, before = measured.get(stage), measured.get(STAGES[STAGES.index(stage) - 1]) if stage != "idea" else None
    if stage == "idea":
        if seen and seen.briefs >= _LEAST:
            rate = seen.calls / seen.briefs
            return round(reaching * rate), f"measured: {rate:.2f} ideas a brief", reaching
        return round(reaching * IDEAS_PER_BRIEF), f"assumed: {IDEAS_PER_BRIEF} ideas a brief", reaching
    if seen and before and before.briefs >= _LEAST:
        rate = min(seen.briefs / before.briefs, 1.0)
        return round(reaching * rate), f"measured: {rate:.0%} come this far", reaching * rate
    rate = PASSED[stage]
    return round(reaching * rate), f"assumed: {rate:.0%} come this far", reaching * rate


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
