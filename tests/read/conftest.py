from pathlib import Path

import pytest

REAL = Path(__file__).parents[2].parent / "shared" / "real"


@pytest.fixture(scope="session")
def real():
    if not REAL.is_dir():
        pytest.skip("the real inputs (../shared/real) are not here")
    return REAL
