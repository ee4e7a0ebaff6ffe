"""PostgreSQL as the warehouse: a connection with the part of DuckDB's interface that flows uses."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlglot

from compiler import PartnerflowError

if TYPE_CHECKING:
    import psycopg2.extensions


class PostgresConnection:
    """A connection in autocommit that understands statements in DuckDB's dialect, with `?` for parameters."""

    def __init__(self, connection: "psycopg2.extensions.connection"):
        self._connection = connection

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> "psycopg2.extensions.cursor":
        """Run one statement; the cursor has fetchone and fetchall."""
        (translated,) = sqlglot.transpile(statement, read="duckdb", write="postgres")
        cursor = self._connection.cursor()
        cursor.execute(translated, list(parameters) or None)
        return cursor

    def insert(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run `INSERT INTO … VALUES %s` for all rows, a thousand at a time."""
        from psycopg2.extras import execute_values

        execute_values(self._connection.cursor(), statement, rows, page_size=1000)

    def close(self) -> None:
        """Close the session."""
        self._connection.close()


def connect_postgres() -> PostgresConnection:
    """Open a session in UTC. Raises PartnerflowError when the driver is missing or the server does not answer."""
    try:
        import psycopg2
    except ModuleNotFoundError:
        hint = 'Install it: pip install "partnerflow[postgres]".'
        raise PartnerflowError(f"The target postgres needs dbt-postgres and psycopg2. {hint}") from None
    try:
        connection = psycopg2.connect("", options="-c TimeZone=UTC")
    except psycopg2.OperationalError as error:
        hint = "Set PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE."
        raise PartnerflowError(f"PostgreSQL does not answer: {str(error).strip()}\n{hint}") from None
    connection.autocommit = True
    return PostgresConnection(connection)
