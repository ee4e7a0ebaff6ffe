"""Open the warehouse in which dbt builds, and what is the same on every engine.

One process writes a DuckDB file at a time; people query the published copy.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from flows.settings import Place
from flows.warehouse.engine import Connection
from flows.warehouse.engines import engine_of

__all__ = ["Connection", "fetch_row", "has_table", "lock_warehouse", "open_read_only", "open_warehouse", "transaction"]


def open_warehouse(place: Place) -> AbstractContextManager[Connection]:
    """Open a connection that may write, in UTC, and close it at the end. The process may have others; dbt has its own.

    Raises PartnerflowError when another process keeps a file open for longer than LOCK_TIMEOUT (engines/duckdb.py),
    when a file is not valid, when the disk is full, and when a server does not answer.
    """
    return engine_of(place).connect(place)


def open_read_only(place: Place, wait: bool = False) -> AbstractContextManager[Connection]:
    """Open a connection that reads, in UTC; any number may read a file at once.

    Raises Unavailable while another process writes to a file: at once, or when `wait` is set, after LOCK_TIMEOUT. Only
    with `wait` may it have temporary tables, on every engine: it is for previews (flows.preview.hours.open_facts).
    """
    return engine_of(place).connect_read_only(place, wait)


def lock_warehouse(place: Place, state_dir: Path) -> AbstractContextManager[None]:
    """Keep runs of other state folders than this one out of the warehouse during a block.

    Raises PartnerflowError if one is at work, or if the warehouse belongs to another state folder.
    """
    return engine_of(place).lock(place, state_dir)


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Run the block in a transaction: committed at the end, rolled back on an error.

    An engine without transactions runs each statement at once. So a block writes last what marks the rest as done, and
    may be repeated from any point.
    """
    if not connection.has_transactions:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def fetch_row(connection: Connection, query: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
    """Return the one row of a query that always has one, such as a count."""
    row = connection.execute(query, list(parameters)).fetchone()
    if row is None:
        raise LookupError(f"The query has no row: {query}")
    return tuple(row)


def has_table(connection: Connection, schema: str, name: str) -> bool:
    """Return whether the table or view exists. To ask for several, call `columns` of the connection once."""
    return name in connection.columns(schema)
