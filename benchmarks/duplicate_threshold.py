"""Where the near-duplicate threshold stands: revisions of one document against different documents of one form.

Reads draft and revision pairs (`a`, `b` per line) from --pairs and prints, for a range of thresholds, the share of
revisions found and of different documents merged. Pairs are drawn by a fixed seed; --sample sets how many.

    python benchmarks/duplicate_threshold.py --pairs ../shared/real/pairs/draft_rewrite_pairs.jsonl
"""

import argparse
import json
from pathlib import Path

import numpy as np

from builder.audit import clopper_pearson
from builder.hashing import keyed
from builder.inputs import cache_folder
from builder.measure import load_embedder
from builder.measure.instrument import Instrument
from builder.screen.near_duplicate import containment

THRESHOLDS = (0.60, 0.65, 0.70, 0.75, 0.78, 0.80, 0.82, 0.84, 0.86, 0.88, 0.90, 0.95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=150)
    given = parser.parse_args()
    pairs = [json.loads(line) for line in given.pairs.open(encoding="utf-8")]
    chosen = keyed("duplicate threshold").sample(pairs, min(given.sample, len(pairs)))
    instrument = Instrument(load_embedder(cache_dir=cache_folder()))
    drafts = instrument.read([pair["a"] for pair in chosen])
    revisions = instrument.read([pair["b"] for pair in chosen])
    readable = [i for i in range(len(chosen)) if len(drafts.rows(i)) and len(revisions.rows(i))]
    same = np.array([containment(drafts.rows(i), revisions.rows(i)) for i in readable])
    apart = np.array(
        [containment(drafts.rows(i), drafts.rows(j)) for n, i in enumerate(readable) for j in readable[n + 1 :]]
    )
    print(f"{len(same)} revisions, {len(apart)} pairs of different documents; embedder {instrument.embedder.name}")
    for name, scores in (("revisions", same), ("different", apart)):
        low, middle, high = np.quantile(scores, [0.05, 0.5, 0.95])
        print(f"{name}: 5 % {low:.3f}, median {middle:.3f}, 95 % {high:.3f}, highest {scores.max():.3f}")
    print("threshold  revisions found (95 % interval)   different pairs merged")
    for threshold in THRESHOLDS:
        found = clopper_pearson(int((same >= threshold).sum()), len(same))
        merged = int((apart >= threshold).sum())
        print(f"{threshold:9.2f}  {found.share:6.1%} ({found.low:.1%} to {found.high:.1%})   {merged} of {len(apart)}")


if __name__ == "__main__":
    main()
