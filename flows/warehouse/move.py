"""Move a state to another engine: copy the raw tables of a DuckDB file to the warehouse that the settings name.

    PARTNERFLOW_TARGET=postgres python -m flows.warehouse.move var/warehouse.duckdb

The ledger, the outbox and the published file stay in the state folder, and dbt builds everything else from the raw
tables. docs/scale.md has the steps before and after.
"""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pandas
from sqlglot import exp

from compiler import PartnerflowError
from compiler.sql import DEFAULT
from flows.settings import Settings
from flows.warehouse.connection import Connection, fetch_row, has_table, open_read_only, open_warehouse, transaction
from flows.warehouse.raw_tables import CREATE, raw_columns, raw_table_statement

OF_THE_ENGINE = {"build_state", "chosen_partners", "email_events_staged", "evaluations"}
"""Tables about builds and hours of one warehouse, which mean nothing in another."""

BATCH = 50_000
"""Rows that are in memory at a time."""


def copy_raw_tables(source: Connection, target: Connection) -> dict[str, int]:
    """Copy raw tables of a DuckDB file, and return the number of rows of each that was copied.

    A table that has rows in the target is kept: a loader may have filled it. Columns that the contract does not have
    are copied with the others. The mirror of the ledger is copied too, so that a run with another ledger is refused. To
    be called in a transaction.
    """
    counts = {}
    for name in CREATE.keys() - OF_THE_ENGINE:
        if has_table(source, "raw", name) and not _has_rows(target, name):
            creating = _with_own_columns(source, name)
            target.create_table(creating)
            columns = [one.name for one in creating.find_all(exp.ColumnDef)]
            inserted = exp.Schema(this=creating.this.this, expressions=[exp.to_identifier(one) for one in columns])
            counts[name] = 0
            for rows in _batches(source, name, columns):
                target.append(inserted, rows)
                counts[name] += len(rows)
    return dict(sorted(counts.items()))


def _has_rows(connection: Connection, name: str) -> bool:
    return has_table(connection, "raw", name) and bool(fetch_row(connection, f"SELECT count(*) FROM raw.{name}")[0])


def _with_own_columns(source: Connection, name: str) -> exp.Create:
    """Return the CREATE of a raw table with the columns that it has beyond the contract in a DuckDB file."""
    creating = raw_table_statement(name).copy()
    query = """
        SELECT column_name, data_type FROM duckdb_columns()
        WHERE database_name = current_database() AND schema_name = 'raw' AND table_name = ? ORDER BY column_index"""
    for column, kind in source.execute(query, [name]).fetchall():
        if column not in raw_columns(name):
            own = exp.ColumnDef(this=exp.to_identifier(column), kind=exp.DataType.build(kind, dialect=DEFAULT))
            creating.this.append("expressions", own)
    return creating


def _batches(source: Connection, name: str, columns: list[str]) -> Iterator[pandas.DataFrame]:
    chosen = [exp.to_identifier(column).sql(DEFAULT) for column in columns]
    found = source.execute(f"SELECT {', '.join(chosen)} FROM raw.{name}")
    rows = iter(found.fetchone, None)
    while batch := list(islice(rows, BATCH)):
        yield pandas.DataFrame(batch, columns=columns, dtype=object)


def main(file: Path, settings: Settings) -> None:
    """Copy the tables of a DuckDB file and print their rows. Raises PartnerflowError if the file does not exist."""
    if not file.exists():
        raise PartnerflowError(f"The warehouse {file} does not exist. Name the file of the state that moves.")
    if settings.warehouse == file:
        raise PartnerflowError(
            "The tables would be copied to where they are. Set PARTNERFLOW_TARGET to the new engine."
        )
    with open_read_only(file) as source, open_warehouse(settings.warehouse) as target, transaction(target):
        for name, rows in copy_raw_tables(source, target).items():
            print(f"{name}: {rows:,}")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]).absolute(), Settings())
    except PartnerflowError as error:
        sys.exit(str(error))
