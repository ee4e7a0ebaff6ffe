"""Which hour a run evaluates without --as-of."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from prefect.runtime import flow_run

from flows.cli.common import read_as_of
from flows.hourly import scheduled_hour
from support.zones import NOT_WHOLE_HOURS


@pytest.mark.parametrize("name", NOT_WHOLE_HOURS)
def test_flow_scheduled_at_local_midnight_evaluates_it(name: str, monkeypatch: pytest.MonkeyPatch):
    """Also when it is scheduled a few seconds later."""
    midnight = datetime(2026, 3, 20, tzinfo=ZoneInfo(name))
    for second in (0, 7):
        scheduled = midnight.replace(second=second).astimezone(UTC)
        monkeypatch.setattr(flow_run, "get_scheduled_start_time", lambda at=scheduled: at)
        assert scheduled_hour(ZoneInfo(name)) == midnight


@pytest.mark.parametrize(("name", "minute"), [("Asia/Kolkata", 30), ("Asia/Kathmandu", 15), ("UTC", 0)])
def test_commands_without_as_of_take_the_hour_of_the_setting(name: str, minute: int, monkeypatch: pytest.MonkeyPatch):
    """Full hours of that zone are at this minute of UTC."""
    monkeypatch.setenv("PARTNERFLOW_TIMEZONE", name)
    assert read_as_of(None).minute == minute
