"""Estimates: every figure with its basis, from rendered prompts, and from a ledger once there is one."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from builder.config import BuildConfig, Project
from builder.estimate import BATCH_READ, Counted, Estimate, estimate, stage_cost
from builder.inputs import Inputs, open_inputs
from builder.model import Measured, Price, Prices, Usage, measure
from builder.model.account import Account
from builder.model.ledger import Ledger
from builder.model.protocol import Outcome, Reply, Request
from builder.write import STAGE_OF, STAGES
from tests.conftest import Exempla

MODEL = "claude-sonnet-4-6"
RATES = Price(name="m", input=3, output=15, cache_write=3.75, cache_read=0.3, batch=0.5, cache_minimum=1024)


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return opened()


def opened(**settings: Any) -> Inputs:
    model = {"backend": "anthropic", "stages": dict.fromkeys(STAGES, MODEL), "concurrency": 10}
    given: dict[str, Any] = {"size": {"tokens": 60_000}, "model": model, "spend": {"dollars": 5}, **settings}
    return open_inputs(Project(BuildConfig(evals=("framing",), **given), Path("/nowhere")))


def made(inputs: Inputs, measured: dict[str, Measured] | None = None, **ways: bool) -> Estimate:
    return estimate(inputs.config, inputs.briefs(), inputs.writer, Prices.shipped(), measured or {}, **ways)


def test_without_a_ledger_figures_are_counted_and_assumed(inputs: Inputs) -> None:
    found = made(inputs)
    assert [stage.stage for stage in found.stages] == list(STAGE_OF)
    assert found.briefs == len(inputs.briefs())
    for stage in found.stages:
        assert stage.basis["tokens"].startswith("counted on ") and stage.basis["hours"].startswith("assumed")
        assert stage.calls > 0 and stage.dollars > 0
        assert stage.stage in ("trial", "answer") or stage.tokens_in > 10_000 * stage.calls
    assert found.dollars == sum(stage.dollars for stage in found.stages)


def test_caching_and_batches_each_make_it_cheaper(inputs: Inputs) -> None:
    plain, cached = made(inputs, cached=False, batched=False), made(inputs, cached=True, batched=False)
    assert made(inputs, cached=False, batched=True).dollars == pytest.approx(plain.dollars / 2, rel=0.001)
    before, after = ({stage.stage: stage.dollars for stage in found.stages} for found in (plain, cached))
    assert after["draft"] < before["draft"] / 2 and after["review"] < before["review"] / 2
    assert after["answer"] == before["answer"], "its system prompt is each call's own"


def test_a_stage_that_is_left_out_costs_nothing(inputs: Inputs) -> None:
    without = inputs.config.model_copy(update={"ablate": ("rewrite",)})
    found = estimate(without, inputs.briefs(), inputs.writer, Prices.shipped(), {})
    assert {stage.stage for stage in found.stages} == set(STAGE_OF) - {"rewrite"}


def test_a_stage_costs_what_its_calls_cost_one_by_one() -> None:
    means = Counted(prefix=20_000, own=900, output=1_000)
    written = RATES.cost(Usage(input=900, output=1_000, cache_write=20_000))
    read = RATES.cost(Usage(input=900, output=1_000, cache_read=20_000))
    assert stage_cost(RATES, means, 50, prefixes=3, cached=True, batched=False) == 3 * written + 47 * read
    whole = RATES.cost(Usage(input=20_900, output=1_000))
    assert stage_cost(RATES, means, 50, prefixes=3, cached=False, batched=False) == 50 * whole
    short = Counted(prefix=1_000, own=900, output=1_000)
    uncached = RATES.cost(Usage(input=1_900, output=1_000))
    assert stage_cost(RATES, short, 50, prefixes=3, cached=True, batched=False) == 50 * uncached
    halves = stage_cost(RATES, means, 50, prefixes=3, cached=True, batched=True)
    assert halves == 20 * -(-written // 2) + 30 * -(-read // 2) and BATCH_READ == 0.6


def test_what_a_ledger_measured_takes_the_place_of_what_was_assumed(inputs: Inputs) -> None:
    measured = {
        "idea": Measured(calls=30, briefs=20, prefix=20_000, own=1_000, output=150, seconds=4.0, read=None),
        "draft": Measured(calls=20, briefs=20, prefix=20_000, own=1_000, output=2_000, seconds=36.0, read=None),
        "rewrite": Measured(calls=10, briefs=10, prefix=15_000, own=3_000, output=2_000, seconds=36.0, read=None),
    }
    found = {stage.stage: stage for stage in made(inputs, measured).stages}
    briefs = len(inputs.briefs())
    assert found["idea"].calls == round(1.5 * briefs) and found["draft"].calls == briefs, "twenty briefs were begun"
    assert found["rewrite"].calls == round(briefs / 2)
    assert found["draft"].tokens_out == 2_000 * briefs
    assert found["draft"].hours == pytest.approx(briefs * 36 / 10 / 3600)
    assert found["draft"].basis["tokens"] == "measured on 20 calls"
    assert found["review"].basis["tokens"].startswith("counted")


def test_the_projection_moves_from_the_estimate_to_what_was_spent(inputs: Inputs) -> None:
    found = made(inputs)
    assert found.projected({}, 0.0) == pytest.approx(found.dollars)
    answered = {stage.stage: stage.calls for stage in found.stages}
    assert found.projected(answered, 7.5) == 7.5
    first = found.stages[0]
    assert found.projected({first.stage: first.calls}, 1.0) == pytest.approx(1.0 + found.dollars - first.dollars)


def test_a_ledger_is_measured_while_a_build_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    assert measure(path) == {}
    with Ledger(path) as ledger:
        account = Account(ledger, Prices.free(), None)
        _answer(account, Usage(100, 50, 1000, 0), Usage(300, 150, 0, 1000))
        found = measure(path)["draft"]
    assert (found.calls, found.briefs, found.prefix, found.own, found.output) == (2, 2, 1000, 200, 100)
    assert found.seconds is not None and found.seconds >= 0 and found.read is None


def test_a_ledger_that_cannot_be_read_measures_nothing(tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite"
    sqlite3.connect(old).execute("CREATE TABLE calls (key TEXT)")
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database at all, but long enough to be taken for one" * 40)
    assert measure(old) == measure(broken) == {}


def test_the_command_prints_a_table_and_as_json_the_same(exempla: Exempla, tmp_path: Path) -> None:
    stages = ", ".join(f"{stage}: {MODEL}" for stage in STAGES)
    (tmp_path / "build.yaml").write_text(
        f"name: small\nsize: {{tokens: 20000}}\nmodel: {{backend: anthropic-batches, stages: {{{stages}}}}}\n"
    )
    done = exempla.anew("estimate", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["state"] == "done" and facts["dollars"] > 0 and facts["prices_as_of"]
    table = exempla("estimate", cwd=tmp_path).stdout
    assert f"{facts['dollars']:,.2f}" in table and "a round of batches" in table
    assert not (tmp_path / "corpus").exists()


def test_a_model_without_a_price_is_never_guessed(exempla: Exempla, tmp_path: Path) -> None:
    stages = ", ".join(f"{stage}: somebodys-own-7b" for stage in STAGES)
    (tmp_path / "build.yaml").write_text(f"model: {{backend: anthropic, stages: {{{stages}}}}}\n")
    done = exempla("estimate", cwd=tmp_path)
    assert done.returncode == 2 and "somebodys-own-7b" in done.stderr and "prices" in done.stderr
    (tmp_path / "build.yaml").write_text(f"model: {{backend: anthropic, prices: free, stages: {{{stages}}}}}\n")
    assert exempla("estimate", "--limit", 8, cwd=tmp_path).returncode == 0


def _answer(account: Account, *usages: Usage) -> None:
    import asyncio

    async def answer() -> None:
        for n, usage in enumerate(usages):
            request = Request("draft", f"b{n}", 0, "m", "s", "u", 9)
            assert account.take(0)
            (attempt,) = await account.begin([request], [0])
            await account.answered(attempt, Reply("text", Outcome.COMPLETED, "m", usage))

    asyncio.run(answer())
