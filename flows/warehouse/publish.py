"""Publish the tables that people query, in a DuckDB file of their own that is replaced atomically.

The history of contracts is copied with them (flows.warehouse.contract_history).

A session that has the old file open keeps reading it until it opens the new one; it never blocks a run. The file is
read-only; a write-ahead log that a privileged session left beside it is removed. It is the same on every engine, so
that the report, `doctor` and the checks of names read one file; on PostgreSQL people can also query schema `marts` of
the database itself.
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb
from sqlglot import exp

from flows.atomic import make_folder, rename_synced, sync
from flows.permissions import make_readable
from flows.warehouse.connection import Connection, transaction
from flows.warehouse.postgres import PostgresConnection


def publish(connection: Connection, file: Path) -> None:
    """Copy schemas `marts` and `snapshots` of the warehouse into the published file, views as tables."""
    make_folder(file.parent)
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    if isinstance(connection, PostgresConnection):
        _export(connection, fresh)
    else:
        _copy_attached(connection, fresh)
    sync(fresh)
    fresh.chmod(fresh.stat().st_mode & ~0o222)
    make_readable(fresh)
    file.with_name(f"{file.name}.wal").unlink(missing_ok=True)  # else it would be read as the next file's
    rename_synced(fresh, file)


def _copy_attached(connection: duckdb.DuckDBPyConnection, fresh: Path) -> None:
    connection.execute(f"ATTACH {_text(fresh)} AS published")
    try:
        connection.execute("CREATE SCHEMA published.marts; CREATE SCHEMA published.snapshots")
        for schema, name in connection.execute(_TABLES).fetchall():
            connection.execute(_copy(schema, name))
        connection.execute("CHECKPOINT published")
    finally:
        connection.execute("DETACH published")


def _export(connection: PostgresConnection, fresh: Path) -> None:
    """Write the tables as they are at one instant to a new DuckDB file, each by way of a CSV file beside it."""
    rows = fresh.with_suffix(".csv")
    try:
        with duckdb.connect(fresh) as published, transaction(connection):
            connection.freeze()
            published.execute("CREATE SCHEMA marts; CREATE SCHEMA snapshots")
            for schema, name in connection.execute(_TABLES).fetchall():
                table = _table(schema, name)
                connection.write_csv(schema, name, rows)
                published.execute(_create(table, connection.column_types(schema, name)))
                published.execute(f"COPY {table.sql('duckdb')} FROM {_text(rows)} ({_CSV})")
    finally:
        rows.unlink(missing_ok=True)


_TABLES = """
    SELECT table_schema, table_name FROM information_schema.tables
    WHERE table_schema IN ('marts', 'snapshots') AND table_catalog = current_database()
    ORDER BY table_schema, table_name"""

_CSV = """
    FORMAT csv, AUTO_DETECT false, HEADER true, DELIMITER ',', QUOTE '"', ESCAPE '"', NULLSTR '',
    ALLOW_QUOTED_NULLS false, MAX_LINE_SIZE 100_000_000"""
"""How PostgreSQL writes CSV: a null is an empty field, an empty text is in quotes."""


def _text(file: Path) -> str:
    return exp.Literal.string(str(file)).sql("duckdb")


def _table(schema: str, name: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier(schema))


def _copy(schema: str, name: str) -> str:
    source = _table(schema, name)
    target = source.copy()
    target.set("catalog", exp.to_identifier("published"))
    return exp.Create(this=target, kind="TABLE", expression=exp.select("*").from_(source)).sql("duckdb")


def _create(table: exp.Table, types: Mapping[str, exp.DataType]) -> str:
    columns = [exp.ColumnDef(this=exp.to_identifier(name, quoted=True), kind=kind) for name, kind in types.items()]
    return exp.Create(this=exp.Schema(this=table.copy(), expressions=columns), kind="TABLE").sql("duckdb")
