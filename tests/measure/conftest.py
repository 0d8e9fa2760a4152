from pathlib import Path

import pytest

from builder.measure import load_embedder
from builder.read import read_corpus, read_eval

REAL = Path(__file__).parents[2].parent / "shared" / "real"


@pytest.fixture(scope="session")
def real():
    if not REAL.is_dir():
        pytest.skip("the real inputs (../shared/real) are not here")
    return REAL


@pytest.fixture(scope="session")
def real_documents(real):
    return [text.text for text in read_corpus(real / "corpora" / "constitution_documents.jsonl")]


@pytest.fixture(scope="session")
def real_eval(real):
    return read_eval(real / "evals" / "agentic_misalignment" / "rendered")


@pytest.fixture(scope="session")
def embedder():
    return load_embedder()
