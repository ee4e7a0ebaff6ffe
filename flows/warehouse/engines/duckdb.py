"""DuckDB: a file that one process writes at a time, and the published copy of it, which any number read."""

import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb
from sqlglot import exp

from compiler import PartnerflowError
from compiler.sql.single_statement import union_all
from flows.settings import Place
from flows.warehouse.engine import Engine
from flows.warehouse.errors import NotBuilt, Unavailable

if TYPE_CHECKING:
    import pandas

_COPY = "import shutil, sys; shutil.copyfile(*sys.argv[1:])"
"""Copies a file in a process of its own: a process that closes a file loses its locks of it, also those of DuckDB."""

CONFIG: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
"""The options of every connection: nothing is downloaded."""

LOCK_TIMEOUT = 30.0
"""Seconds to wait for another process to close the file."""

BROKEN = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
"""What DuckDB raises when a file cannot be read or written: it is damaged, or the disk is full."""

REMEDY = "Move the file away, let the loader fill the raw tables again, and run again. The ledger is another file."

Described = Callable[[duckdb.Error], PartnerflowError]
"""Returns the error to raise in place of one of BROKEN."""


class DuckDBRows:
    """The rows of a statement; they are computed while they are fetched."""

    def __init__(self, result: duckdb.DuckDBPyConnection, described: Described):
        self._result, self._described = result, described

    @property
    def description(self) -> list[Any] | None:
        """The columns, name first."""
        return self._result.description

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None."""
        with _clear_errors(self._described):
            return self._result.fetchone()

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""
        with _clear_errors(self._described):
            return self._result.fetchall()


class DuckDBConnection:
    """A connection to a file. `described` returns the error to raise when the file cannot be read or written."""

    has_transactions = True

    def __init__(self, connection: duckdb.DuckDBPyConnection, described: Described):
        self._connection, self._described = connection, described

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, statement: str | exp.Expr, parameters: Sequence[Any] = ()) -> DuckDBRows:
        """Run one statement."""
        text, bound = _with_literals(statement if isinstance(statement, str) else self.written(statement), parameters)
        with _clear_errors(self._described):
            return DuckDBRows(self._connection.execute(text, bound), self._described)

    def written(self, statement: exp.Expr) -> str:
        """Return a statement as text."""
        return statement.sql("duckdb", copy=False)

    def create_table(self, statement: exp.Create) -> None:
        """Create a table empty, in place of an existing one, and its schema if it does not exist."""
        self.execute(f"CREATE SCHEMA IF NOT EXISTS {next(statement.find_all(exp.Table)).db}")
        replacing = statement.copy()
        replacing.set("replace", True)
        self.execute(replacing.sql("duckdb"))

    def append(self, columns: exp.Schema, rows: "pandas.DataFrame") -> None:
        """Add rows, whose columns are in the order of `columns`."""
        insert = exp.Insert(this=columns, expression=exp.select("*").from_("appended_rows"))
        self._connection.register("appended_rows", rows)
        self.execute(insert.sql("duckdb"))
        self._connection.unregister("appended_rows")

    def analyze(self, table: exp.Table) -> None:
        """Do nothing: DuckDB counts rows itself."""

    def columns(self, schema: str) -> dict[str, frozenset[str]]:
        """Return the names of the columns of each table and view of a schema, by its name."""
        query = """
            SELECT table_name, list(column_name) FROM duckdb_columns()
            WHERE schema_name = ? AND database_name = current_database() GROUP BY table_name"""
        return {name: frozenset(columns) for name, columns in self.execute(query, [schema]).fetchall()}

    def comment(self, schema: str, name: str) -> str | None:
        """Return the comment of a table, if it has one."""
        query = "SELECT comment FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?"
        row = self.execute(query, [schema, name]).fetchone()
        return row[0] if row else None

    def time_zones(self) -> set[str]:
        """Return the names of the time zones that DuckDB knows."""
        return {name for (name,) in self.execute("SELECT name FROM pg_timezone_names()").fetchall()}

    def local_time(self, instant: exp.Expr) -> exp.Expr:
        """Return the local time of a timestamp in UTC, in the time zone of a parameter."""
        return exp.func("timezone", exp.Placeholder(), exp.func("timezone", exp.Literal.string("UTC"), instant))

    def versions(self, schema: str, names: Collection[str]) -> dict[str, str]:
        """Return the number of rows, and the sum of their hashes and of that of the types: views fail over others."""
        selects = [
            exp.select(
                exp.Literal.string(name), "count(*)", "sum(hash(row_read)) + hash(any_value(typeof(row_read)))"
            ).from_(exp.table_(name, db=schema, alias="row_read", quoted=True))
            for name in names
        ]
        query = union_all(selects)
        found = self.execute(query).fetchall() if query else []
        return {name: f"{rows} rows, {total}" for name, rows, total in found}

    def export(self, schemas: Sequence[str], file: Path) -> None:
        """Copy the whole file: that takes less CPU than writing these tables again (benchmarks/incremental.py).

        Between the checkpoint and the end of the copy nothing may write: this process has the lock of the file.
        """
        query = "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
        ((source,),) = self.execute(query).fetchall()
        self.execute("CHECKPOINT")
        command = [sys.executable, "-I", "-S", "-c", _COPY, source, str(file)]
        copied = subprocess.run(command, capture_output=True, text=True, check=False)
        if copied.returncode:
            raise self._described(duckdb.IOException(copied.stderr.strip().splitlines()[-1]))

    def create_from_parquet(self, schema: str, name: str, file: Path) -> None:
        """Create a table with the rows of a Parquet file. Raises PartnerflowError if the file is not valid."""
        self.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        try:
            self._connection.execute(f"CREATE TABLE {schema}.{name} AS SELECT * FROM read_parquet({literal(file)})")
        except duckdb.Error as error:
            raise PartnerflowError(f"{file} cannot be read as a history of contracts: {error}") from None

    def write_parquet(self, schema: str, name: str, file: Path) -> None:
        """Write the rows of a table to a Parquet file."""
        self.execute(f"COPY {schema}.{name} TO {literal(file)} (FORMAT parquet)")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def open_file(file: Path, described: Described) -> DuckDBConnection:
    """Open a file for reading, without waiting, in UTC. Raises one of BROKEN if that is not possible."""
    connection = DuckDBConnection(duckdb.connect(file, True, CONFIG), described)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def is_locked(error: duckdb.Error) -> bool:
    """Return whether the error means that another process has the file open."""
    return "could not set lock" in str(error).lower()


def in_one_line(error: duckdb.Error) -> str:
    """Return the text of the error in one line. DuckDB asks for an extension when a file is a SQLite database."""
    text = " ".join(str(error).split())
    return "it is a SQLite database." if "sqlite_scanner" in text else text


def literal(file: Path) -> str:
    """Return a path as it is written in a statement that takes no parameter for it."""
    return exp.Literal.string(str(file)).sql("duckdb")


def _with_literals(text: str, parameters: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return a statement with its parameters as literals, and those that are still to be bound: none or all.

    To bind one parameter, DuckDB's client imports pandas, which takes longer than most commands that only read.
    """
    parts = text.split("?")
    if len(parts) - 1 != len(parameters) or not all(map(_has_literal, parameters)):
        return text, list(parameters)
    literals = [_literal(value) for value in parameters]
    return "".join(part for pair in zip(parts, [*literals, ""], strict=True) for part in pair), []


