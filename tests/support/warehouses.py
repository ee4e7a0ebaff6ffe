"""Connections to warehouses that are made for a test."""

from pathlib import Path
from typing import Any

import duckdb

from compiler import PartnerflowError
from flows.warehouse.engines.duckdb import DuckDBConnection


def duckdb_connection(file: Path | str = ":memory:", **config: Any) -> DuckDBConnection:
    """Return a connection to a file or to memory, with DuckDB's own options."""
    return DuckDBConnection(duckdb.connect(file, config=config), lambda error: PartnerflowError(str(error)))
