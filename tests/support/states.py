"""States of the example account."""

from datetime import UTC, datetime

from flows.settings import Settings
from flows.warehouse.connection import open_warehouse, transaction
from flows.warehouse.example import load_example

HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)
"""The fixed hour of the example account: 14:00 in New York, 23:30 in Kolkata."""


def with_example(settings: Settings) -> Settings:
    """Load the example account into the state, and return the state."""
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        load_example(connection)
    return settings


def reload_raw_tables(settings: Settings, hour: datetime) -> None:
    """Mark every raw row as loaded at `hour`, as a loader does that finds nothing new."""
    with open_warehouse(settings.warehouse) as connection:
        query = "SELECT table_name FROM duckdb_columns() WHERE schema_name = 'raw' AND column_name = '_loaded_at'"
        for (table,) in connection.execute(query).fetchall():
            connection.execute(f"UPDATE raw.{table} SET _loaded_at = ?", [hour.replace(tzinfo=None)])
