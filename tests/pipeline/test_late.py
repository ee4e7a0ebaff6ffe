"""Late transitions in years that Python has no dates for."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from compiler import Workflow
from compiler.segment_tree import SendEmail
from flows.pipeline.catch_up import CatchUp
from flows.pipeline.late import find_late_rows
from flows.warehouse.connection import Connection
from flows.warehouse.raw_tables import create_raw_table
from support.warehouses import empty_warehouse

SINCE = datetime(2026, 3, 20, 18, tzinfo=UTC)
FROM = SINCE - timedelta(days=2)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Connection]:
    """A warehouse with empty tables of transitions."""
    with empty_warehouse(tmp_path) as connection:
        create_raw_table(connection, "seen_transitions")
        connection.execute("CREATE SCHEMA marts")
        connection.execute("""
            CREATE TABLE marts.fct_relationship_history (
                program_id VARCHAR, partner_id VARCHAR, valid_from TIMESTAMP, relationship_stage VARCHAR)""")
        yield connection


def test_transitions_in_any_year_are_read(warehouse: Connection):
    """One in the future is not late; one long ago counts from the first instant that is evaluated."""
    warehouse.execute("""
        INSERT INTO marts.fct_relationship_history VALUES
            ('1', 'late', '2026-03-19 12:00', 'Joined'), ('1', 'far', '12000-01-01', 'Joined'),
            ('1', 'never', 'infinity', 'Expired'), ('1', 'always', '-infinity', 'Joined')""")
    workflow = Workflow("w", "W", "", "1", "active", (), SendEmail("m"))
    found = find_late_rows(
        warehouse, [workflow], {"1": "UTC"}, CatchUp({}, {}, {}, pending_since={"w": SINCE}, late_from={"w": FROM})
    )
    assert found.partners == {("1", "late"): datetime(2026, 3, 19, 12, tzinfo=UTC), ("1", "always"): FROM}
    assert [f"{instant:%d %H:%M}" for instant in found.instants] == ["18 23:59", "19 23:59"]
