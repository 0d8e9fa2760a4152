"""What a build did on its way: readable replies, verdicts, rejections, attempts, quotas and lengths."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.style.sameness import Share
from benchmarks.style.texts import Text
from builder.emit.manifest import read_manifest

AXES = ("family", "shape", "persona")
_WRITING = ("idea", "draft", "rewrite", "review")
_UNREAD_IDEA = re.compile(r"the (?:reply |idea has |<idea>)")


@dataclass(frozen=True, slots=True)
class Stage:
    """One writing stage: `replies` that were complete, and how many of them could be read. `unanswered` replies were
    refused, cut off or failed, and count in neither.
    """

    name: str
    readable: Share
    unanswered: int
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Quota:
    """One option of an axis: briefs planned with it, and kept documents that have it."""

    axis: str
    option: str
    planned: Share
    realised: Share

    @property
    def is_met(self) -> bool:
        """Whether the planned share lies inside the 95 % interval of the realised one."""
        interval = self.realised.interval
        return interval.low <= self.planned.hits / max(1, self.planned.of) <= interval.high


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """Everything that is told of a build alone. `unjudged` are kept documents whose review judged nothing, `later` the
    reasons given by the stages after the writing, `attempts` the ideas kept and turned down by attempt (from 0),
    `lengths` words: least, quartiles, most.
    """

    character: str
    planned: int
    stages: tuple[Stage, ...]
    review: Share
    unjudged: Share
    later: dict[str, dict[str, int]]
    attempts: list[dict[str, int]]
    idea_reasons: dict[str, int]
    documents: dict[str, int]
    quotas: tuple[Quota, ...]
    lengths: dict[str, tuple[int, ...]]


def kind_of(stage: str, reason: str) -> str:
    """What a rejection was: `unanswered` (refused, cut off, failed), `unreadable`, `verdict` or `screen`."""
    bare = reason.removeprefix("dry: ")
    if bare.startswith("the model "):
        return "unanswered"
    if stage == "review":
        return "verdict" if bare.startswith("failed ") else "unreadable"
    if stage == "idea":
        return "unreadable" if _UNREAD_IDEA.match(bare) else "screen"
    return "unreadable" if stage in _WRITING else "screen"


def stage_of(name: str, kept: int, reasons: Mapping[str, int]) -> Stage:
    """A stage from what it kept and what it rejected, by reason."""
    kinds: Counter[str] = Counter()
    for reason, count in reasons.items():
        kinds[kind_of(name, reason)] += count
    complete = kept + sum(kinds.values()) - kinds["unanswered"]
    ranked = dict(sorted(reasons.items(), key=lambda entry: (-entry[1], entry[0])))
    return Stage(name, Share(complete - kinds["unreadable"], complete), kinds["unanswered"], ranked)


def quotas_of(plan: Sequence[Mapping[str, Any]], kept: Iterable[str]) -> tuple[Quota, ...]:
    """Planned and realised counts of every option; `kept` are the briefs of the kept documents."""
    briefs = {str(brief["id"]): brief for brief in plan}
    done = [briefs[id_] for id_ in kept if id_ in briefs]
    rows: list[Quota] = []
    for axis in AXES:
        planned, realised = Counter(b[axis] for b in plan), Counter(b[axis] for b in done)
        for option in sorted(planned):
            shares = Share(planned[option], len(plan)), Share(realised[option], len(done))
            rows.append(Quota(axis, str(option), *shares))
    return tuple(rows)


def lengths_of(texts: Sequence[Text]) -> dict[str, tuple[int, ...]]:
    """Words per document by family: least, lower quartile, median, upper quartile, most."""
    by_family: dict[str, list[int]] = defaultdict(list)
    for text in texts:
        by_family[text.family].append(text.length)
    return {
        family: tuple(round(float(value)) for value in np.quantile(words, [0, 0.25, 0.5, 0.75, 1]))
        for family, words in sorted(by_family.items())
    }


def build_facts(folder: Path, texts: Sequence[Text]) -> BuildFacts:
    """The facts of a finished build, from its manifest and its plan.

    Raises:
        InputError: if the manifest cannot be read.
    """
    manifest = read_manifest(folder)
    reasons: dict[str, dict[str, int]] = defaultdict(dict)
    for row in manifest.rejected:
        reasons[row.stage][row.reason] = reasons[row.stage].get(row.reason, 0) + row.count
    facts = manifest.screening.facts
    attempts: list[dict[str, int]] = facts.get("idea attempts", [])
    idea_reasons: dict[str, int] = facts.get("idea rejections", {})
    stages = []
    for name, count in manifest.staged():
        if name in _WRITING:
            # Of ideas every attempt is counted, since a brief asks for one up to four times.
            stages.append(stage_of(name, count.kept, idea_reasons if name == "idea" and attempts else reasons[name]))
    failed = sum(n for reason, n in reasons["review"].items() if kind_of("review", reason) == "verdict")
    passed = manifest.counts["review"].kept if "review" in manifest.counts else 0
    plan = folder / ".build" / "plan.jsonl"  # Never published, so a copy of a build may lack it.
    lines = plan.read_text(encoding="utf-8").splitlines() if plan.is_file() else []
    return BuildFacts(
        character=manifest.constitution.character,
        planned=manifest.planned,
        stages=tuple(stages),
        review=Share(passed, passed + failed),
        unjudged=Share(sum(not text.is_judged for text in texts), len(texts)),
        later={stage: reasons[stage] for stage in manifest.stages if stage not in _WRITING and reasons[stage]},
        attempts=attempts,
        idea_reasons=idea_reasons,
        documents=dict(sorted(Counter(text.family for text in texts).items())),
        quotas=quotas_of([json.loads(line) for line in lines], [text.brief for text in texts]),
        lengths=lengths_of(texts),
    )
