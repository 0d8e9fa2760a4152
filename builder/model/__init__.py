"""The seam to language models: requests, replies, backends and the ledger that never pays twice."""

from builder.model.backends import BACKENDS, open_model
from builder.model.calls import Caller
from builder.model.ledger import Ledger
from builder.model.protocol import Model, Outcome, Reply, Request, RoundModel, Usage

__all__ = [
    "BACKENDS",
    "Caller",
    "Ledger",
    "Model",
    "Outcome",
    "Reply",
    "Request",
    "RoundModel",
    "Usage",
    "open_model",
]
