"""Warehouses that are made for a test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from compiler import PartnerflowError
from flows.settings import Settings
from flows.warehouse.connection import Connection, open_warehouse
from flows.warehouse.engine import Rows
from flows.warehouse.engines.duckdb import DuckDBConnection
from flows.warehouse.engines.postgres import PostgresConnection
from support.databases import ENGINE, drop_database


def duckdb_connection(file: Path | str = ":memory:", **config: Any) -> DuckDBConnection:
    """Return a connection to a file or to memory, with DuckDB's own options."""
    return DuckDBConnection(duckdb.connect(file, config=config), lambda error: PartnerflowError(str(error)))


@contextmanager
def empty_warehouse(state_dir: Path, in_memory: bool = True) -> Iterator[Connection]:
    """Yield a connection to an empty warehouse of the session's engine, which is removed at the end.

    On DuckDB it is in memory, or the file of this state folder. On PostgreSQL it is the database of the state folder,
    which need not exist.
    """
    if ENGINE == "duckdb" and in_memory:
        with duckdb_connection() as connection:
            yield connection
        return
    with open_warehouse(Settings(state_dir=state_dir).warehouse) as connection:
        yield connection
    if ENGINE != "duckdb":
        drop_database(state_dir)


def run_native(connection: Connection, statement: str) -> Rows:
    """Run a statement that dbt has compiled, which is in the engine's own dialect."""
    return connection._run(statement) if isinstance(connection, PostgresConnection) else connection.execute(statement)


def execute_replacing(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> None:
    """Run a statement with `SELECT * REPLACE (…) FROM a table`, which only DuckDB has, on each engine."""
    tree = sqlglot.parse_one(statement, dialect="duckdb")
    for star in [one for one in tree.find_all(exp.Star) if one.args.get("replace")]:
        replaced = {one.alias: one for one in star.args["replace"]}
        table = star.parent.find(exp.Table)
        query = """
            SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?
            ORDER BY ordinal_position"""
        names = [name for (name,) in connection.execute(query, [table.db, table.name]).fetchall()]
        star.parent.set("expressions", [replaced.get(name, exp.column(name)) for name in names])
    connection.execute(tree, parameters)