def _literal(value: Any) -> str:
    """Return a value as SQL. Texts and numbers look the same in every dialect, and DuckDB's is slow to import."""
    return exp.convert(value).sql("duckdb" if isinstance(value, date) else None)


def _has_literal(value: Any) -> bool:
    """Return whether a literal is the same value: of texts, those without the one character that ends a statement."""
    if isinstance(value, datetime):
        return value.tzinfo is None
    return value is None or isinstance(value, bool | int | date) or (isinstance(value, str) and "\0" not in value)


@contextmanager
def _clear_errors(described: Described) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        raise described(error) from None
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise NotBuilt(error) from None


@contextmanager
def _connect(place: Place) -> Iterator[DuckDBConnection]:
    """Open the warehouse file. Raises PartnerflowError when another process keeps it open longer than LOCK_TIMEOUT."""
    path = _path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        opened = _opened(path, LOCK_TIMEOUT)
    except BROKEN as error:
        if not is_locked(error):
            raise _unusable(path, error) from None
        hint = "End the session that has it open, and query the published file instead."
        raise PartnerflowError(f"Another process keeps {path} open.\n{error}\n{hint}") from None
    with _in_utc(opened, path) as connection:
        yield connection


@contextmanager
def _connect_read_only(place: Place, wait: bool) -> Iterator[DuckDBConnection]:
    """Open the warehouse file for reading. Raises Unavailable while another process writes, or if it is not valid."""
    path = _path(place)
    try:
        opened = _opened(path, LOCK_TIMEOUT if wait else 0, read_only=True)
    except BROKEN as error:
        raise _unavailable(path, error) from None
    with _in_utc(opened, path) as connection:
        yield connection


def _opened(path: Path, wait: float, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open the file, as soon as no other process has it open. Raises one of BROKEN after `wait` seconds."""
    deadline = time.monotonic() + wait
    while True:
        try:
            return duckdb.connect(path, read_only, CONFIG)
        except BROKEN as error:
            if not is_locked(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def _in_utc(opened: duckdb.DuckDBPyConnection, path: Path) -> DuckDBConnection:
    connection = DuckDBConnection(opened, lambda error: _unusable(path, error))
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _unavailable(path: Path, error: duckdb.Error) -> Unavailable:
    if is_locked(error):
        hint = "A run or a loader may be using it. People query the published file."
        return Unavailable(f"Another process keeps {path} open.\n{hint}", is_locked=True)
    return Unavailable(f"{path} is not a valid DuckDB file: {in_one_line(error)}\n{REMEDY}", is_locked=False)


def _unusable(path: Path, error: duckdb.Error) -> PartnerflowError:
    if "no space" in str(error).lower():
        return PartnerflowError(f"The disk is full: {error}\nMake room and run again; the next run does what is left.")
    return PartnerflowError(f"{path} cannot be used as a DuckDB file: {in_one_line(error)}\n{REMEDY}")


def _path(place: Place) -> Path:
    assert isinstance(place, Path)
    return place


def _local_bytes(place: Place) -> int:
    path = _path(place)
    return path.stat().st_size if path.exists() else 0


ENGINE = Engine(
    dialect="duckdb",
    connect=_connect,
    connect_read_only=_connect_read_only,
    lock=lambda *_: nullcontext(),  # the file is in the state folder, which a run locks
    local_bytes=_local_bytes,
    readers_block_writers=True,
    time_zone_hint="Install requirements.lock again: it pins tzdata to the rules of DuckDB.",
)
