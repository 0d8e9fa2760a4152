"""The steps of a build: ideas in rounds, drafts, rewrites, reviews, and the screens on finished text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from builder.emit import document_id
from builder.hashing import content_id, sha256_bytes
from builder.ideas import REGENERATIONS, IdeaTable, evidence_of, refusers, rounds
from builder.inputs import Inputs
from builder.model import Caller, Ledger, Outcome, Reply, Request
from builder.model.offline import NAME as OFFLINE
from builder.model.recorded import NAME as RECORDED
from builder.plan import Brief
from builder.progress import Progress, Watch, counting
from builder.records import Action, Document, Finding, Rejection
from builder.screen import DistanceRow, DuplicateScreen, decide
from builder.state import Tally
from builder.write import FAMILIES, STAGES, Content, Review, Unparsed, Writer, parse_review

_EMPTY = Content()


@dataclass(frozen=True, slots=True)
class Piece:
    """A brief on its way to a document."""

    brief: Brief
    idea: str
    models: Mapping[str, str]
    draft: Content = _EMPTY
    content: Content = _EMPTY
    review: Review | None = None


def settle_ideas(
    briefs: Sequence[Brief],
    writer: Writer,
    caller: Caller,
    ledger: Ledger,
    inputs: Inputs,
    tally: Tally,
    watch: Watch,
) -> list[Piece]:
    """An idea for every brief, screened before a draft is paid for.

    Briefs go in rounds. A round's prompts depend only on what earlier rounds settled; its replies are
    settled together in the order of their content hashes. A rejected idea is asked for again at most
    `REGENERATIONS` times, and is then dry. An idea that was settled once stays settled, whatever screens come
    later, so that no draft of it is paid for twice; the screens on the finished text see to the rest.
    """
    table = IdeaTable(inputs, ledger, tally)

    def watch_round(progress: Progress) -> None:
        watch(replace(progress, done=len(table.kept) + progress.done, total=len(briefs)))

    for start, round_ in rounds(briefs):
        waiting = table.recall(round_)
        for attempt in range(1 + REGENERATIONS):
            if not waiting:
                break
            requests = [writer.idea(b, attempt, table.avoid(b, start), table.turned_down(b)) for b in waiting]
            table.settle(waiting, caller.answer_all(requests, watch_round, "ideas"))
            waiting = table.waiting(waiting)
    settled = [(brief, table.kept[brief.id]) for brief in briefs if brief.id in table.kept]
    dry = [table.rejection(brief) for brief in briefs if brief.id not in table.kept]
    tally.dry = len(dry)
    tally.close("idea", [brief.id for brief, _ in settled], dry)
    watch(Progress("ideas", len(briefs), len(briefs), kept=len(settled)))
    return [Piece(brief, idea.text, {"idea": idea.model}) for brief, idea in settled]


def write_drafts(pieces: list[Piece], writer: Writer, caller: Caller, tally: Tally, watch: Watch) -> list[Piece]:
    """A draft for every idea."""
    requests = [writer.draft(piece.brief, piece.idea) for piece in pieces]

    def settle(piece: Piece, reply: Reply) -> Piece | str:
        content = FAMILIES[piece.brief.family].parse(reply.text)
        if isinstance(content, Unparsed):
            return content.reason
        return (
            "the reply keeps a draft that is not there"
            if content.kept
            else replace(piece, draft=content, content=content)
        )

    return _stage("draft", pieces, requests, settle, caller, tally, watch)


def rewrite(pieces: list[Piece], writer: Writer, caller: Caller, tally: Tally, watch: Watch) -> list[Piece]:
    """A rewrite of every draft by a fresh context; it may keep the draft, whose title always stays."""
    requests = [writer.rewrite(piece.brief, piece.draft) for piece in pieces]

    def settle(piece: Piece, reply: Reply) -> Piece | str:
        content = FAMILIES[piece.brief.family].parse(reply.text)
        if isinstance(content, Unparsed):
            return content.reason
        finished = replace(piece.draft, problems=content.problems, kept=True) if content.kept else content
        return replace(piece, content=replace(finished, title=piece.draft.title))

    return _stage("rewrite", pieces, requests, settle, caller, tally, watch)


def review(pieces: list[Piece], writer: Writer, caller: Caller, tally: Tally, watch: Watch) -> list[Piece]:
    """A verdict with evidence on every finished document; a single no rejects it, an unparsed review too."""
    requests = [writer.review(piece.brief, piece.content) for piece in pieces]

    def settle(piece: Piece, reply: Reply) -> Piece | str:
        found = parse_review(reply.text, FAMILIES[piece.brief.family].criteria)
        if isinstance(found, Unparsed):
            return f"unjudged: {found.reason}"
        if not found.judged and reply.model != OFFLINE:
            return "unjudged: the review judged nothing"
        return f"failed {found.failed[0]}" if found.failed else replace(piece, review=found)

    return _stage("review", pieces, requests, settle, caller, tally, watch)


def assemble(pieces: list[Piece], inputs: Inputs) -> list[Document]:
    """Records of the finished pieces, with tokens counted and provenance filled in."""
    count = inputs.instrument.embedder.count_tokens
    bodies = [_titled(piece.content) for piece in pieces]
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


def _stage(
    name: str,
    pieces: list[Piece],
    requests: list[Request],
    settle: Callable[[Piece, Reply], Piece | str],
    caller: Caller,
    tally: Tally,
    watch: Watch,
) -> list[Piece]:
    """One round over all pieces: each goes on, or is rejected with the reason that `settle` gives."""
    replies = caller.answer_all(requests, watch, f"{name}s")
    kept: list[Piece] = []
    rejections: list[Rejection] = []
    for piece, reply in zip(pieces, replies, strict=True):
        tally.refused(piece.brief.id, refusers(reply), answered=reply.outcome is Outcome.COMPLETED)
        done = settle(piece, reply) if reply.outcome is Outcome.COMPLETED else f"the model {reply.outcome}"
        if isinstance(done, str):
            rejections.append(Rejection(content_id(reply.text), piece.brief.id, name, done))
        else:
            kept.append(replace(done, models={**done.models, name: reply.model}))
    tally.close(name, [piece.brief.id for piece in kept], rejections)
    watch(Progress(f"{name}s", len(pieces), len(pieces), kept=len(kept)))
    return kept


def _titled(content: Content) -> str:
    return f"{content.title}\n\n{content.text}" if content.title and content.text else content.body


def _document(piece: Piece, body: str, tokens: int, inputs: Inputs) -> Document:
    brief, content = piece.brief, piece.content
    text = body if content.text is not None else None
    stages = [stage for stage in STAGES if stage in piece.models]
    provenance: dict[str, Any] = {
        "constitution_sha256": inputs.constitution.sha256,
        "prompts": [{"stage": stage, "sha256": inputs.prompts.sha256(brief.family, stage)} for stage in stages],
        "models": [{"stage": stage, "model": piece.models[stage]} for stage in stages],
        "recorded": inputs.config.model.backend == RECORDED,
        "draft_id": content_id(piece.draft.body),
        "rewrite_id": content_id(content.body),
    }
    review = piece.review
    judged = review.judged if review else 0
    finding = Finding("review", "passed" if judged else "not judged", float(judged))
    id_ = document_id(text=text, messages=content.messages)
    return Document(
        id=id_,
        family=brief.family,
        form=brief.form,
        persona=brief.persona,
        principles=brief.principles,
        tokens=tokens,
        brief=brief.id,
        text=text,
        messages=content.messages,
        findings=(finding,),
        provenance=provenance,
    )


def _finding(row: DistanceRow) -> Finding:
    return Finding("eval_distance", f"class {row.class_} against {row.eval}", row.closeness, evidence_of(row))
