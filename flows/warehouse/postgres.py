"""PostgreSQL as the warehouse: a connection with the part of DuckDB's interface that flows uses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from compiler import PartnerflowError
from flows.warehouse.errors import not_built

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
        with _clear_errors():
            cursor.execute(translated, list(parameters) or None)
        return cursor

    def insert(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run `INSERT INTO … VALUES %s` for all rows, a thousand at a time."""
        from psycopg2.extras import execute_values

        execute_values(self._connection.cursor(), statement, rows, page_size=1000)

    def freeze(self) -> None:
        """Let the transaction that has just started read everything as it is at its first query."""
        self._connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    def write_csv(self, schema: str, name: str, file: Path) -> None:
        """Write the rows of a table or view to a CSV file, with a header and in UTF-8."""
        table = exp.table_(name, db=schema, quoted=True).sql("postgres")
        with file.open("w", encoding="utf-8", newline="") as rows:
            self._connection.cursor().copy_expert(f"COPY (SELECT * FROM {table}) TO STDOUT (FORMAT csv, HEADER)", rows)

    def column_types(self, schema: str, name: str) -> dict[str, exp.DataType]:
        """Return the type of each column of a table or view, in order. A number of any precision is a double."""
        query = """
            SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
            WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped
            ORDER BY attnum"""
        table = exp.table_(name, db=schema, quoted=True).sql("postgres")
        types = dict(self.execute(query, [table]).fetchall())
        types = {column: "double precision" if kind == "numeric" else kind for column, kind in types.items()}
        return {column: exp.DataType.build(kind, dialect="postgres") for column, kind in types.items()}

    def close(self) -> None:
        """Close the session."""
        self._connection.close()


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Raise PartnerflowError when a table or column does not exist, and when the server ends the session."""
    from psycopg2 import InterfaceError, OperationalError, errors

    try:
        yield
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
        raise not_built(error) from None
    except (OperationalError, InterfaceError) as error:
        hint = "Start the server, or free its disk, and run again; the next run does what is left."
        raise PartnerflowError(f"PostgreSQL does not answer: {str(error).strip()}\n{hint}") from None


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
