"""PostgreSQL: the database that libpq's own variables name (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE).

dbt_project/profiles.yml reads the same variables with the same defaults, so dbt and flows always use the same database.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from sqlglot import exp

from compiler import PartnerflowError
from flows.settings import Place
from flows.warehouse.engine import Engine, Rows
from flows.warehouse.engines.duckdb import literal
from flows.warehouse.errors import NotBuilt

if TYPE_CHECKING:
    import pandas
    import psycopg2.extensions

OLDEST = 16
"""The oldest version that has pg_input_is_valid, by which models check texts before they read them as numbers."""

DEFAULTS = {"host": "localhost", "port": "5432", "user": "postgres", "dbname": "postgres"}
"""Where the database is unless a variable says so, as in dbt_project/profiles.yml."""

LOCK = 7_078_656_970
"""The number of the lock of a run: any, but always the same."""

VARIABLES = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}


class PostgresConnection:
    """A connection in autocommit."""

    has_transactions = True

    def __init__(self, connection: "psycopg2.extensions.connection"):
        self._connection = connection

    def execute(self, statement: str | exp.Expr, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement."""
        if isinstance(statement, str):
            text = statement.replace("%", "%%").replace("?", "%s") if parameters else statement
        else:
            text = self.written(statement)
        return self._run(text, parameters)

    def written(self, statement: exp.Expr) -> str:
        """Return a statement as text."""
        return statement.sql("postgres", copy=False)

    def create_table(self, statement: exp.Create) -> None:
        """Create a table, or empty an existing one, on which views depend, and add the columns that it lacks."""
        table = next(statement.find_all(exp.Table))
        present = self.columns(table.db).get(table.name)
        if present is None:
            creating = statement.copy()
            creating.set("replace", False)
            self._run(f"CREATE SCHEMA IF NOT EXISTS {table.db}")
            self._run(creating.sql("postgres"))
            return
        if lacking := [one.copy() for one in statement.find_all(exp.ColumnDef) if one.name not in present]:
            self._run(exp.Alter(this=table.copy(), kind="TABLE", actions=lacking).sql("postgres"))
        self._run(exp.delete(table).sql("postgres"))

    def append(self, columns: exp.Schema, rows: "pandas.DataFrame") -> None:
        """Add rows, a thousand at a time; their columns are in the order of `columns`."""
        self._insert(columns, rows.astype(object).where(rows.notna(), None).to_numpy().tolist())

    def analyze(self, table: exp.Table) -> None:
        """Count the rows; else 400 hours are planned as the two of the last run, which takes minutes."""
        self._run(f"ANALYZE {table.sql('postgres')}")

    def columns(self, schema: str) -> dict[str, frozenset[str]]:
        """Return the names of the columns of each table and view of a schema, by its name."""
        query = """
            SELECT table_name, array_agg(cast(column_name AS text)) FROM information_schema.columns
            WHERE table_schema = %s GROUP BY table_name"""
        return {name: frozenset(columns) for name, columns in self._run(query, [schema]).fetchall()}

    def comment(self, schema: str, name: str) -> str | None:
        """Return the comment of a table, if it has one."""
        table = exp.table_(name, db=schema, quoted=True).sql("postgres")
        row = self._run("SELECT obj_description(to_regclass(%s), 'pg_class')", [table]).fetchone()
        return row[0] if row else None

    def time_zones(self) -> set[str]:
        """Return the names of the time zones that the server knows."""
        return {name for (name,) in self._run("SELECT name FROM pg_timezone_names()").fetchall()}

    def local_time(self, instant: exp.Expr) -> exp.Expr:
        """Return the local time of a timestamp in UTC, in the time zone of a parameter."""
        return exp.func("timezone", exp.Placeholder(), exp.func("timezone", exp.Literal.string("UTC"), instant))

    def versions(self, schema: str, names: Collection[str]) -> dict[str, str]:
        """Return the number of rows, the sum of their hashes, and a hash of the columns, with the id of the table.

        A loader that drops the table and creates it again also drops the views that read it.
        """
        tables = {name: exp.table_(name, db=schema, quoted=True).sql("postgres") for name in names}
        selects = [
            f"""
            SELECT %s, count(*), sum(hashtextextended(cast(row_read AS text), 0)), (
                SELECT hashtext(string_agg(concat_ws(' ', attrelid, attname, atttypid, atttypmod), ',' ORDER BY attnum))
                FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped)
            FROM {table} AS row_read"""
            for table in tables.values()
        ]
        chosen = [one for pair in tables.items() for one in pair]
        found = self._run(" UNION ALL ".join(selects), chosen).fetchall() if selects else []
        return {name: f"{rows} rows, {total}, columns {columns}" for name, rows, total, columns in found}

    def export(self, schemas: Sequence[str], file: Path) -> None:
        """Write the tables and views of these schemas to a new DuckDB file, each by way of a CSV file beside it."""
        rows = file.with_suffix(".csv")
        self._run("BEGIN ISOLATION LEVEL REPEATABLE READ")
        try:
            with duckdb.connect(file) as published:
                for schema in schemas:
                    published.execute(f"CREATE SCHEMA {schema}")
                for table, types in self._tables(schemas):
                    self._write_csv(table, rows)
                    published.execute(_create(table, types).sql("duckdb"))
                    published.execute(f"COPY {table.sql('duckdb')} FROM {literal(rows)} ({_CSV})")
        finally:
            self._run("COMMIT")
            rows.unlink(missing_ok=True)

    def create_from_parquet(self, schema: str, name: str, file: Path) -> None:
        """Create a table with the rows of a Parquet file. Values go as text, since Python's dates end in 9999."""
        source = f"SELECT * FROM read_parquet({literal(file)})"
        try:
            with duckdb.connect() as reader:
                types = {column: kind for column, kind, *_ in reader.execute(f"DESCRIBE {source}").fetchall()}
                rows = reader.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({source})").fetchall()
        except duckdb.Error as error:
            raise PartnerflowError(f"{file} cannot be read as a history of contracts: {error}") from None
        table = exp.Table(this=exp.to_identifier(name), db=exp.to_identifier(schema))
        creating = _create(
            table, {column: exp.DataType.build(kind, dialect="duckdb") for column, kind in types.items()}
        )
        self._run("BEGIN")
        try:
            self._run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            self._run(creating.sql("postgres"))
            columns = [exp.to_identifier(column, quoted=True) for column in types]
            self._insert(exp.Schema(this=table, expressions=columns), rows)
            self._run("COMMIT")
        except BaseException:
            self._run("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the session."""
        self._connection.close()

    def _run(self, statement: str, parameters: Sequence[Any] = ()) -> Rows:
        """Run one statement in PostgreSQL's dialect, with `%s` for parameters."""
        cursor = self._connection.cursor()
        with _clear_errors():
            cursor.execute(statement, list(parameters) or None)
        return cursor

    def _insert(self, columns: exp.Schema, rows: Sequence[Sequence[Any]]) -> None:
        from psycopg2.extras import execute_values

        insert = exp.Insert(this=columns, expression=exp.Var(this="VALUES %s")).sql("postgres")
        with _clear_errors():
            execute_values(self._connection.cursor(), insert, rows, page_size=1000)

    def _write_csv(self, table: exp.Table, file: Path) -> None:
        """Write the rows of a table or view to a CSV file, with a header and in UTF-8."""
        statement = f"COPY (SELECT * FROM {table.sql('postgres')}) TO STDOUT (FORMAT csv, HEADER)"
        with file.open("w", encoding="utf-8", newline="") as rows, _clear_errors():
            self._connection.cursor().copy_expert(statement, rows)

    def _tables(self, schemas: Sequence[str]) -> Iterator[tuple[exp.Table, dict[str, exp.DataType]]]:
        """Yield the tables and views of these schemas, by name, with the type of each column, in order."""
        query = """
            SELECT table_schema, table_name, array_agg(cast(attname AS text) ORDER BY attnum),
                array_agg(format_type(atttypid, atttypmod) ORDER BY attnum)
            FROM information_schema.tables
            INNER JOIN pg_attribute ON attrelid = to_regclass(format('%%I.%%I', table_schema, table_name))
            WHERE table_schema = ANY(%s) AND attnum > 0 AND NOT attisdropped
            GROUP BY table_schema, table_name ORDER BY table_schema, table_name"""
        for schema, name, columns, kinds in self._run(query, [list(schemas)]).fetchall():
            table = exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier(schema))
            yield table, dict(zip(columns, map(_type, kinds), strict=True))


