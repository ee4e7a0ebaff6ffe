"""The warehouse in which dbt builds: a DuckDB file, or a PostgreSQL database.

One process writes the file at a time; people query the published copy. Statements are written in DuckDB's dialect; the
connection to PostgreSQL translates them.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from compiler import PartnerflowError
from flows.settings import Postgres
from flows.warehouse.errors import not_built
from flows.warehouse.postgres import PostgresConnection, connect_postgres

LOCK_TIMEOUT = 30.0
"""Seconds to wait for another process to close the file."""

BROKEN = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
"""What DuckDB raises when a file cannot be read or written: it is damaged, or the disk is full."""

Connection = duckdb.DuckDBPyConnection | PostgresConnection


@contextmanager
def open_warehouse(place: Path | Postgres) -> Iterator[Connection]:
    """Open a connection that may write, in UTC, and close it at the end. The process may have others; dbt has its own.

    Raises PartnerflowError when another process keeps the file open for longer than LOCK_TIMEOUT, when it is not a
    valid DuckDB file, when the disk is full, when the PostgreSQL server does not answer, and when a query reads a table
    or a column that does not exist.
    """
    connection = connect_postgres() if isinstance(place, Postgres) else _connect(place)
    try:
        yield connection
    except BROKEN as error:
        raise unusable(place, error) from None
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise not_built(error) from None
    finally:
        connection.close()


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            connection = duckdb.connect(path, config={"autoinstall_known_extensions": "false"})
            connection.execute("SET TimeZone = 'UTC'")
            return connection
        except BROKEN as error:
            if not is_locked(error):
                raise unusable(path, error) from None
            if time.monotonic() > deadline:
                hint = "End the session that has it open, and query the published file instead."
                raise PartnerflowError(f"Another process keeps {path} open.\n{error}\n{hint}") from None
        time.sleep(0.2)


def is_locked(error: duckdb.Error) -> bool:
    """Return whether the error means that another process has the file open."""
    return "could not set lock" in str(error).lower()


def unusable(place: Path | Postgres | str, error: duckdb.Error) -> PartnerflowError:
    """Return the error to raise when a file cannot be read or written (see BROKEN)."""
    if "no space" in str(error).lower():
        return PartnerflowError(f"The disk is full: {error}\nMake room and run again; the next run does what is left.")
    hint = "Move the file away, let the loader fill the raw tables again, and run again. The ledger is another file."
    return PartnerflowError(f"{place} cannot be used as a DuckDB file: {in_one_line(error)}\n{hint}")


def in_one_line(error: duckdb.Error) -> str:
    """Return the text of the error in one line. DuckDB asks for an extension when a file is a SQLite database."""
    text = " ".join(str(error).split())
    return "it is a SQLite database." if "sqlite_scanner" in text else text


@contextmanager
def transaction(connection: Connection, keep: bool = True) -> Iterator[None]:
    """Run the block in a transaction: committed at the end, rolled back on an error or with `keep=False`."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT" if keep else "ROLLBACK")


def fetch_row(connection: Connection, query: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
    """Return the one row of a query that always has one, such as a count."""
    row = connection.execute(query, list(parameters)).fetchone()
    if row is None:
        raise LookupError(f"The query has no row: {query}")
    return tuple(row)


def has_table(connection: Connection, schema: str, name: str) -> bool:
    """Return whether the table or view exists."""
    query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"
    return bool(fetch_row(connection, query, [schema, name])[0])


def comment_on(connection: Connection, schema: str, name: str) -> str | None:
    """Return the comment of a table, if it has one."""
    if isinstance(connection, PostgresConnection):
        query = "SELECT obj_description(to_regclass(?), 'pg_class')"
        comment: str | None = fetch_row(connection, query, [f"{schema}.{name}"])[0]
        return comment
    query = "SELECT comment FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
    row = connection.execute(query, [schema, name]).fetchone()
    return row[0] if row else None
