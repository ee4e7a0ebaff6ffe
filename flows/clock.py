"""Hours and instants: the hours of the deployment's zone, the hour that an option names, the ends of local days.

An hour is an instant at which the clocks of a zone show minute 0, so midnight is an hour in every zone, also in those
whose distance from UTC is not in whole hours. Where clocks change by half an hour (Australia/Lord_Howe), 90 minutes lie
between the hours before and after the change.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from compiler import PartnerflowError

HOUR = timedelta(hours=1)
"""The time between two runs, unless the clocks change by half an hour."""

YEARS = range(1970, 2200)
"""The years of hours and dates that commands take: far enough from the limits of dates on any engine."""

MICROSECOND = timedelta(microseconds=1)
"""The resolution of a timestamp, on every engine."""


def current_hour(zone: ZoneInfo, now: datetime | None = None) -> datetime:
    """Return the last hour of the zone that is not after `now`, in UTC.

    Without `now`, it is the current time. No other module reads the clock to decide what to evaluate.

    >>> current_hour(ZoneInfo("Asia/Kolkata"), datetime(2026, 3, 20, 19, 10, tzinfo=UTC)).isoformat()
    '2026-03-20T18:30:00+00:00'
    """
    hour = (now or datetime.now(UTC)).astimezone(UTC)
    while past := _past_the_hour(zone, hour):
        hour -= past
    return hour


def next_hour(zone: ZoneInfo, instant: datetime) -> datetime:
    """Return the first hour of the zone that is not before an instant, in UTC: the first run that sees the instant."""
    hour = instant.astimezone(UTC)
    while past := _past_the_hour(zone, hour):
        hour += HOUR - past
    return hour


def hours_between(zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """Return the hours of the zone from `begin` to before `end`, in UTC.

    >>> begin, end = datetime(2026, 4, 4, 13, 30, tzinfo=UTC), datetime(2026, 4, 4, 17, tzinfo=UTC)
    >>> print(*(f"{hour:%H:%M}" for hour in hours_between(ZoneInfo("Australia/Lord_Howe"), begin, end)))
    14:00 15:30 16:30
    """
    hours, hour = [], next_hour(zone, begin)
    while hour < end:
        hours.append(hour)
        hour = next_hour(zone, hour + MICROSECOND)
    return hours


def hours_before(zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """Return what a run at `end` has missed since `begin`: the hours of the zone before it, in UTC.

    If `end` is at another minute of its hour, so are they: two runs an hour apart miss nothing in between.
    """
    past = _past_the_hour(zone, end)
    return [hour + past for hour in hours_between(zone, begin - past, end - past)]


def _past_the_hour(zone: ZoneInfo, instant: datetime) -> timedelta:
    """Return how far the clocks of the zone are past a full hour."""
    local = instant.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def read_zone(name: str) -> ZoneInfo:
    """Return the time zone of this name. Raises PartnerflowError unless it is an IANA time zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PartnerflowError(f"{name!r} is not a valid IANA time zone, such as America/New_York.") from None


def read_hour(text: str) -> datetime:
    """Return the timestamp in UTC. Raises PartnerflowError unless it is an ISO 8601 timestamp with an offset.

    Its year must be in YEARS.

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
    require_year(hour)
    return hour.astimezone(UTC)


def read_day(text: str) -> date:
    """Return the date. Raises PartnerflowError unless it is an ISO 8601 date with a year in YEARS.

    >>> read_day("2026-03-20")
    datetime.date(2026, 3, 20)
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise PartnerflowError(f"{text!r} is not a valid date, such as 2026-03-20.") from None
    require_year(day)
    return day


def require_year(day: date) -> None:
    """Raise PartnerflowError unless the year of the date or timestamp is in YEARS."""
    if day.year not in YEARS:
        raise PartnerflowError(f"{day.year:04} is not a valid year. Give one from {YEARS[0]} to {YEARS[-1]}.")


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
