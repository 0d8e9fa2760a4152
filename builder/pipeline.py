"""The build on one screen: plan, write, screen, select, emit.

Every call goes through the ledger, so running a build again repeats no call: it goes on where it stopped, or
screens and selects anew with other thresholds. Each step is a function of what was settled before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder import steps
from builder.config import Project
from builder.emit import Emitted, emit
from builder.estimate import Estimate, estimate
from builder.ideas import end_of_round
from builder.inputs import Inputs, open_inputs
from builder.making import making_rows, report_page
from builder.model import Caller, Ledger, Opening, Totals, measure, open_backend, open_prices, prove_backend
from builder.plan import Brief
from builder.progress import Progress, Watch, unwatched
from builder.records import Document
from builder.selection import within_budget
from builder.state import Tally, check_identity, private_files
from builder.whole_file import write_whole
from builder.write import Writer
from builder.write.proof import prove_prompts


@dataclass(frozen=True, slots=True)
class Built:
    """A finished build: what was emitted, what was not, how many cells stayed dry, and what a service charged."""

    folder: Path
    documents: tuple[Document, ...]
    planned: int
    rejected: int
    dry: int
    emitted: Emitted
    spent: Totals | None


def build(project: Project, folder: Path, *, limit: int | None = None, watch: Watch = unwatched) -> Built:
    """Build a project's corpus into `folder`, or go on with the build that is there.

    `limit` writes only the first so many briefs, a stratified sample of the plan. `watch` is told of progress.

    Raises:
        ExemplaError: with one sentence; whatever was finished is kept.
    """
    config = project.config
    inputs = open_inputs(project, watch)
    plan = inputs.briefs(end_of_round(limit))
    briefs = plan[:limit]
    prove_backend(config.model, config.spend, config.model_names, project.root)
    with (
        Ledger(folder / ".build" / "ledger.sqlite") as ledger,
        Caller(open_backend(_opening(project, folder, ledger, inputs)), ledger, config.model.fallback) as caller,
    ):
        check_identity(ledger, folder, inputs)
        tally = Tally(briefs)
        prove_prompts(briefs, inputs.writer)
        if caller.backend.account:
            caller.project = _estimate(project, folder, briefs, inputs.writer).projected
        inputs.open_screens()

        begun = steps.settle_ideas(briefs, plan, inputs, caller, ledger, tally, watch)
        finished = steps.write(begun, inputs, caller, tally, watch)
        documents = steps.assemble(finished, inputs)
        screened = steps.screen(documents, inputs, tally, watch)

        chosen, left = within_budget(screened, [brief.id for brief in briefs], config.size.tokens)
        tally.close("select", [d.brief for d in chosen], steps.over_budget(left, config.size.tokens))
        emitted = _emit(folder, chosen, tally, inputs)
        account = caller.backend.account
    spent = account.totals if account else None
    return Built(folder, tuple(chosen), len(briefs), len(tally.rejections), tally.dry, emitted, spent)


def _estimate(project: Project, folder: Path, briefs: Sequence[Brief], writer: Writer) -> Estimate:
    prices = open_prices(project.config.model, project.root)
    return estimate(project.config, briefs, writer, prices, measure(folder / ".build" / "ledger.sqlite"))


def _opening(project: Project, folder: Path, ledger: Ledger, inputs: Inputs) -> Opening:
    config = project.config
    return Opening(
        config=config.model,
        spend=config.spend,
        models=config.model_names,
        root=project.root,
        decks=inputs.deck_folder,
        private=folder / ".build",
        ledger=ledger,
        say=lambda sentence: inputs.watch(Progress("", 0, 0, said=sentence)),
    )


def _emit(folder: Path, chosen: list[Document], tally: Tally, inputs: Inputs) -> Emitted:
    facts = tally.facts(inputs, chosen)
    making = making_rows(tally, chosen)
    private = private_files(tally, inputs, making)
    emitted = emit(folder, chosen, tally.rejections, facts, inputs.writer.injected(), private)
    write_whole(folder / "report.html", report_page(tally, inputs, making))
    return emitted
