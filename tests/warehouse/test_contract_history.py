"""The history of contracts in a warehouse that has lost it."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from flows.warehouse.connection import Connection
from flows.warehouse.contract_history import export_contract_history, import_contract_history, restore_contract_history
from support.warehouses import empty_warehouse

ROWS = [
    ("S-1", "Joined", "2026-03-20 18:00:00", "infinity", None),
    ("S-2", "it's \\N", "2026-03-20 18:00:00.123456", None, "S-1"),
    ("S-3", "", "0001-01-01 00:00:00", "12000-01-01 00:00:00", None),
]
"""Contract, stage, when the version was written, when it ends, successor."""

KEPT = """
    SELECT contract_id, contract_stage, CAST(dbt_valid_from AS VARCHAR), CAST(ends_at AS VARCHAR), superseded_by
    FROM snapshots.contract_history ORDER BY contract_id"""


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A published file with a history of contracts."""
    file = tmp_path / "published.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute("CREATE SCHEMA snapshots")
        connection.execute("""
            CREATE TABLE snapshots.contract_history (
                contract_id VARCHAR, contract_stage VARCHAR, dbt_valid_from TIMESTAMP, ends_at TIMESTAMP,
                superseded_by VARCHAR)""")
        connection.executemany("INSERT INTO snapshots.contract_history VALUES (?, ?, ?, ?, ?)", ROWS)
    return file


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Connection]:
    """A warehouse without a history."""
    with empty_warehouse(tmp_path) as connection:
        yield connection


def test_history_returns_from_the_published_file(warehouse: Connection, published: Path):
    """With every value, also the years that Python has no dates for. A warehouse that has a history keeps it."""
    restore_contract_history(warehouse, published)
    assert warehouse.execute(KEPT).fetchall() == ROWS
    warehouse.execute("DELETE FROM snapshots.contract_history WHERE contract_id = 'S-1'")
    restore_contract_history(warehouse, published)
    assert warehouse.execute(KEPT).fetchall() == ROWS[1:]


def test_history_returns_from_the_file_beside_a_backup(warehouse: Connection, published: Path, tmp_path: Path):
    """Its columns have the types that they had; a second import changes nothing."""
    file = tmp_path / "ledger.db.contract_history.parquet"
    assert export_contract_history(published, file)
    assert import_contract_history(warehouse, file)
    assert warehouse.execute(KEPT).fetchall() == ROWS
    types = """
        SELECT lower(data_type) FROM information_schema.columns
        WHERE table_schema = 'snapshots' AND column_name IN ('dbt_valid_from', 'ends_at')"""
    assert all(kind.startswith("timestamp") for (kind,) in warehouse.execute(types).fetchall())
    assert not import_contract_history(warehouse, file)
