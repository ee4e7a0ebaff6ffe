"""Compare the time zone rules of the warehouse, which date events, with those of Python, which date hours."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlglot import exp

from compiler.sql.single_statement import literal_rows
from flows.warehouse.connection import Connection
from flows.warehouse.evaluations import stored_text

STEP = timedelta(days=7)
"""The time between two instants that are compared: rules that differ do so for weeks, as for the months of summer."""

SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class RuleDifference:
    """The first instant (UTC) at which the rules of a zone differ, and both offsets from UTC.

    The warehouse's offset is None if it does not know the zone.
    """

    zone: str
    instant: datetime
    python: timedelta
    warehouse: timedelta | None

    def __str__(self) -> str:
        warehouse = "does not know the zone" if self.warehouse is None else f"has UTC{_offset(self.warehouse)}"
        python = f"Python has UTC{_offset(self.python)}"
        return f"{self.zone} at {self.instant:%Y-%m-%d %H:%M} UTC: {python}, the warehouse {warehouse}"


def rule_differences(
    connection: Connection, zones: Iterable[str], begin: datetime, end: datetime
) -> list[RuleDifference]:
    """Return the zones (IANA names) whose rules differ from `begin` to `end` (UTC), sorted by name.

    Compares an instant a week, and the last second before and the first second of each change of the offset in Python.
    """
    known = connection.time_zones()
    found = (_difference(connection, name, name in known, begin, end) for name in sorted(set(zones)))
    return [one for one in found if one]


def _difference(
    connection: Connection, name: str, is_known: bool, begin: datetime, end: datetime
) -> RuleDifference | None:
    zone = ZoneInfo(name)
    if not is_known:
        return RuleDifference(name, begin, _python_offset(zone, begin), None)
    instants = _instants(zone, begin, end)
    given = literal_rows([(stored_text(instant),) for instant in instants], "instant")
    local_time = connection.local_time(exp.cast("instant", "timestamp"))
    query = exp.select("instant", local_time).from_(given.subquery("instants"))
    local_times = dict(connection.execute(query, [name]).fetchall())
    for instant in instants:
        python = _python_offset(zone, instant)
        warehouse = local_times[stored_text(instant)] - instant.replace(tzinfo=None)
        if python != warehouse:
            return RuleDifference(name, instant, python, warehouse)
    return None


def _instants(zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """Return the instants to compare, sorted."""
    weeks = [begin + number * STEP for number in range((end - begin) // STEP + 1)]
    instants = set(weeks)
    for week in weeks:
        if _python_offset(zone, week) != _python_offset(zone, week + STEP):
            change = _change(zone, week, week + STEP)
            instants |= {change - SECOND, change}
    return sorted(instants)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the first second of the offset that the zone has at `after`, by halving the time since `before`."""
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if _python_offset(zone, middle) == _python_offset(zone, after):
            after = middle
        else:
            before = middle
    return after


def _python_offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).replace(tzinfo=None) - instant.astimezone(UTC).replace(tzinfo=None)


def _offset(offset: timedelta) -> str:
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    return f"{'-' if offset < timedelta() else '+'}{hours:02}:{minutes:02}"
