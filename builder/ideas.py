"""Ideas on their way to being settled: what is kept, what was turned down and why, and what the ledger remembers."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from builder.hashing import content_id, sha256_text
from builder.inputs import Inputs
from builder.model import Ledger, Outcome, Reply, Request
from builder.plan import Brief
from builder.records import Action, Rejection
from builder.screen import DistanceRow, DuplicateScreen, decide
from builder.state import Tally
from builder.write import IDEAS_PER_CALL, Unparsed, parse_ideas

FIRST_ROUND, GROWTH, LARGEST_ROUND = 64, 4, 256
REGENERATIONS = 3
AVOID = 8
_TAKEN = "too close to an idea already taken"
# What the writer is told; it never hears which evaluation a text must stay away from.
_KEPT_OUT = "too close to an arrangement that stays out of this collection"


@dataclass(frozen=True, slots=True)
class Idea:
    """A settled idea, the model that had it, the sha256 of the prompt that it answers, why earlier attempts were turned
    down, and who refused to have one.
    """

    text: str
    model: str
    prompt: str
    turned_down: tuple[str, ...]
    refused_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _No:
    reason: str
    told: str
    action: Action
    evidence: dict[str, Any]


class IdeaTable:
    """Settles ideas by screens and keeps them in the ledger, so that a settled idea stays settled."""

    def __init__(self, inputs: Inputs, ledger: Ledger, tally: Tally) -> None:
        self.kept: dict[str, Idea] = {}
        self._inputs, self._ledger, self._tally = inputs, ledger, tally
        self._screen = DuplicateScreen(inputs.instrument, inputs.config.screens.duplicate_idea)
        self._briefs: dict[str, Brief] = {}
        self._no: dict[str, list[_No]] = {}
        self._refused: dict[str, tuple[str, ...]] = {}
        self._notes: dict[str, str] = {}

    def recall(self, briefs: Sequence[Brief]) -> list[Brief]:
        """Take a round's ideas that an earlier run settled; returns the briefs that still need one.

        A brief that stayed dry is taken as it was, unless screens have changed since.
        """
        known: list[tuple[Brief, Idea]] = []
        for brief in briefs:
            self._briefs[brief.id] = brief
            note, dry = self._ledger.note(f"idea {brief.id}"), self._ledger.note(self._dry_key(brief))
            if note:
                fields = json.loads(note)
                told = tuple(fields["turned_down"])
                refused = tuple(fields.get("refused_by", ()))
                known.append((brief, Idea(fields["text"], fields["model"], fields.get("prompt", ""), told, refused)))
            elif dry:
                fields = json.loads(dry)
                self._no[brief.id] = [_No(**{**no, "action": Action(no["action"])}) for no in fields["turned_down"]]
                self._refused[brief.id] = tuple(fields["refused_by"])
                self._count_dry(brief)
        read = self._inputs.instrument.read([idea.text for _, idea in known])
        for index, (brief, idea) in enumerate(known):
            self._screen.offer(brief.id, [p.text for p in read.of(index)], read.rows(index))
            self.kept[brief.id] = idea
            self._count(brief, idea)
        return self.waiting(briefs)

    def waiting(self, briefs: Sequence[Brief]) -> list[Brief]:
        """The briefs that have no idea yet and may still ask for one."""
        return [b for b in briefs if b.id not in self.kept and len(self._no.get(b.id, ())) <= REGENERATIONS]

    def avoid(self, briefs: Sequence[Brief], start: int) -> list[str]:
        """The latest ideas of the same family and principles that rounds before plan position `start` settled."""
        near: set[tuple[int, str]] = set()
        for brief in briefs:
            alike = sorted(
                (other.ordinal, idea.text)
                for id_, idea in self.kept.items()
                if (other := self._briefs[id_]).ordinal < start
                and (other.family, other.principle) == (brief.family, brief.principle)
            )
            near |= set(alike[-max(2, AVOID // len(briefs)) :])
        return [text for _, text in sorted(near)]

    def turned_down(self, brief: Brief) -> str | None:
        """What the writer is told about its last attempt at this brief, if there was one."""
        answers = self._no.get(brief.id)
        return answers[-1].told if answers else None

    def settle(self, groups: Sequence[Sequence[Brief]], requests: Sequence[Request], replies: Sequence[Reply]) -> None:
        """Screen one attempt of a round, in the order of content hashes; each reply has the ideas of one group."""
        parsed: list[tuple[str, Brief, str, str, str]] = []
        briefs = [brief for group in groups for brief in group if brief.id not in self.kept]
        for group, request, reply in zip(groups, requests, replies, strict=True):
            nothing = [Unparsed(f"the model {reply.outcome}")] * len(group)
            ideas = parse_ideas(reply.text, len(group)) if reply.outcome is Outcome.COMPLETED else nothing
            for brief, idea in zip(group, ideas, strict=True):
                if brief.id in self.kept:
                    continue  # settled by an earlier run; the call is asked for whole, so that it stays the same call
                self._refused[brief.id] = (*self._refused.get(brief.id, ()), *refusers(reply))
                if isinstance(idea, Unparsed):
                    self._refuse(brief, _No(idea.reason, idea.reason, Action.DROP, {}))
                else:
                    prompt = (reply.template or request.template)[1]
                    parsed.append((content_id([idea, brief.id]), brief, idea, reply.model, prompt))
        parsed.sort(key=lambda entry: entry[0])
        texts = [idea for _, _, idea, *_ in parsed]
        read = self._inputs.instrument.read(texts)
        rows = [screen.measure([brief.id for _, brief, *_ in parsed], texts, read) for screen in self._inputs.screens]
        for index, (_, brief, idea, model, prompt) in enumerate(parsed):
            decision = decide([column[index] for column in rows], self._inputs.config.policy)
            if decision.action is not Action.KEEP:
                evidence = evidence_of(decision.row)
                self._refuse(brief, _No(decision.reason, _KEPT_OUT, decision.action, evidence))
                continue
            repeat = self._screen.offer(brief.id, [p.text for p in read.of(index)], read.rows(index))
            if repeat:
                evidence = {"witness": repeat.witness, "score": repeat.score}
                self._refuse(brief, _No(_TAKEN, _TAKEN, Action.DROP, evidence))
            else:
                self._keep(brief, idea, model, prompt)
        for brief in briefs:
            if brief.id not in self.kept and len(self._no[brief.id]) > REGENERATIONS:
                dry = {"turned_down": [asdict(no) for no in self._no[brief.id]], "refused_by": self._refused[brief.id]}
                self._notes[self._dry_key(brief)] = json.dumps(dry)
                self._count_dry(brief)
        # All of an attempt or nothing: what was settled after a brief would else show in its evidence on resuming.
        self._ledger.note_all(self._notes)
        self._notes = {}

    def rejection(self, brief: Brief) -> Rejection:
        """A dry brief, with what its last attempt was turned down for."""
        last = self._no[brief.id][-1]
        return Rejection(brief.id, brief.id, "idea", f"dry: {last.reason}", last.action, last.evidence)

    def _dry_key(self, brief: Brief) -> str:
        return f"dry {brief.id} {self._inputs.screens_id}"

    def reasons(self, brief: Brief) -> tuple[str, ...]:
        """Why a brief's ideas were turned down, one after another."""
        kept = self.kept.get(brief.id)
        return kept.turned_down if kept else tuple(no.reason for no in self._no.get(brief.id, ()))

    def _count(self, brief: Brief, idea: Idea) -> None:
        if brief.id in self._tally.briefs:  # a group may have ideas for briefs beyond a limit
            self._tally.ideas(idea.turned_down, kept=True)
            self._tally.refused(brief.id, idea.refused_by, answered=True)

    def _count_dry(self, brief: Brief) -> None:
        if brief.id not in self._tally.briefs:
            return
        self._tally.ideas([no.reason for no in self._no[brief.id]], kept=False)
        self._tally.refused(brief.id, self._refused[brief.id], answered=False)

    def _refuse(self, brief: Brief, no: _No) -> None:
        self._no.setdefault(brief.id, []).append(no)

    def _keep(self, brief: Brief, text: str, model: str, prompt: str) -> None:
        idea = Idea(text, model, prompt, tuple(no.reason for no in self._no.get(brief.id, ())), self._refused[brief.id])
        self.kept[brief.id] = idea
        self._notes[f"idea {brief.id}"] = json.dumps(asdict(idea))
        self._count(brief, idea)


