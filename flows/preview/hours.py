"""What previews have in common: the built facts, open for reading, the hours of local days, and temporary tables."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlglot import exp

from compiler import PartnerflowError
from flows.clock import end_of_day_instants, hours_between
from flows.preview.compiled_models import NOT_BUILT
from flows.settings import Settings
from flows.warehouse.connection import Connection, open_read_only
from flows.warehouse.engines import engine_of
from flows.warehouse.errors import Unavailable
from flows.warehouse.evaluations import Hour
from flows.warehouse.published import open_published

MAX_DAYS = 400
"""Local days that a simulation or a history may span."""


@contextmanager
def open_facts(settings: Settings, wait: bool = True, keeps_open: bool = False) -> Iterator[Connection]:
    """Open the facts of the last build for reading.

    Where readers block writers, that is the published file, or the warehouse after a build that was not published, such
    as that of a plan; while another process writes to it, the published file again. A session that `keeps_open` what it
    reads always gets a published file that exists. Raises PartnerflowError when the facts have not been built, or
    nothing is published and another process keeps the warehouse open: at once, or if `wait` is set, after some time.
    """
    if not settings.warehouse.exists():
        raise PartnerflowError(NOT_BUILT)
    published = engine_of(settings.warehouse).readers_block_writers and settings.published.exists()
    with ExitStack() as stack:
        if published and (keeps_open or not _has_newer_build(settings)):
            yield stack.enter_context(open_published(settings.published))
            return
        try:
            connection = stack.enter_context(open_read_only(settings.warehouse, wait and not published))
        except Unavailable as error:
            if not (published and error.is_locked):
                raise
            connection = stack.enter_context(open_published(settings.published))
        yield connection


def _has_newer_build(settings: Settings) -> bool:
    """Return whether the warehouse has been built since it was published."""
    built = settings.last_build
    return built.exists() and built.stat().st_mtime_ns > settings.published.stat().st_mtime_ns


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


def create_temp_table(connection: Connection, name: str, query: exp.Expr) -> None:
    """Create a table that only this session sees, from a query; one of the same name is replaced."""
    drop_temp_table(connection, name)
    connection.execute(temp_table(name, query))


def temp_table(name: str, query: exp.Expr) -> exp.Create:
    """Return the statement that creates a table that only this session sees."""
    temporary = exp.Properties(expressions=[exp.TemporaryProperty()])
    return exp.Create(this=exp.to_table(name), kind="TABLE", properties=temporary, expression=query)


def drop_temp_table(connection: Connection, name: str) -> None:
    """Drop a table that only this session sees, if it exists."""
    connection.execute(exp.Drop(tables=[exp.to_table(name)], kind="TABLE", exists=True))
