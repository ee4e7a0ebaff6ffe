"""Many hours at once: raw.evaluations may hold any hours, and one statement evaluates them all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pandas

from compiler import PartnerflowError
from flows.pipeline.catch_up import day_ends
from flows.warehouse.connection import Connection
from flows.warehouse.raw_tables import replace_raw_table

MOST_DAYS = 400

MOST_ROWS = 8_000_000
"""Rows of performance times hours that are evaluated in one statement, roughly."""

MOST_HOURS = 168


@dataclass(frozen=True)
class Hour:
    """An instant at which a program is evaluated: UTC, and the local date."""

    program_id: str
    as_of: datetime
    local_date: date


def require_days(first: date, last: date) -> None:
    """Raise PartnerflowError when two dates are in the wrong order, or far apart."""
    if not first <= last <= first + timedelta(days=MOST_DAYS):
        hint = f"Name at most {MOST_DAYS} days, the first of them first."
        raise PartnerflowError(f"{first} to {last} are no days. {hint}")


def local_hours(program: str, zone: ZoneInfo, first: date, last: date) -> list[Hour]:
    """The instants of these local dates that runs evaluate: the whole hours of UTC, and the end of each date."""
    begin = datetime.combine(first, time(), zone).astimezone(UTC)
    end = datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC)
    whole = begin.replace(minute=0, second=0) + (timedelta(hours=1) if begin.minute or begin.second else timedelta())
    hours = [whole + timedelta(hours=number) for number in range(-((whole - end) // timedelta(hours=1)))]
    instants = sorted([*hours, *day_ends(zone, begin, end)])
    return [Hour(program, instant, instant.astimezone(zone).date()) for instant in instants]


def batches(connection: Connection, hours: Sequence[Hour]) -> Iterator[list[Hour]]:
    """The hours in order, as many together as are well evaluated in one statement; those of one instant together."""
    (rows,) = connection.execute("SELECT count(*) FROM marts.fct_performance_daily").fetchone()
    size = max(1, min(MOST_HOURS, MOST_ROWS // max(rows, 1)))
    ordered = sorted(hours, key=lambda one: (one.as_of, one.program_id))
    instants = sorted({one.as_of for one in ordered})
    for start in range(0, len(instants), size):
        batch = set(instants[start : start + size])
        yield [one for one in ordered if one.as_of in batch]


def turn_to(connection: Connection, hours: Sequence[Hour]) -> None:
    """Ask for these hours, and no others."""
    rows = [(one.program_id, one.as_of.replace(tzinfo=None), one.local_date.isoformat()) for one in hours]
    frame = pandas.DataFrame(rows, columns=["program_id", "as_of", "local_date"])
    replace_raw_table(connection, "evaluations", frame)


def temporary(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    """Make a temporary table of a query, in place of the one that has this name."""
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(f"CREATE TEMP TABLE {name} AS {query}")
