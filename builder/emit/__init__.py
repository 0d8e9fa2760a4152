"""Emission: shards, manifest and card of a finished build, and the check of a folder against its manifest."""

from builder.emit.broken import BrokenBuild
from builder.emit.emission import Emitted, emit
from builder.emit.facts import BuildFacts
from builder.emit.identity import document_id
from builder.emit.place import finish_interrupted
from builder.emit.verification import Verification, verify

__all__ = [
    "BrokenBuild",
    "BuildFacts",
    "Emitted",
    "Verification",
    "document_id",
    "emit",
    "finish_interrupted",
    "verify",
]