def rounds(briefs: Sequence[Brief]) -> Iterator[tuple[int, Sequence[Brief]]]:
    """Briefs in rounds, each with its first position in the plan.

    Rounds grow, so that early ideas spread out before many are asked for at once and a long plan has few barriers.
    Where they begin does not depend on how many briefs there are.
    """
    start, size = 0, FIRST_ROUND
    while start < len(briefs):
        yield start, briefs[start : start + size]
        start, size = start + size, min(GROWTH * size, LARGEST_ROUND)


def end_of_round(limit: int | None) -> int | None:
    """Where the round ends that a limit falls into: so much of a plan decides what a shorter run asks."""
    end, size = 0, FIRST_ROUND
    while limit is not None and end < limit:
        end, size = end + size, min(GROWTH * size, LARGEST_ROUND)
    return None if limit is None else end


def groups(briefs: Sequence[Brief]) -> list[tuple[Brief, ...]]:
    """The briefs of a round in groups whose ideas one call asks for: a few of one family, in the order of the plan."""
    families: dict[str, list[Brief]] = {}
    for brief in briefs:
        families.setdefault(brief.family, []).append(brief)
    return [
        tuple(own[start : start + IDEAS_PER_CALL])
        for own in families.values()
        for start in range(0, len(own), IDEAS_PER_CALL)
    ]


def refusers(reply: Reply) -> tuple[str, ...]:
    """The models that refused a request, the last of them where nobody answered it."""
    return (*reply.refused_by, reply.model) if reply.outcome is Outcome.REFUSED else reply.refused_by


def evidence_of(row: DistanceRow | None) -> dict[str, Any]:
    """Where a row's evidence lies, in ids, offsets and hashes; never the eval's words."""
    if row is None:
        return {}
    evidence: dict[str, Any] = {
        "eval": row.eval,
        "class": row.class_,
        "suspect": row.suspect,
        "decided_by": row.decided_by,
    }
    near = row.nearest
    if near:
        evidence |= {
            "item": near.eval_id,
            "message": near.message,
            "offsets": list(near.offsets),
            "eval_passage_sha256": sha256_text(near.eval_passage),
            "cosine": near.cosine,
        }
    return evidence
