"""The note that the data are old, with the hour to evaluate instead."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flows.warehouse.connection import Connection
from flows.warehouse.newest_data import OLD, notes_of_old_data
from support.warehouses import empty_warehouse

LOADED = datetime(2026, 3, 20, 17, 50, tzinfo=UTC)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Connection]:
    """Contracts that were loaded at LOADED, earlier, never, and after the end of all dates."""
    with empty_warehouse(tmp_path) as connection:
        connection.execute("CREATE SCHEMA staging")
        connection.execute("CREATE TABLE staging.stg_contracts (loaded_at TIMESTAMP)")
        values = [LOADED.replace(tzinfo=None), datetime(2026, 3, 19), None, "infinity"]
        for value in values:
            connection.execute("INSERT INTO staging.stg_contracts VALUES (?)", [value])
        yield connection


def test_old_data_are_named_with_the_hour_after_them(warehouse: Connection):
    """Hours are those of the deployment's zone: in Kolkata, 18:30 UTC is one."""
    as_of = datetime(2026, 11, 28, 11, tzinfo=UTC)
    (note,) = notes_of_old_data(warehouse, as_of, ZoneInfo("UTC"))
    assert note == (
        "The newest data were loaded at 2026-03-20 17:50 UTC, 252 days before this hour. "
        "For the first hour after they were loaded, add --as-of 2026-03-20T18:00Z."
    )
    (note,) = notes_of_old_data(warehouse, as_of, ZoneInfo("Asia/Kolkata"))
    assert note.endswith("add --as-of 2026-03-20T18:30Z.")


def test_recent_data_and_data_of_later_hours_have_no_note(warehouse: Connection):
    """A past hour is evaluated on the facts of now, so rows that were loaded later say nothing about it."""
    assert notes_of_old_data(warehouse, LOADED + OLD, ZoneInfo("UTC")) == ()
    assert notes_of_old_data(warehouse, datetime(2020, 1, 1, tzinfo=UTC), ZoneInfo("UTC")) == ()
    assert len(notes_of_old_data(warehouse, LOADED + OLD + timedelta(hours=1), ZoneInfo("UTC"))) == 1


def test_warehouse_without_tables_has_no_note(tmp_path: Path):
    """Before the first build nothing is known."""
    with empty_warehouse(tmp_path) as connection:
        assert notes_of_old_data(connection, LOADED, ZoneInfo("UTC")) == ()
