"""The history of contracts, snapshots.contract_history: precious, since it cannot be built again from the source.

Every run copies it to the published file, and `backup` to a file beside that of the ledger. A warehouse that has none,
because its file was deleted or its database is new, takes it back from there.
"""

import tempfile
from pathlib import Path

import duckdb
from sqlglot import exp

from compiler import PartnerflowError
from flows.atomic import write_atomic
from flows.warehouse.connection import Connection, has_table, transaction
from flows.warehouse.postgres import PostgresConnection
from flows.warehouse.published import connect_published, open_published

SCHEMA, NAME = "snapshots", "contract_history"


def history_backup(backup: Path) -> Path:
    """Return the file beside a backup of the ledger that has the history of contracts."""
    return backup.with_name(f"{backup.name}.{NAME}.parquet")


def restore_contract_history(connection: Connection, published: Path) -> None:
    """Copy the history of contracts from the published file into a warehouse that has none.

    Raises PartnerflowError if the published file cannot be read.
    """
    if not (published.exists() and _is_missing(connection)):
        return
    try:
        connect_published(published).close()
    except PartnerflowError as error:
        reason = str(error).partition("\n")[0]
        hint = (
            "The warehouse has no history of contracts, and this file may have the only one. Restore a backup with "
            "`partnerflow restore FILE --reason TEXT`, or move the file away to start without a history."
        )
        raise PartnerflowError(f"{reason} {hint}") from None
    if isinstance(connection, PostgresConnection):
        with open_published(published) as reader:
            if has_table(reader, SCHEMA, NAME):
                _create_in_postgres(connection, reader, f"{SCHEMA}.{NAME}")
        return
    connection.execute(f"ATTACH {_text(published)} AS published (READ_ONLY)")
    try:
        if connection.execute(_PUBLISHED).fetchone():
            _create(connection, f"published.{SCHEMA}.{NAME}")
    finally:
        connection.execute("DETACH published")


def import_contract_history(connection: Connection, file: Path) -> bool:
    """Create the history of contracts from a file in a warehouse that has none; return whether it was created.

    Raises PartnerflowError if the file is not valid.
    """
    if not (file.exists() and _is_missing(connection)):
        return False
    source = f"read_parquet({_text(file)})"
    try:
        if isinstance(connection, PostgresConnection):
            with duckdb.connect() as reader:
                _create_in_postgres(connection, reader, source)
        else:
            _create(connection, source)
    except duckdb.Error as error:
        raise PartnerflowError(f"{file} cannot be read as a history of contracts: {error}") from None
    return True


def export_contract_history(published: Path, file: Path) -> bool:
    """Write the history of contracts in the published file to a Parquet file; return whether there is one.

    Raises PartnerflowError if the published file cannot be read.
    """
    if not published.exists():
        return False
    with tempfile.TemporaryDirectory() as folder, open_published(published) as connection:
        if not has_table(connection, SCHEMA, NAME):
            return False
        copy = Path(folder) / file.name
        connection.execute(f"COPY {SCHEMA}.{NAME} TO {_text(copy)} (FORMAT parquet)")
        write_atomic(file, copy.read_bytes(), 0o600)
    return True


_PUBLISHED = f"""
    SELECT 1 FROM duckdb_tables()
    WHERE database_name = 'published' AND schema_name = '{SCHEMA}' AND table_name = '{NAME}'"""


def _is_missing(connection: Connection) -> bool:
    return not has_table(connection, SCHEMA, NAME)


def _create(connection: Connection, source: str) -> None:
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    connection.execute(f"CREATE TABLE {SCHEMA}.{NAME} AS SELECT * FROM {source}")


def _create_in_postgres(connection: PostgresConnection, reader: duckdb.DuckDBPyConnection, source: str) -> None:
    """Create the history from what `reader` has in `source`; values go as text, since Python's dates end in 9999."""
    described = reader.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    columns = [
        exp.ColumnDef(this=exp.to_identifier(name, quoted=True), kind=exp.DataType.build(kind, dialect="duckdb"))
        for name, kind, *_ in described
    ]
    table = exp.table_(NAME, db=SCHEMA)
    rows = reader.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {source}").fetchall()
    with transaction(connection):
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(exp.Create(this=exp.Schema(this=table, expressions=columns), kind="TABLE").sql("duckdb"))
        if rows:
            connection.insert(f"INSERT INTO {SCHEMA}.{NAME} VALUES %s", rows)


def _text(path: Path) -> str:
    return exp.Literal.string(str(path)).sql("duckdb")
