"""How old the loaded rows are at an hour: segments of an hour long after them are empty, or held."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flows.clock import next_hour
from flows.local_time import local_time
from flows.warehouse.connection import Connection, fetch_row
from flows.warehouse.errors import NotBuilt

OLD = timedelta(days=7)
"""Age above which the newest contract is old, as in the yml of the sources: every account loads contracts."""


def notes_of_old_data(connection: Connection, as_of: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    """Return a note if the newest data are older than OLD at `as_of` (UTC), with the hour to evaluate instead.

    `zone` is the deployment's, whose hours are evaluated. Rows without a load time, or with a later one, do not count.
    """
    query = "SELECT max(loaded_at) FROM staging.stg_contracts WHERE loaded_at <= ?"
    try:
        (loaded_at,) = fetch_row(connection, query, [as_of.replace(tzinfo=None)])
    except NotBuilt:  # nothing has been built, or raw.contracts lacks a column, and the build has said so
        return ()
    if loaded_at is None or as_of - (newest := loaded_at.replace(tzinfo=UTC)) <= OLD:
        return ()
    age = f"{local_time(newest, zone)}, {(as_of - newest).days:,} days before this hour"
    hint = f"For the first hour after they were loaded, add --as-of {next_hour(zone, newest):%Y-%m-%dT%H:%M}Z."
    return (f"The newest data were loaded at {age}. {hint}",)
