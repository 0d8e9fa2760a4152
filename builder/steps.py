"""The steps of a build: ideas in rounds, then every piece through its family's steps, then the screens."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from builder.emit import document_id
from builder.hashing import canonical_json, content_id, sha256_bytes
from builder.ideas import REGENERATIONS, IdeaTable, evidence_of, groups, refusers, rounds
from builder.inputs import Inputs
from builder.model import Caller, Ledger, Outcome, Reply, Request
from builder.model.recorded import NAME as RECORDED
from builder.plan import Brief
from builder.progress import Progress, Watch, counting
from builder.records import Action, Document, Finding, Rejection
from builder.screen import DistanceRow, DuplicateScreen, decide
from builder.state import Tally
from builder.write import FAMILIES, STAGES, Content, Piece, Step

NOT_REVIEWED = "not run: this build leaves the review out"


def settle_ideas(
    briefs: Sequence[Brief],
    plan: Sequence[Brief],
    inputs: Inputs,
    caller: Caller,
    ledger: Ledger,
    tally: Tally,
    watch: Watch,
) -> list[Piece]:
    """An idea for every brief, screened before a draft is paid for. `briefs` are the first of `plan`.

    Briefs go in rounds. A round's prompts depend only on what earlier rounds settled; its replies are
    settled together in the order of their content hashes. One call asks for the ideas of a group, whole even where
    `briefs` end inside it, so that a shorter run asks what a longer one would. A rejected idea is asked for again, by
    itself, at most `REGENERATIONS` times, and is then dry. An idea that was settled once stays settled, whatever
    screens come later, so that no draft of it is paid for twice; the screens on the finished text see to the rest.
    """
    table = IdeaTable(inputs, ledger, tally)
    wanted = {brief.id for brief in briefs}
    total = sum(not FAMILIES[brief.family].from_transcripts for brief in briefs)

    def watch_round(progress: Progress) -> None:
        """A call has several ideas, so what is answered is told as a share of the ideas that are still to come."""
        settled = sum(id_ in wanted for id_ in table.kept)
        coming = progress.done * (total - settled) // max(progress.total, 1)
        watch(replace(progress, done=settled + coming, total=total))

    for start, round_ in rounds(plan):
        if start >= len(briefs):
            break
        asking = [g for g in groups(_with_ideas(round_)) if any(brief.id in wanted for brief in g)]
        waiting = {brief.id for brief in table.recall([brief for group in asking for brief in group])}
        for attempt in range(1 + REGENERATIONS):
            left = [group for group in asking if any(brief.id in waiting for brief in group)]
            if attempt:
                left = [(brief,) for group in left for brief in group if brief.id in waiting]
            if not left:
                break
            because = {brief.id: table.turned_down(brief) for group in left for brief in group}
            requests = [inputs.writer.ideas(group, attempt, table.avoid(group, start), because) for group in left]
            table.settle(left, requests, caller.answer_all(requests, watch_round, "ideas"))
            waiting = {brief.id for brief in table.waiting([brief for group in left for brief in group])}
    pieces = [_begun(brief, table, inputs) for brief in briefs if _has_begun(brief, table)]
    dry = [table.rejection(brief) for brief in briefs if not _has_begun(brief, table)]
    tally.turned_down = {brief.id: table.reasons(brief) for brief in briefs}
    tally.dry = len(dry)
    tally.close("idea", [piece.brief.id for piece in pieces], dry)
    watch(Progress("ideas", total, total, kept=total - len(dry)))
    return pieces


def write(pieces: Sequence[Piece], inputs: Inputs, caller: Caller, tally: Tally, watch: Watch) -> list[Piece]:
    """Take every piece through the steps of its family, in rounds over all families; returns the finished ones."""
    ablate = inputs.config.ablate
    tracks = {piece.brief.id: FAMILIES[piece.brief.family].steps_left(piece.brief, ablate) for piece in pieces}
    rejections: dict[str, list[Rejection]] = {}
    reached: dict[str, set[str]] = {}
    finished: list[Piece] = []
    going = list(pieces)
    length = max((len(track) for track in tracks.values()), default=0)
    for position in range(length):
        finished += [piece for piece in going if len(tracks[piece.brief.id]) <= position]
        asked = [(piece, tracks[piece.brief.id][position]) for piece in going if len(tracks[piece.brief.id]) > position]
        for piece, step in asked:
            reached.setdefault(step.stage, set()).add(piece.brief.id)
        names = ", ".join(dict.fromkeys(step.name for _, step in asked))
        label = f"round {position + 1} of {length} ({names})"
        requests = [step.ask(inputs.writer, piece) for piece, step in asked]
        replies = caller.answer_all(requests, watch, label)
        going = []
        for (piece, step), request, reply in zip(asked, requests, replies, strict=True):
            tally.refused(piece.brief.id, refusers(reply), answered=reply.outcome is Outcome.COMPLETED)
            done = _read(step, piece, request, reply, inputs)
            tally.pieces[piece.brief.id] = done
            if done.reason is None:
                going.append(done)
            else:
                gone = Rejection(content_id(reply.text), piece.brief.id, step.stage, done.reason)
                rejections.setdefault(step.stage, []).append(gone)
        watch(Progress(label, len(asked), len(asked), kept=len(going)))
    finished += going
    for stage in [stage for stage in STAGES[1:] if stage in reached]:
        lost = rejections.get(stage, [])
        tally.close(stage, sorted(reached[stage] - {rejection.brief for rejection in lost}), lost)
    return finished


def _read(step: Step, piece: Piece, request: Request, reply: Reply, inputs: Inputs) -> Piece:
    if reply.outcome is not Outcome.COMPLETED:
        done = piece.rejected(f"the model {reply.outcome}")
    else:
        prompt = reply.template or request.template
        taken = replace(
            piece,
            models={**piece.models, step.name: reply.model},
            prompts={**piece.prompts, step.name: prompt[1]} if prompt[0] else piece.prompts,
        )
        done = step.read(inputs.writer, taken, reply)
        # The emitter refuses a whole corpus for one leak, so the document that has it goes here.
        if done.reason is None and inputs.writer.shows_injected(_titled(done.finished)):
            done = done.rejected("it repeats a prompt that is stripped")
    return done if done.reason is None or step.name == step.stage else done.rejected(f"{step.name}: {done.reason}")


def _with_ideas(briefs: Iterable[Brief]) -> list[Brief]:
    return [brief for brief in briefs if not FAMILIES[brief.family].from_transcripts]


def _has_begun(brief: Brief, table: IdeaTable) -> bool:
    return brief.id in table.kept or FAMILIES[brief.family].from_transcripts


def _begun(brief: Brief, table: IdeaTable, inputs: Inputs) -> Piece:
    if brief.transcript is not None:
        return Piece(brief, "", transcript=inputs.transcripts[brief.transcript])
    idea = table.kept[brief.id]
    return Piece(brief, idea.text, {"idea": idea.model}, {"idea": idea.prompt})


def assemble(pieces: Sequence[Piece], inputs: Inputs) -> list[Document]:
    """Records of the finished pieces, with tokens counted and provenance filled in."""
    count = inputs.instrument.embedder.count_tokens
    bodies = [_titled(piece.finished) for piece in pieces]
    return [
        _document(piece, *both, inputs)
        for piece, both in zip(pieces, zip(bodies, count(bodies), strict=True), strict=True)
    ]


def screen(documents: list[Document], inputs: Inputs, tally: Tally, watch: Watch) -> list[Document]:
    """Distance from every eval and from one another, on the finished text; findings go into the record."""
    documents = sorted(documents, key=lambda document: document.id)
    read = inputs.instrument.read([d.body for d in documents], counting(watch, "screening"))
    tally.embeddings = sha256_bytes(read.vectors.tobytes())
    ids, texts = [d.id for d in documents], [d.body for d in documents]
    rows = [eval_screen.measure(ids, texts, read) for eval_screen in inputs.screens]
    duplicates = DuplicateScreen(inputs.instrument, inputs.config.screens.duplicate)
    kept: list[Document] = []
    rejections: list[Rejection] = []
    for index, document in enumerate(documents):
        own = [column[index] for column in rows]
        tally.rows += own
        decision = decide(own, inputs.config.policy)
        if decision.action is not Action.KEEP:
            evidence = evidence_of(decision.row)
            rejections.append(
                Rejection(document.id, document.brief, "screen", decision.reason, decision.action, evidence)
            )
            continue
        passages = [passage.text for passage in read.of(index)]
        repeat = duplicates.offer(document.id, passages, read.rows(index))
        if repeat:
            evidence = {"witness": repeat.witness, "score": repeat.score}
            rejections.append(Rejection(document.id, document.brief, "screen", "near-duplicate", evidence=evidence))
            continue
        kept.append(document.with_findings(*(_finding(row) for row in own)))
    tally.close("screen", [d.brief for d in kept], rejections)
    return kept


def over_budget(documents: Sequence[Document], tokens: int) -> list[Rejection]:
    """What selection left out."""
    return [Rejection(d.id, d.brief, "select", "over the size asked for", evidence={"size": tokens}) for d in documents]


def _titled(content: Content) -> str:
    return f"{content.title}\n\n{content.text}" if content.title and content.text else content.body


def _document(piece: Piece, body: str, tokens: int, inputs: Inputs) -> Document:
    brief, content = piece.brief, piece.finished
    text = body if content.text is not None else None
    provenance: dict[str, Any] = {
        "constitution_sha256": inputs.constitution.sha256,
        "prompts": [{"stage": name, "sha256": sha256} for name, sha256 in piece.prompts.items()],
        "models": [{"stage": name, "model": model} for name, model in piece.models.items()],
        "recorded": inputs.config.model.backend == RECORDED,
        "draft_id": content_id(piece.draft.body),
        "rewrite_id": content_id(content.body),
    }
    return Document(
        id=document_id(text=text, messages=content.messages),
        family=brief.family,
        form=brief.form,
        persona=brief.persona,
        principles=brief.principles or piece.principles,
        tokens=tokens,
        brief=brief.id,
        text=text,
        messages=content.messages,
        tools=_tools(piece),
        findings=(_review_finding(piece),),
        provenance=provenance,
    )


def _tools(piece: Piece) -> str | None:
    """Tool definitions in the shape that chat templates take."""
    if piece.transcript is not None:
        return piece.transcript.tools
    functions = [{"type": "function", "function": dict(tool)} for tool in piece.brief.tools]
    return canonical_json(functions) if functions else None


def _review_finding(piece: Piece) -> Finding:
    if piece.review is None:
        return Finding("review", NOT_REVIEWED)
    judged = piece.review.judged
    return Finding("review", "passed" if judged else "not judged", float(judged))


def _finding(row: DistanceRow) -> Finding:
    return Finding("eval_distance", f"class {row.class_} against {row.eval}", row.closeness, evidence_of(row))
