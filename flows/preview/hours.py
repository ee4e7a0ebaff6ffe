"""The hours of local days that previews evaluate, and the temporary tables that they use."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from compiler import PartnerflowError
from flows.clock import end_of_day_instants, hours_between
from flows.warehouse.connection import Connection
from flows.warehouse.evaluations import Hour

MAX_DAYS = 400
"""Local days that a simulation or a history may span."""


def require_days(first: date, last: date) -> None:
    """Raise PartnerflowError when two dates are in the wrong order or more than MAX_DAYS apart."""
    if not first <= last <= first + timedelta(days=MAX_DAYS):
        hint = f"Give a first date that is not after the last, and at most {MAX_DAYS} days."
        raise PartnerflowError(f"{first} to {last} is not a valid range of days. {hint}")


def local_hours(program: str, zone: ZoneInfo, first: date, last: date, deployment: ZoneInfo) -> list[Hour]:
    """Return the instants of these local dates that runs evaluate: the deployment's hours and the end of each date."""
    begin = datetime.combine(first, time(), zone).astimezone(UTC)
    end = datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC)
    instants = sorted([*hours_between(deployment, begin, end), *end_of_day_instants(zone, begin, end)])
    return [Hour(program, instant, instant.astimezone(zone).date()) for instant in instants]


def create_temp_table(connection: Connection, name: str, query: str) -> None:
    """Create a temporary table from a query; one of the same name is replaced."""
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(f"CREATE TEMP TABLE {name} AS {query}")
