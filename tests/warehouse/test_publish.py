"""The published file has what the warehouse has."""

import inspect
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas
import pytest

from flows.warehouse.connection import Connection, fetch_row
from flows.warehouse.publish import publish
from flows.warehouse.raw_tables import replace_raw_table
from support.warehouses import empty_warehouse

TEXTS = [
    "", None, "NULL", r"\N", r"\.", '"', 'a "b"', "a,b", "a\nb", "a\r\nb\r", "'", "\t", "é🏕️", " x ",
    "x" * 3_000_000,
]  # fmt: skip

INSTANTS = [None, datetime(1, 1, 1), datetime(2026, 3, 20, 18, 0, 0, 123456), datetime(9999, 12, 31, 23, 59, 59)]

NUMBERS = [None, Decimal("12345678901234567890.12345678"), Decimal("-0.00000001"), Decimal(0)]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Connection]:
    """A warehouse with the schemas that are published."""
    with empty_warehouse(tmp_path, in_memory=False) as connection:
        for schema in ("marts", "snapshots"):
            connection.execute(f"CREATE SCHEMA {schema}")
        yield connection


def test_published_tables_have_the_rows_and_types_of_the_warehouse(warehouse: Connection, tmp_path: Path):
    """Nulls, empty texts, quotes, line breaks, limits of dates and exact numbers are as they were."""
    warehouse.execute("""
        CREATE TABLE marts."every Type" (
            id BIGINT, said VARCHAR, happened TIMESTAMP, amount DECIMAL(28, 8), day DATE, "is on" BOOLEAN, share FLOAT8
        )""")
    rows = [
        (number, text, INSTANTS[number % 4], NUMBERS[number % 4], date(2026, 3, 20), number % 2 == 0, number / 3)
        for number, text in enumerate(TEXTS)
    ]
    for row in rows:
        warehouse.execute('INSERT INTO marts."every Type" VALUES (?, ?, ?, ?, ?, ?, ?)', row)
    warehouse.execute("INSERT INTO marts.\"every Type\" (id, happened) VALUES (99, CAST('infinity' AS TIMESTAMP))")
    warehouse.execute('CREATE VIEW snapshots.seen AS SELECT count(*) AS rows FROM marts."every Type"')
    published = tmp_path / "published" / "partnerflow.duckdb"
    publish(warehouse, published)
    publish(warehouse, published)
    with duckdb.connect(published, read_only=True) as connection:
        found = connection.execute('SELECT * FROM marts."every Type" WHERE id < 99 ORDER BY id').fetchall()
        assert [row[1:] for row in found] == [row[1:] for row in rows]
        types = [str(column[1]) for column in connection.description]
        assert types == ["BIGINT", "VARCHAR", "TIMESTAMP", "DECIMAL(28,8)", "DATE", "BOOLEAN", "DOUBLE"]
        assert connection.execute('SELECT isinf(happened) FROM marts."every Type" WHERE id = 99').fetchall() == [
            (True,)
        ]
        assert connection.execute("SELECT rows FROM snapshots.seen").fetchall() == [(len(rows) + 1,)]
    assert [file.name for file in published.parent.iterdir()] == [published.name]
    assert published.stat().st_mode & 0o777 == 0o444


def test_file_that_a_killed_run_left_half_done_is_written_again(warehouse: Connection, tmp_path: Path):
    """Its write-ahead log too: DuckDB would carry it out on the next file, in which the tables already exist."""
    published = tmp_path / "published" / "partnerflow.duckdb"
    publish(warehouse, published)
    half_done = published.with_name(f".{published.name}.new")
    shutil.copy(published, half_done)
    half_done.chmod(0o644)
    code = """
        import os, sys, duckdb
        writer = duckdb.connect(sys.argv[1])
        writer.execute("CREATE TABLE marts.left_by_a_killed_run (id INTEGER)")
        os._exit(9)"""
    subprocess.run([sys.executable, "-c", inspect.cleandoc(code), half_done], check=False)
    log = half_done.with_name(f"{half_done.name}.wal")
    assert log.exists()
    publish(warehouse, published)
    with duckdb.connect(published, read_only=True) as connection:
        tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts'").fetchall()
    assert ("left_by_a_killed_run",) not in tables
    assert [file.name for file in published.parent.iterdir()] == [published.name]


@pytest.mark.engine("postgres", "DuckDB counts rows itself")
def test_replaced_raw_table_has_statistics(warehouse: Connection):
    """Else PostgreSQL plans for the rows of before: 400 hours as the two of the last run, which takes minutes."""
    rows = pandas.DataFrame({"program_id": ["1"] * 400, "as_of": [datetime(2026, 3, 20)] * 400, "local_date": None})
    query = "SELECT reltuples FROM pg_class WHERE oid = to_regclass('raw.evaluations')"
    for frame in (rows[:2], rows):
        replace_raw_table(warehouse, "evaluations", frame)
        assert fetch_row(warehouse, query) == (len(frame),)
