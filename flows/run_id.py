"""The id of a run, which begins with the hour that it evaluates."""

import secrets
from datetime import datetime

_HOUR = "%Y%m%dT%H%M%SZ"


def run_id_of(as_of: datetime) -> str:
    """Return a new unique id for a run of this hour (UTC)."""
    return f"{start_of_run_ids(as_of)}-{secrets.token_hex(4)}"


def start_of_run_ids(hour: datetime) -> str:
    """Return the text with which the ids of all runs of an hour (UTC) begin; the ids of later hours sort after it."""
    return f"{hour:{_HOUR}}"


def hour_of_run(run_id: str) -> datetime | None:
    """Return the hour (UTC, without a time zone) of the run with this id; None for another text.

    >>> hour_of_run("20260320T180000Z-0a1b2c3d")
    datetime.datetime(2026, 3, 20, 18, 0)
    """
    try:
        return datetime.strptime(run_id.partition("-")[0], _HOUR)
    except ValueError:
        return None
