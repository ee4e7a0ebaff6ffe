"""Parameters of a statement on DuckDB, which are written as literals where that is the same."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest

from support.warehouses import duckdb_connection

VALUES = [
    "it's", "'; DROP TABLE x; --", r"a\'b", "a\nb", "\0", "?", "$1", "%s", "é🏕️", "", None, True, 0, -3, 2**63,
    date(2026, 3, 20), datetime(1, 1, 1), datetime(2026, 3, 20, 18, 0, 0, 123456), datetime(2026, 3, 20, tzinfo=UTC),
    1.5, ["a", "b"],
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_parameter_is_the_value_that_was_given(value: Any):
    """Alone, and beside others."""
    with duckdb_connection() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        assert connection.execute("SELECT ?", [value]).fetchall() == [(value,)]
        assert connection.execute("SELECT ?, ?, ?", ["'", value, "?"]).fetchall() == [("'", value, "?")]


def test_texts_are_bound_without_pandas():
    """DuckDB's client imports it to bind a parameter, and that takes longer than a command that reads."""
    code = """
import sys
from support.warehouses import duckdb_connection
with duckdb_connection() as connection:
    assert connection.execute("SELECT ?", ["a"]).fetchall() == [("a",)]
print("pandas" in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "False\n"
