"""Anybody's corpora and evals as records. A new file format is one reader in `formats.py`'s registry."""

from builder.read.corpora import read_corpus
from builder.read.evals import read_eval

__all__ = ["read_corpus", "read_eval"]
