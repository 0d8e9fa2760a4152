"""Texts to passages, vectors and words, and exact comparisons of them. Pure functions and values, no
policy.
"""

from builder.measure.embed import Embedder, Progress, load_embedder
from builder.measure.language import Reading, reading
from builder.measure.lexical import LexicalIndex, LexicalMatch, Run
from builder.measure.ngrams import ngram_hashes, shares_ngram
from builder.measure.null import Background
from builder.measure.passages import Chunker, Passage
from builder.measure.search import KeptIndex, best_pairs
from builder.measure.weights import DEFAULT_MODEL

__all__ = [
    "DEFAULT_MODEL",
    "Background",
    "Chunker",
    "Embedder",
    "KeptIndex",
    "LexicalIndex",
    "LexicalMatch",
    "Passage",
    "Progress",
    "Reading",
    "Run",
    "best_pairs",
    "load_embedder",
    "ngram_hashes",
    "reading",
    "shares_ngram",
]
