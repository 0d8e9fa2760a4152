"""Emission: shards, manifest and card of a finished build, and the check of a folder against its manifest."""

from builder.emit.emission import Emitted, emit
from builder.emit.manifest import BuildFacts
from builder.emit.place import finish_interrupted
from builder.emit.rows import BrokenBuild, document_id
from builder.emit.stale import StaleDocument, Staleness, stale_documents
from builder.emit.verification import Verification, verify

__all__ = [
    "BrokenBuild",
    "BuildFacts",
    "Emitted",
    "StaleDocument",
    "Staleness",
    "Verification",
    "document_id",
    "emit",
    "finish_interrupted",
    "stale_documents",
    "verify",
]
