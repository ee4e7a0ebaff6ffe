"""Publish the tables that people query, in a file of their own that is replaced atomically.

The history of contracts is copied with them (flows.warehouse.contract_history).

A session that has the old file open keeps reading it until it opens the new one; it never blocks a run. The file is
read-only; a write-ahead log that a privileged session left beside it is removed. On PostgreSQL readers do not block a
run, so people query schema `marts` of the database itself.
"""

from pathlib import Path

from sqlglot import exp

from flows.atomic import rename_synced, sync
from flows.permissions import make_readable
from flows.warehouse.connection import Connection
from flows.warehouse.postgres import PostgresConnection


def publish(connection: Connection, file: Path) -> None:
    """Copy schemas `marts` and `snapshots` of a DuckDB warehouse into the published file, views as tables."""
    if isinstance(connection, PostgresConnection):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    connection.execute(_attach(fresh))
    try:
        connection.execute("CREATE SCHEMA published.marts; CREATE SCHEMA published.snapshots")
        for schema, name in connection.execute(_TABLES).fetchall():
            connection.execute(_copy(schema, name))
        connection.execute("CHECKPOINT published")
    finally:
        connection.execute("DETACH published")
    sync(fresh)
    fresh.chmod(fresh.stat().st_mode & ~0o222)
    make_readable(fresh)
    file.with_name(f"{file.name}.wal").unlink(missing_ok=True)  # else it would be read as the next file's
    rename_synced(fresh, file)


_TABLES = """
    SELECT table_schema, table_name FROM information_schema.tables
    WHERE table_schema IN ('marts', 'snapshots') AND table_catalog = current_database()
    ORDER BY table_schema, table_name"""


def _attach(file: Path) -> str:
    path = exp.Literal.string(str(file)).sql("duckdb")
    return f"ATTACH {path} AS published"


def _copy(schema: str, name: str) -> str:
    source = exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier(schema))
    target = source.copy()
    target.set("catalog", exp.to_identifier("published"))
    return exp.Create(this=target, kind="TABLE", expression=exp.select("*").from_(source)).sql("duckdb")
