"""`exempla distance`: how close does anybody's corpus come to an evaluation?"""

from pathlib import Path
from typing import Annotated, Optional

import typer

from builder.cli.terminal import Json, Watcher, result


def distance(
    corpus: Annotated[Path, typer.Argument(help="JSONL, CSV, Parquet, a folder of text, or a build.")],
    eval_: Annotated[list[str], typer.Option("--eval", help="A path or a shipped name; may be given again.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for distance.jsonl, .json and .html.")],
    text_field: Annotated[Optional[str], typer.Option(help="The column that holds the text.")] = None,
    embedder: Annotated[
        str, typer.Option(help="Another sentence-transformers model: a folder or a name.")
    ] = "all-MiniLM-L6-v2",
    json: Json = False,
) -> None:
    """Measure every document of a corpus against every eval, with the nearest passages as evidence."""
    from json import dumps

    from builder.audit import summarise
    from builder.inputs import background_texts, cache_folder, read_evals
    from builder.measure import load_embedder
    from builder.measure.instrument import Instrument
    from builder.progress import counting
    from builder.read import read_corpus
    from builder.report import distance_page
    from builder.screen import EvalScreen
    from builder.whole_file import write_whole

    evals = read_evals(eval_)
    texts = list(read_corpus(corpus, text_field))
    with Watcher() as watch:
        instrument = Instrument(load_embedder(embedder, cache_dir=cache_folder()))
        read = instrument.read([text.text for text in texts], counting(watch, "reading corpus"))
        background = background_texts()
        unrelated = instrument.read(background)
        rows = []
        summaries = []
        for found in evals:
            screen = EvalScreen(
                found,
                instrument,
                background,
                unrelated=unrelated,
                progress=counting(watch, "reading evals"),
            )
            ids, bodies = [text.id for text in texts], [text.text for text in texts]
            own = screen.measure(ids, bodies, read, progress=counting(watch, "measuring"))
            rows.append(own)
            summaries.append(summarise(own, screen.thresholds()))
    ordered = [row for per_text in zip(*rows, strict=True) for row in per_text]
    write_whole(
        output / "distance.jsonl",
        "".join(dumps(row.json(), ensure_ascii=False) + "\n" for row in ordered),
        folders=True,
    )
    facts = {
        "corpus": str(corpus),
        "documents": len(texts),
        "evals": [summary.json() for summary in summaries],
        "embedder": instrument.embedder.name,
        "fingerprint": instrument.fingerprint,
    }
    write_whole(output / "distance.json", dumps(facts, ensure_ascii=False, indent=1) + "\n", folders=True)
    write_whole(output / "distance.html", distance_page(str(corpus), len(texts), summaries), folders=True)
    lines = []
    for summary in summaries:
        share = summary.flagged_share
        lines.append(
            f"{summary.eval}: {summary.flagged} of {summary.measured} measured documents flagged "
            f"({share.share:.1%}, 95 % interval {share.low:.1%} to {share.high:.1%}); "
            f"verbatim {summary.classes['0']}, paraphrase {summary.classes['1']}, suspect {summary.suspects}, "
            f"unjudged {summary.unjudged}"
        )
    lines.append("The same dilemma in another world (class 2) is not measured by this version.")
    lines.append(f"Rows, summary and the nearest pairs: {output}/distance.jsonl, distance.json, distance.html")
    result("done", {**facts, "output": str(output)}, "\n".join(lines), as_json=json)
