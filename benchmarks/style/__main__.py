"""Reads the corpora, prints their figures side by side. What it does is said in `benchmarks/style/__init__.py`."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import benchmarks.style
from benchmarks.style.build_facts import BuildFacts, build_facts
from benchmarks.style.figures import Bound, Figures, bounds_of, figures_of, peers_habits
from benchmarks.style.printing import bound_lines, build_lines, habit_lines, sameness_lines
from benchmarks.style.sameness import Share
from benchmarks.style.texts import is_build, read_texts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=benchmarks.style.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path, help="a build folder, or any corpus")
    parser.add_argument("--against", type=Path, nargs="+", default=[], help="other corpora to stand beside it")
    parser.add_argument(
        "--families", action="store_true", help="show each family of a build as a corpus of its own too"
    )
    parser.add_argument("--character", nargs="+", default=[], help="names that are meant to recur, counted apart")
    parser.add_argument("--text-field", help="the field that holds the text, where it is not found")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    given = parser.parse_args()

    texts = read_texts(given.corpus, given.text_field)
    facts = build_facts(given.corpus, texts) if is_build(given.corpus) else None
    characters = [*([facts.character] if facts else []), *given.character]
    own = [figures_of(given.corpus.stem, texts, characters)]
    if given.families:
        for family in sorted({text.family for text in texts if text.family}):
            own.append(figures_of(family, [text for text in texts if text.family == family], characters))
    others = [figures_of(path.stem, read_texts(path, given.text_field), characters) for path in given.against]
    peers = peers_habits(others)
    bounds = [bounds_of(figures, peers) for figures in (*own, *others)]
    if given.json:
        print(json.dumps(as_json(facts, [*own, *others], bounds, peers), ensure_ascii=False, indent=2))
    else:
        show(facts, [*own, *others], bounds, peers)


def show(
    facts: BuildFacts | None, corpora: Sequence[Figures], bounds: Sequence[Sequence[Bound]], peers: Sequence[str]
) -> None:
    """Print everything, in sections."""
    for figures in corpora:
        print(f"{figures.name}: {figures.documents} documents ({figures.dialogues} dialogues), {figures.words:,} words")
    sections = [sameness_lines(corpora), habit_lines(corpora)]
    for lines in ([build_lines(facts)] if facts else []) + sections:
        print()
        print("\n".join(lines))
    for figures, rows in zip(corpora, bounds, strict=True):
        print()
        print("\n".join(bound_lines(figures.name, rows)))
    if peers:
        print(f"\npeers' habits, in most documents of every other corpus: {', '.join(peers)}")


def as_json(
    facts: BuildFacts | None, corpora: Sequence[Figures], bounds: Sequence[Sequence[Bound]], peers: Sequence[str]
) -> dict[str, Any]:
    """Everything as plain values; shares as hits, of, share, low, high."""

    def plain(value: Any) -> Any:  # noqa: ANN401 - any value of ours
        if isinstance(value, Share):
            return {"hits": value.hits, "of": value.of, **asdict(value.interval)}
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [plain(inner) for inner in value]
        if hasattr(value, "__dataclass_fields__"):
            return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__ if name != "count"}
        return value

    shown = [{**plain(figures), "bounds": plain(rows)} for figures, rows in zip(corpora, bounds, strict=True)]
    return {"build": plain(facts), "corpora": shown, "peers_habits": list(peers)}


if __name__ == "__main__":
    main()
