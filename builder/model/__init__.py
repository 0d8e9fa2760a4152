"""The seam to language models: requests, replies, backends, what they cost, and the ledger that never pays twice."""

from builder.model.account import Account, CapReached, Totals
from builder.model.backends import BACKENDS, Opening, open_backend, open_prices, prove_backend
from builder.model.calls import Caller, OneByOne
from builder.model.ledger import Ledger
from builder.model.measured import Measured, measure
from builder.model.patience import Patience
from builder.model.prices import Price, Prices, dollars
from builder.model.protocol import Backend, Model, Outcome, Reply, Request, Usage
from builder.model.recorded import save_recording
from builder.model.settings import NAMING, ModelConfig, Spend

__all__ = [
    "BACKENDS",
    "NAMING",
    "Account",
    "Backend",
    "Caller",
    "CapReached",
    "Ledger",
    "Measured",
    "Model",
    "ModelConfig",
    "OneByOne",
    "Opening",
    "Outcome",
    "Patience",
    "Price",
    "Prices",
    "Reply",
    "Request",
    "Spend",
    "Totals",
    "Usage",
    "dollars",
    "measure",
    "open_backend",
    "open_prices",
    "prove_backend",
    "save_recording",
]
