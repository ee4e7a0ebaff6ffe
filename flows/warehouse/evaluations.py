"""The instants that segments are evaluated at: raw.evaluations, one row per program and instant.

One statement evaluates every instant in the table, so it may hold any number of them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlglot import exp

from compiler.sql.single_statement import literal_rows
from flows.warehouse.connection import Connection, fetch_row
from flows.warehouse.programs import time_zones
from flows.warehouse.raw_tables import replace_raw_table

MAX_ROWS_PER_BATCH = 8_000_000
"""Rows of fct_performance_daily times instants that one statement evaluates, roughly."""

MAX_HOURS_PER_BATCH = 168
"""Instants that one statement evaluates at most, for accounts with few rows."""


@dataclass(frozen=True)
class Hour:
    """An instant at which a program is evaluated: UTC, and the local date in the program's time zone."""

    program_id: str
    as_of: datetime
    local_date: date


def evaluation_hours(
    zones: Mapping[str, str], *instants: datetime, programs: Collection[str] | None = None
) -> list[Hour]:
    """Return the instants (UTC) for each of the programs, or for all of `zones` (program id to IANA time zone)."""
    chosen = zones.keys() if programs is None else programs
    return [
        Hour(program, as_of, as_of.astimezone(ZoneInfo(zones[program])).date())
        for program in sorted(chosen)
        for as_of in instants
    ]


def as_query(hours: Sequence[Hour]) -> exp.Select:
    """Return the hours as a query with the columns and types of raw.evaluations."""
    rows = [(hour.program_id, stored_text(hour.as_of), hour.local_date.isoformat()) for hour in hours]
    texts = literal_rows(rows, "program_id", "as_of", "local_date")
    typed = [exp.alias_(exp.cast(name, kind), name) for name, kind in _TYPES.items()]
    return exp.select("program_id", *typed).from_(texts.subquery("texts", copy=False), copy=False)


_TYPES = {"as_of": "timestamp", "local_date": "date"}


def stored_text(as_of: datetime) -> str:
    """Return an instant (UTC) as a text that every engine casts to a timestamp."""
    return f"{as_of:%Y-%m-%d %H:%M:%S.%f}"


def write_evaluations(connection: Connection, hours: Sequence[Hour]) -> None:
    """Replace raw.evaluations by these hours. Call it in a transaction."""
    rows = [(hour.program_id, hour.as_of.replace(tzinfo=None), hour.local_date.isoformat()) for hour in hours]
    import pandas  # slow to import, and previews do not need it

    frame = pandas.DataFrame(rows, columns=["program_id", "as_of", "local_date"])
    replace_raw_table(connection, "evaluations", frame)


def write_evaluations_at(connection: Connection, *instants: datetime) -> None:
    """Replace raw.evaluations by these instants (UTC) for every program with a time zone. Call it in a transaction."""
    write_evaluations(connection, evaluation_hours(time_zones(connection), *instants))


def batches(connection: Connection, hours: Sequence[Hour], size: int | None = None) -> Iterator[list[Hour]]:
    """Yield the hours in order, in batches that one statement can evaluate; an instant is never split.

    `size` is the number of instants of a batch; by default, one that suits the rows of the account.
    """
    if size is None:
        (rows,) = fetch_row(connection, "SELECT count(*) FROM marts.fct_performance_daily")
        size = max(1, min(MAX_HOURS_PER_BATCH, MAX_ROWS_PER_BATCH // max(rows, 1)))
    ordered = sorted(hours, key=lambda hour: (hour.as_of, hour.program_id))
    instants = sorted({hour.as_of for hour in ordered})
    for start in range(0, len(instants), size):
        batch = set(instants[start : start + size])
        yield [hour for hour in ordered if hour.as_of in batch]