def _type(kind: str) -> exp.DataType:
    """Return a type of PostgreSQL for the published file. A number of any precision is a double."""
    return exp.DataType.build("double precision" if kind == "numeric" else kind, dialect="postgres")


def _create(table: exp.Table, types: Mapping[str, exp.DataType]) -> exp.Create:
    columns = [exp.ColumnDef(this=exp.to_identifier(name, quoted=True), kind=kind) for name, kind in types.items()]
    return exp.Create(this=exp.Schema(this=table.copy(), expressions=columns), kind="TABLE")


_CSV = """
    FORMAT csv, AUTO_DETECT false, HEADER true, DELIMITER ',', QUOTE '"', ESCAPE '"', NULLSTR '',
    ALLOW_QUOTED_NULLS false, MAX_LINE_SIZE 100_000_000"""
"""How PostgreSQL writes CSV: a null is an empty field, an empty text is in quotes."""


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Raise NotBuilt when a table or column does not exist, and PartnerflowError when the server refuses or stops."""
    from psycopg2 import InterfaceError, OperationalError, errors

    try:
        yield
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
        raise NotBuilt(error) from None
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction) as error:
        (said, *_) = str(error).splitlines()
        hint = "The user of PGUSER must create schemas in the database, and own or write the tables of schema raw."
        raise PartnerflowError(f"PostgreSQL refuses a statement: {said}\n{hint}") from None
    except (OperationalError, InterfaceError) as error:
        hint = "Start the server, or free its disk, and run again; the next run does what is left."
        raise PartnerflowError(f"PostgreSQL does not answer: {str(error).strip()}\n{hint}") from None


def _connect_read_only(place: Place, wait: bool) -> AbstractContextManager[PostgresConnection]:
    """Open a session that cannot write. It never waits for another one.

    Previews, which would wait, create temporary tables. PostgreSQL does not allow that in a read-only session.
    """
    return _connect(place, "" if wait else "-c default_transaction_read_only=on")


@contextmanager
def _connect(_: Place, options: str = "") -> Iterator[PostgresConnection]:
    """Open a session in UTC, with these options of the server.

    Raises PartnerflowError when the driver is missing, and when the server does not answer, refuses or is too old.
    """
    try:
        import psycopg2
        from psycopg2.extensions import make_dsn
    except ModuleNotFoundError:
        hint = 'Install it: pip install "partnerflow[postgres]".'
        raise PartnerflowError(f"The target postgres needs dbt-postgres and psycopg2. {hint}") from None
    place = {key: os.environ.get(variable, DEFAULTS[key]) for key, variable in VARIABLES.items()}
    chosen = f"{os.environ.get('PGOPTIONS', '')} -c TimeZone=UTC {options}".strip()
    try:
        connection = psycopg2.connect(make_dsn(options=chosen, application_name="partnerflow", **place))
    except psycopg2.OperationalError as error:
        hint = "Set PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE."
        raise PartnerflowError(f"PostgreSQL cannot be reached: {str(error).strip()}\n{hint}") from None
    with closing(PostgresConnection(connection)) as session:
        _check_version(connection.server_version)
        connection.autocommit = True
        yield session


@contextmanager
def _lock(place: Place, _: Path) -> Iterator[None]:
    """Hold a lock on the database, which the server releases when the session ends, however it ends."""
    with _connect(place) as session:
        taken = session._run("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()
        if taken != (True,):
            hint = "Wait until it ends; a second run is not queued. State folders need a database each."
            raise PartnerflowError(f"Another run is using the database of PGDATABASE. {hint}")
        yield


def _check_version(number: int) -> None:
    """Raise PartnerflowError if the server, whose version 16.4 has the number 160004, lacks what the models need."""
    if number < OLDEST * 10_000:
        version = f"{number // 10_000}.{number % 10_000}"
        raise PartnerflowError(
            f"The server is PostgreSQL {version}, and the models need {OLDEST} or later. "
            "Upgrade the server, or set PGHOST and PGPORT to another."
        )


ENGINE = Engine(
    dialect="postgres",
    connect=_connect,
    connect_read_only=_connect_read_only,
    lock=_lock,
    local_bytes=lambda _: 0,
    time_zone_hint="Let PostgreSQL have the rules of tzdata {tzdata} (a minor release, or its system's).",
    environment={"PGTZ": "UTC"},
)
