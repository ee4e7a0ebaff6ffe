"""Hours and instants: the current hour, the hour that an option names, and the last instants of local days."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from compiler import PartnerflowError

HOUR = timedelta(hours=1)
"""The time between two runs."""

MICROSECOND = timedelta(microseconds=1)
"""The resolution of a timestamp, on every engine."""


def current_hour() -> datetime:
    """Return the current hour in UTC. No other module reads the clock to decide what to evaluate."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def read_hour(text: str) -> datetime:
    """Return the timestamp in UTC. Raises PartnerflowError unless it is an ISO 8601 timestamp with an offset.

    >>> read_hour("2026-03-20T14:00:00-04:00").isoformat()
    '2026-03-20T18:00:00+00:00'
    """
    try:
        hour = datetime.fromisoformat(text)
    except ValueError:
        hour = None
    if hour is None or hour.tzinfo is None:
        raise PartnerflowError(
            f"{text!r} is not an ISO 8601 timestamp with an offset, such as 2026-03-20T14:00:00-04:00."
        )
    return hour.astimezone(UTC)


def end_of_day_instants(zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """Return the last microsecond of each local day that lies from `begin` to before `end` (UTC, sorted).

    A date that the zone skips has none.

    >>> apia = ZoneInfo("Pacific/Apia")
    >>> instants = end_of_day_instants(apia, datetime(2011, 12, 30, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC))
    >>> print(*(f"{instant.astimezone(apia):%Y-%m-%d}" for instant in instants))
    2011-12-29 2011-12-31
    """
    days = range((end.astimezone(zone).date() - begin.astimezone(zone).date()).days + 2)
    midnights = (begin.astimezone(zone).date() + timedelta(days=number) for number in days)
    ends = {datetime.combine(day, time(), zone).astimezone(UTC) - MICROSECOND for day in midnights}
    return sorted(instant for instant in ends if begin <= instant < end)
