"""The hours of a deployment's zone."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from compiler import PartnerflowError
from flows.clock import current_hour, hours_before, hours_between, next_hour, read_zone
from support.zones import NOT_WHOLE_HOURS

LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
"""Its clocks change by half an hour: forward at 02:00 on 4 October 2026, back at 02:00 on 5 April 2026."""


@pytest.mark.parametrize("name", ["UTC", "America/New_York", *NOT_WHOLE_HOURS])
def test_current_hour_after_local_midnight_is_local_midnight(name: str):
    """From the instant itself to the last microsecond of that hour."""
    zone = ZoneInfo(name)
    midnight = datetime(2026, 3, 20, tzinfo=zone).astimezone(UTC)
    for later in (timedelta(), timedelta(minutes=15), timedelta(hours=1) - timedelta(microseconds=1)):
        assert current_hour(zone, midnight + later) == midnight
    assert current_hour(zone, midnight).tzinfo is UTC


@pytest.mark.parametrize("name", ["America/New_York", "Australia/Lord_Howe", *NOT_WHOLE_HOURS])
def test_hours_of_a_year_include_every_midnight_and_leave_no_gap(name: str):
    """Each is its own current and next hour; the gap is an hour, or 90 minutes where clocks change by half an hour."""
    zone = ZoneInfo(name)
    hours = hours_between(zone, datetime(2026, 1, 1, tzinfo=zone), datetime(2027, 1, 1, tzinfo=zone))
    assert all(current_hour(zone, hour) == next_hour(zone, hour) == hour for hour in hours)
    days = (date(2026, 1, 1) + timedelta(days=number) for number in range(365))
    assert {datetime.combine(day, time(), zone).astimezone(UTC) for day in days} <= {*hours}
    gaps = {later - earlier for earlier, later in pairwise(hours)}
    assert gaps == {timedelta(hours=1), *([timedelta(minutes=90)] if zone is LORD_HOWE else [])}


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        (datetime(2026, 10, 3, 13, 30, tzinfo=UTC), ["13:30", "14:30", "16:00", "17:00"]),
        (datetime(2026, 4, 4, 13, tzinfo=UTC), ["13:00", "14:00", "15:30", "16:30"]),
    ],
)
def test_hours_where_clocks_change_by_half_an_hour_follow_the_clocks(begin: datetime, expected: list[str]):
    """Whatever the instant in between, the hour before it is the last one."""
    hours = hours_between(LORD_HOWE, begin, begin + timedelta(hours=4))
    assert [f"{hour:%H:%M}" for hour in hours] == expected
    for minutes in range(0, 210, 5):
        now = begin + timedelta(minutes=minutes)
        assert current_hour(LORD_HOWE, now) == max(hour for hour in hours if hour <= now)


def test_hours_before_a_run_at_another_minute_are_at_that_minute():
    """So a run that is not on the hour has not missed the full hours in between."""
    run = datetime(2026, 3, 20, 18, 30, tzinfo=UTC)
    assert hours_before(ZoneInfo("UTC"), run - timedelta(minutes=59), run) == []
    two = [run - timedelta(hours=2), run - timedelta(hours=1)]
    assert hours_before(ZoneInfo("UTC"), two[0], run) == two


@pytest.mark.parametrize("name", ["Mars/Olympus", "../UTC", "", "America"])
def test_read_zone_of_an_unknown_name_raises_an_error(name: str):
    """It says what a valid name looks like."""
    with pytest.raises(PartnerflowError, match=r"is not a valid IANA time zone, such as America/New_York\."):
        read_zone(name)
