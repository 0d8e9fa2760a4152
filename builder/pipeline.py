"""The build on one screen: plan, write, screen, select, emit.

Every call goes through the ledger, so running a build again repeats no call: it goes on where it stopped, or
screens and selects anew with other thresholds. Each step is a function of what was settled before it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder import steps
from builder.config import Project
from builder.emit import Emitted, emit
from builder.inputs import Inputs, open_inputs
from builder.model import Caller, Ledger, open_model
from builder.plan import make_plan
from builder.records import Document
from builder.selection import within_budget
from builder.state import Tally, check_identity, private_files
from builder.write import Writer

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Built:
    """A finished build: what was emitted, what was not, and how many cells stayed dry."""

    folder: Path
    documents: tuple[Document, ...]
    planned: int
    rejected: int
    dry: int
    emitted: Emitted


def build(project: Project, folder: Path, *, limit: int | None = None, watch: Watch | None = None) -> Built:
    """Build a project's corpus into `folder`, or go on with the build that is there.

    `limit` writes only the first so many briefs, a stratified sample of the plan. `watch(step, done, total)` is told
    of progress.

    Raises:
        ExemplaError: with one sentence; whatever was finished is kept.
    """
    report = watch or (lambda step, done, total: None)
    config = project.config
    inputs = open_inputs(project, report)
    briefs = make_plan(
        inputs.constitution,
        inputs.decks,
        families=config.families,
        tokens=config.size.tokens,
        seed=config.seed,
        weights=inputs.principle_weights,
        limit=limit,
    )
    model = open_model(config.model.backend, inputs.deck_folder, folder / ".build")
    writer = Writer(inputs.constitution, inputs.prompts, config.models)
    with Ledger(folder / ".build" / "ledger.sqlite") as ledger:
        check_identity(ledger, folder, inputs)
        caller = Caller(model, ledger, config.model.concurrency)
        tally = Tally(briefs)
        writer.prove(briefs)
        inputs.open_screens()

        ideas = steps.settle_ideas(briefs, writer, caller, ledger, inputs, tally, report)
        drafts = steps.write_drafts(ideas, writer, caller, tally, report)
        finished = steps.rewrite(drafts, writer, caller, tally, report)
        reviewed = steps.review(finished, writer, caller, tally, report)
        documents = steps.assemble(reviewed, inputs)
        screened = steps.screen(documents, inputs, tally, report)

        chosen, left = within_budget(screened, [brief.id for brief in briefs], config.size.tokens)
        tally.close("select", [d.brief for d in chosen], steps.over_budget(left, config.size.tokens))
        emitted = _emit(folder, chosen, tally, inputs)
    return Built(folder, tuple(chosen), len(briefs), len(tally.rejections), tally.dry, emitted)


def _emit(folder: Path, chosen: list[Document], tally: Tally, inputs: Inputs) -> Emitted:
    facts = tally.facts(inputs, chosen)
    return emit(folder, chosen, tally.rejections, facts, private=private_files(tally, inputs))
