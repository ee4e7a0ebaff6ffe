"""Send windows in the time zones of programs and partners, also when clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compiler import ContactPolicy, SendEmail, SendWindow, Workflow
from compiler.language.send_window import parse_send_window
from flows.sending.contact_policy import SendingHour, next_open_hour
from flows.warehouse.engines.duckdb import DuckDBConnection
from flows.warehouse.partner_zones import read_partner_zones
from support.ledgers import delivery

OFFICE_HOURS = parse_send_window("weekdays 09:00-17:00 in the partner's time zone")
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia",
         "Africa/Casablanca", "Asia/Kathmandu", "UTC")  # fmt: skip


@st.composite
def windows(draw: st.DrawFn) -> SendWindow:
    """Return a window of any days that lasts from one hour to a day."""
    start = draw(st.integers(0, 23 * 60))
    return SendWindow(draw(st.frozensets(st.integers(0, 6), min_size=1)), start, draw(st.integers(start + 60, 24 * 60)))


HOURS = st.integers(0, 24 * 365 * 4).map(lambda number: datetime(2024, 1, 1) + timedelta(hours=number))


def local(hour: datetime, zone: str) -> datetime:
    """Return an hour of the ledger in a zone."""
    return hour.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))


@given(window=windows(), zone=st.sampled_from(ZONES), hour=HOURS)
@example(SendWindow(frozenset({6}), 120, 180), "America/New_York", datetime(2026, 3, 7))
@example(SendWindow(frozenset({6}), 60, 120), "America/New_York", datetime(2026, 11, 1))
def test_email_leaves_at_the_first_hour_of_its_window(window: SendWindow, zone: str, hour: datetime):
    """At that hour the local clock is in the window; at no hour before is it, whatever clocks do in between."""
    opens = next_open_hour(window, zone, hour)
    between = [hour + timedelta(hours=number) for number in range((opens - hour) // timedelta(hours=1))]
    assert not any(_shows(local(one, zone), window) for one in between)
    assert _shows(local(opens, zone), window)


def _shows(clock: datetime, window: SendWindow) -> bool:
    minutes = int(f"{clock:%H}") * 60 + int(f"{clock:%M}")
    return int(f"{clock:%w}") in {(day + 1) % 7 for day in window.days} and window.start <= minutes < window.end


@given(hour=HOURS, zones=st.tuples(st.sampled_from(ZONES), st.sampled_from((*ZONES, None))))
def test_window_of_partners_is_in_their_own_time(hour: datetime, zones: tuple[str, str | None]):
    """Without a time zone of its own, a partner has that of its program; other windows are always the program's."""
    program, own = zones
    sending = SendingHour(
        hour,
        ContactPolicy(send_window=OFFICE_HOURS),
        [_workflow("w")],
        {"1": program},
        {("1", "p"): own} if own else {},
    )
    wait = sending.window_wait(delivery("p"))
    clock = local(hour, own or program)
    assert (wait is None) == (clock.weekday() < 5 and 9 <= clock.hour < 17)
    assert sending.may_send(_workflow("w"))
    if wait:
        assert wait.not_before == next_open_hour(OFFICE_HOURS, own or program, hour)
        assert wait.reason == "Waits for the send window: weekdays 09:00-17:00 in the partner's time zone."


def _workflow(name: str) -> Workflow:
    return Workflow(name, name, "", "1", "active", (), SendEmail("m"))


@pytest.fixture
def raw() -> DuckDBConnection:
    """A warehouse with three partners, without a column for their time zones."""
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA raw")
    connection.execute("CREATE TABLE raw.partners AS SELECT 1 AS program_id, unnest(['a', 'b', 'c']) AS partner_id")
    return DuckDBConnection(connection, lambda error: error)


def test_time_zones_of_partners_are_read_where_the_source_has_them(raw: DuckDBConnection):
    """One that is not an IANA zone is left out, with a note; nothing is read unless a window needs it."""
    policy = ContactPolicy(send_window=OFFICE_HOURS)
    assert read_partner_zones(raw, policy, []).zones == {}
    raw.execute("ALTER TABLE raw.partners ADD COLUMN time_zone VARCHAR")
    raw.execute(
        "UPDATE raw.partners SET time_zone = CASE partner_id WHEN 'a' THEN 'Europe/Berlin' WHEN 'b' THEN 'CEST' END"
    )
    found = read_partner_zones(raw, policy, [])
    assert found.zones == {("1", "a"): "Europe/Berlin"}
    assert found.notes == (
        "1 partner has a time_zone in raw.partners that is not an IANA time zone: 'CEST'. Send windows use the time "
        "zone of their program. Correct it in the source, such as America/New_York.",
    )
    assert read_partner_zones(raw, ContactPolicy(), [_workflow("w")]).notes == ()
