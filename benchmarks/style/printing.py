"""The figures as lines of text: side by side where corpora are compared."""

from collections.abc import Iterator, Sequence

from benchmarks.style.build_facts import BuildFacts
from benchmarks.style.figures import Bound, Figures
from benchmarks.style.sameness import Share, Top

_COLUMN = 36
_LABEL = 44
_LONGEST = 110  # characters of an example


def share_text(share: Share) -> str:
    """`3 of 40, 7.5% (1.6% to 20.4%)`."""
    if not share.of:
        return "none to count"
    found = share.interval
    return f"{share.hits} of {share.of}, {found.share:.1%} ({found.low:.1%} to {found.high:.1%})"


def build_lines(facts: BuildFacts) -> Iterator[str]:
    """What is told of a build alone."""
    kept = sum(facts.documents.values())
    yield f"Build: {kept} documents of {facts.planned} planned; the character is {facts.character}"
    yield "readable replies, of those that came complete:"
    for stage in facts.stages:
        yield f"  {stage.name:10}{share_text(stage.readable)}; {stage.unanswered} refused, cut off or failed"
    yield f"review passed, of those judged: {share_text(facts.review)}"
    yield f"kept though the review judged nothing: {share_text(facts.unjudged)}"
    yield "rejected, by stage and reason (ideas: every attempt):"
    found = {**{stage.name: stage.reasons for stage in facts.stages}, **facts.later}
    rows = [f"  {stage:10}{count:5}  {reason}" for stage, reasons in found.items() for reason, count in reasons.items()]
    yield from rows or ["  none"]
    yield "attempts at ideas:"
    for row in facts.attempts:
        yield f"  {row['attempt'] + 1}: {row['kept']} kept, {row['rejected']} turned down"
    yield "lengths in words: least, quartiles, most"
    for family, lengths in facts.lengths.items():
        yield f"  {family:14}{'  '.join(f'{words:5}' for words in lengths)}  (n = {facts.documents[family]})"
    yield "planned and realised (! where the plan lies outside the interval):"
    if not facts.quotas:
        yield "  the plan (.build/plan.jsonl) is not here"
    for quota in facts.quotas:
        planned = quota.planned.interval.share
        mark = " " if quota.is_met else "!"
        yield f"{mark} {quota.axis:8}{quota.option:26}{planned:6.1%} of plan   {share_text(quota.realised)}"


def sameness_lines(corpora: Sequence[Figures]) -> Iterator[str]:
    """What the documents of each corpus share, and examples."""
    yield _row("shared by documents", [figures.name for figures in corpora])
    for name in corpora[0].tops:
        yield _row(f"commonest {name}", [share_text(figures.tops[name].share) for figures in corpora])
    yield _row("8-grams in several documents", [share_text(figures.grams.shared) for figures in corpora])
    yield _row("documents with a shared 8-gram", [share_text(figures.grams.documents) for figures in corpora])
    yield _row("commonest name", [share_text(figures.names.any.share) for figures in corpora])
    for name in dict.fromkeys(name for figures in corpora for name in figures.names.character):
        shares = [figures.names.character.get(name) for figures in corpora]
        yield _row(f"the character: {name}", [share_text(share) if share else "" for share in shares])
    for figures in corpora:
        yield ""
        yield f"commonest in {figures.name} (documents)"
        tops = {**figures.tops, "8-gram": Top(figures.grams.shared, figures.grams.commonest), "name": figures.names.any}
        for name, top in tops.items():
            if top.commonest:
                yield f"  {name}:"
                yield from (f"    {count:5}  {_shortened(what)}" for what, count in top.commonest)


def habit_lines(corpora: Sequence[Figures]) -> Iterator[str]:
    """The documents with each habit; * marks a majority."""
    yield _row("habit (/k: per 1,000 words)", [figures.name for figures in corpora])
    for rows in zip(*(figures.habits for figures in corpora), strict=True):
        cells = []
        for row in rows:
            found = row.share.interval
            rate = "" if row.rate is None else f" {row.rate:.1f}/k"
            mark = "*" if row.is_majority and row.habit.bounded else " "
            cell = f"{mark}{row.share.hits}, {found.share:.1%} ({found.low:.1%} to {found.high:.1%}){rate}"
            cells.append(cell if row.share.of else " none to count")
        yield _row(rows[0].habit.name, cells)


def bound_lines(name: str, bounds: Sequence[Bound]) -> Iterator[str]:
    """Every bound on one corpus: what is shared first, then the habits."""
    broken = sum(not bound.held for bound in bounds)
    yield f"bounds on {name}: {len(bounds) - broken} held, {broken} broken"
    for bound in bounds:
        note = f"; {bound.note}" if bound.note else ""
        verdict = "held  " if bound.held else "broken"
        yield f"  {verdict}  {bound.name:{_LABEL}}{share_text(bound.share)}, bound {bound.limit:.0%}{note}"


def _row(label: str, cells: Sequence[str]) -> str:
    return f"{label:{_LABEL}}{''.join(f'{cell:{_COLUMN + 4}}' for cell in cells)}".rstrip()


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
