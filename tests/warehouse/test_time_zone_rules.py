"""Python and the warehouse have the same time zone rules, so that hours and events get the same local dates."""

import subprocess
import sys
import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest

from flows.settings import CHECKOUT
from flows.warehouse.time_zone_rules import RuleDifference, rule_differences
from support.warehouses import duckdb_connection, empty_warehouse

IS_LOCKED = f"tzdata=={version('tzdata')} " in (CHECKOUT / "requirements.lock").read_text()
"""Whether the environment has the pinned time zone rules."""


def test_python_reads_time_zones_from_the_package_only():
    """No file of the system is read, in any process that imports flows."""
    command = "import flows, zoneinfo; print(zoneinfo.TZPATH)"
    assert subprocess.check_output([sys.executable, "-c", command], text=True) == "()\n"


@pytest.mark.engine("duckdb", "the rules of a server are not pinned")
@pytest.mark.skipif(not IS_LOCKED, reason="tzdata is not that of requirements.lock; run `make setup`")
@pytest.mark.parametrize(
    ("first", "last"), [(2025, 2026), pytest.param(2015, 2037, marks=pytest.mark.long)], ids=["2025-2026", "2015-2037"]
)
def test_every_zone_has_the_same_rules_in_python_and_duckdb(first: int, last: int):
    """The offsets are compared at each change of an offset in these years, and weekly."""
    begin, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last + 1, 1, 1, tzinfo=UTC)
    with duckdb_connection() as connection:
        found = rule_differences(connection, zoneinfo.available_timezones(), begin, end)
    assert [str(one) for one in found] == [], f"tzdata {version('tzdata')}, DuckDB {duckdb.__version__}"


def test_difference_names_the_zone_the_instant_and_both_offsets():
    """The first instant is that of a change, if the rules differ from there on; a zone may also be unknown."""
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    with duckdb_connection() as connection:
        shift = "CASE zone WHEN 'UTC' THEN instant ELSE instant + INTERVAL 1 HOUR END"
        connection.execute(f"CREATE MACRO timezone(zone, instant) AS {shift}")
        found = rule_differences(connection, ["Europe/Paris", "Africa/Lagos"], begin, end)
        connection.execute("CREATE MACRO pg_timezone_names() AS TABLE SELECT 'UTC' AS name")
        unknown = rule_differences(connection, ["Africa/Lagos"], begin, end)
    spring = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert found == [RuleDifference("Europe/Paris", spring, timedelta(hours=2), timedelta(hours=1))]
    text = "Europe/Paris at 2026-03-29 01:00 UTC: Python has UTC+02:00, the warehouse has UTC+01:00"
    assert str(found[0]) == text
    assert str(unknown[0]).endswith("Python has UTC+01:00, the warehouse does not know the zone")


@pytest.mark.engine("postgres", "it has time zone rules of its own")
def test_rules_of_the_server_are_compared_as_well(tmp_path: Path):
    """Zones whose rules have not changed for long are the same there."""
    begin, end = datetime(2015, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    with empty_warehouse(tmp_path) as connection:
        assert rule_differences(connection, ["America/New_York", "Asia/Kolkata"], begin, end) == []
