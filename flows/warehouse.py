"""The DuckDB file in which dbt builds. One process writes it at a time; people query the published copy."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from compiler import PartnerflowError

PATIENCE = 30.0
"""Seconds to wait for another process to let go of the file."""


@contextmanager
def open_warehouse(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that may write, in UTC, closed at the end so that dbt can open the file.

    Raises PartnerflowError when another process keeps the file for longer than PATIENCE, or it is no DuckDB file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = _connect(path)
    try:
        yield connection
    finally:
        connection.close()


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection = duckdb.connect(path, config={"autoinstall_known_extensions": "false"})
            connection.execute("SET TimeZone = 'UTC'")
            return connection
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                hint = "Move the file away and run again: it is rebuilt from the raw tables."
                raise PartnerflowError(f"{path} cannot be opened as a DuckDB file: {error}\n{hint}") from None
            if time.monotonic() > deadline:
                hint = "End the session that holds it; people query the published copy instead."
                raise PartnerflowError(f"Another process keeps {path} open.\n{error}\n{hint}") from None
        time.sleep(0.2)


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection, keep: bool = True) -> Iterator[None]:
    """All or nothing: committed at the end, rolled back on an error, and always with `keep=False`."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT" if keep else "ROLLBACK")


def has_table(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    """Whether the table or view exists."""
    query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"
    return bool(connection.execute(query, [schema, name]).fetchone()[0])
