"""`distance.html`: what was found, with the nearest pairs in words."""

from collections.abc import Sequence

from builder.audit import CorpusDistance
from builder.report.environment import page_environment

CLASS_NAMES = {"0": "verbatim", "1": "paraphrase", "2": "isomorph", "3": "same theme", "4": "unrelated"}


def distance_page(corpus: str, documents: int, summaries: Sequence[CorpusDistance]) -> str:
    """The page as HTML; everything that comes from a corpus or an eval is escaped."""
    template = page_environment().get_template("distance.html")
    return template.render(corpus=corpus, documents=documents, summaries=summaries, names=CLASS_NAMES)
