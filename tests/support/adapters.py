"""The environment with the dbt adapters of warehouses and the engine of ClickHouse."""

import os
from pathlib import Path

import pytest

from flows.settings import CHECKOUT

PYTHON = CHECKOUT / ".venv-adapters" / "bin" / "python"


def python_with_adapters() -> Path:
    """Return its Python. Skip the test if it is not installed; with PARTNERFLOW_REQUIRE_ADAPTERS=1 the test fails."""
    if not PYTHON.exists():
        assert not os.environ.get("PARTNERFLOW_REQUIRE_ADAPTERS"), f"There is no {PYTHON}."
        pytest.skip("The adapters are not installed: `make test-adapters` installs them.")
    return PYTHON
