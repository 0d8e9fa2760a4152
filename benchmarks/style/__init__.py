"""How a corpus sounds: what its documents share, which habits most of them have, what its build did.

    python -m benchmarks.style corpus/default [--against FILE ...] [--families] [--character NAME ...] [--json]

A build folder and any other corpus (JSONL, CSV, Parquet, folders of text) stand side by side. The habits are plain
regular expressions for English; a document in another language shows few of them.
"""
