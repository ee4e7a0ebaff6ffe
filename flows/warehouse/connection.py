"""The warehouse in which dbt builds: a DuckDB file, or a PostgreSQL database.

One process writes the file at a time; people query the published copy. Statements are written in DuckDB's dialect; the
connection to PostgreSQL translates them.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from compiler import PartnerflowError
from flows.warehouse.postgres import Postgres, PostgresConnection, connect_postgres

PATIENCE = 30.0
"""Seconds to wait for another process to let go of the file."""

Connection = duckdb.DuckDBPyConnection | PostgresConnection


@contextmanager
def open_warehouse(place: Path | Postgres) -> Iterator[Connection]:
    """A connection that may write, in UTC, closed at the end so that dbt can open the file.

    Raises PartnerflowError when another process keeps the file for longer than PATIENCE, when it is no DuckDB file, and
    when the PostgreSQL server does not answer.
    """
    connection = connect_postgres() if isinstance(place, Postgres) else _connect(place)
    try:
        yield connection
    finally:
        connection.close()


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    path.parent.mkdir(parents=True, exist_ok=True)
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
def transaction(connection: Connection, keep: bool = True) -> Iterator[None]:
    """All or nothing: committed at the end, rolled back on an error, and always with `keep=False`."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT" if keep else "ROLLBACK")


def has_table(connection: Connection, schema: str, name: str) -> bool:
    """Whether the table or view exists."""
    query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"
    return bool(connection.execute(query, [schema, name]).fetchone()[0])


def comment_on(connection: Connection, schema: str, name: str) -> str | None:
    """What COMMENT ON TABLE has said of a table, if anything."""
    if isinstance(connection, PostgresConnection):
        query = "SELECT obj_description(to_regclass(?), 'pg_class')"
        return connection.execute(query, [f"{schema}.{name}"]).fetchone()[0]
    query = "SELECT comment FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
    return (connection.execute(query, [schema, name]).fetchone() or (None,))[0]
