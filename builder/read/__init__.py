"""Anybody's corpora and evals as records. A new file format is one reader in `formats.py`'s registry."""

from builder.read.corpora import read_corpus
from builder.read.evals import read_eval
from builder.read.transcripts import read_transcripts

__all__ = ["read_corpus", "read_eval", "read_transcripts"]
