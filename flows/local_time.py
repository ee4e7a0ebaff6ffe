"""Times as people read them: in a program's time zone, to the minute, with the zone's name. JSON stays in UTC."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def zone_name(instant: datetime, zone: ZoneInfo) -> str:
    """Return the name of a zone at an instant: its abbreviation, or its distance from UTC if it has none.

    >>> zone_name(datetime(2026, 3, 20, tzinfo=UTC), ZoneInfo("America/New_York"))
    'EDT'
    >>> zone_name(datetime(2026, 3, 20, tzinfo=UTC), ZoneInfo("Asia/Dubai"))
    'UTC+04:00'
    """
    local = _aware(instant).astimezone(zone)
    name, offset = local.tzname() or "", f"{local:%z}"
    return name if name.isalpha() else f"UTC{offset[:3]}:{offset[3:5]}"


def local_minute(instant: datetime, zone: ZoneInfo) -> str:
    """Return an instant in a zone, to the minute and without the zone's name: for a table that names it once.

    An instant without a time zone is in UTC.

    >>> local_minute(datetime(2026, 3, 20, 18), ZoneInfo("Asia/Kolkata"))
    '2026-03-20 23:30'
    """
    return f"{_aware(instant).astimezone(zone):%Y-%m-%d %H:%M}"


def local_time(instant: datetime, zone: ZoneInfo) -> str:
    """Return an instant in a zone, to the minute, with the zone's name.

    >>> local_time(datetime(2026, 3, 20, 18), ZoneInfo("America/New_York"))
    '2026-03-20 14:00 EDT'
    """
    return f"{local_minute(instant, zone)} {zone_name(instant, zone)}"


def local_times(instant: datetime, zones: Iterable[ZoneInfo]) -> str:
    """Return an instant in each of several zones, with a date where it differs from that of the zone before.

    >>> both = [ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]
    >>> local_times(datetime(2026, 3, 20, 18), both)
    '2026-03-20 14:00 EDT, 23:30 IST'
    >>> local_times(datetime(2026, 3, 20, 19), both)
    '2026-03-20 15:00 EDT, 2026-03-21 00:30 IST'
    """
    shown, day = [], ""
    for text in dict.fromkeys(local_time(instant, zone) for zone in zones):
        shown.append(text.removeprefix(f"{day} ") if day else text)
        day = text[:10]
    return ", ".join(shown)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, in the singular for 1.

    >>> counted(1, "time"), counted(1200, "address", "addresses")
    ('1 time', '1,200 addresses')
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def duration(length: timedelta) -> str:
    """Return a length of time in its two largest units, to the minute.

    >>> duration(timedelta(days=1, hours=13)), duration(timedelta(minutes=61)), duration(timedelta(seconds=59))
    ('1 day 13 hours', '1 hour 1 minute', '0 minutes')
    """
    minutes = int(length.total_seconds()) // 60
    parts = [(minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute")]
    first = next((index for index, (number, _) in enumerate(parts) if number), 2)
    return " ".join(counted(*part) for part in parts[first : first + 2] if part[0]) or "0 minutes"


def _aware(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
