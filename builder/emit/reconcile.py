"""In = kept + rejected at every stage, each brief rejected once, and nothing lost between two stages."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from builder.records import Rejection


def disagreements(
    counts: Sequence[tuple[str, Mapping[str, int]]], rejected: Mapping[str, int], planned: int, documents: int
) -> list[str]:
    """Sentences on everything that does not add up, empty when all does.

    `counts` has `in`, `kept` and `rejected` per stage, in the order of the stages; `rejected` has the number
    of rejections on record per stage; `documents` is how many were emitted. All in briefs.
    """
    if not counts:
        return ["no stage says what came in and what was kept"]
    wrong = [f"stage {stage} has no counts but {n} rejections" for stage, n in _beyond(counts, rejected)]
    before, source = planned, "the plan has"
    for position, (stage, count) in enumerate(counts):
        if min(count.values()) < 0 or count["in"] != count["kept"] + count["rejected"]:
            wrong.append(
                f"stage {stage} does not add up: {count['in']} in, {count['kept']} kept, {count['rejected']} rejected"
            )
        if count["rejected"] != rejected.get(stage, 0):
            wrong.append(f"stage {stage} counts {count['rejected']} rejections, {rejected.get(stage, 0)} are on record")
        # A build may take a part of its plan, so only the later stages must take in all that came before.
        if count["in"] > before or (position and count["in"] != before):
            wrong.append(f"stage {stage} took in {count['in']} where {source} {before}")
        before, source = count["kept"], f"stage {stage} kept"
    if before != documents:
        wrong.append(f"the last stage kept {before} documents and {documents} were emitted")
    return wrong


def rejected_twice(rejections: Iterable[Rejection]) -> list[str]:
    """The briefs that were rejected more than once."""
    times = Counter(rejection.brief for rejection in rejections)
    return sorted(brief for brief, count in times.items() if count > 1)


def _beyond(counts: Sequence[tuple[str, Mapping[str, int]]], rejected: Mapping[str, int]) -> list[tuple[str, int]]:
    known = {stage for stage, _ in counts}
    return sorted((stage, number) for stage, number in rejected.items() if stage not in known)
