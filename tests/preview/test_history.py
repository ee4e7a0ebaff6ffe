"""When partners enter and leave a segment."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import flows.warehouse.evaluations
from compiler import Compiler
from flows.cli.output.simulation import membership_lines
from flows.preview.history import MembershipInterval, membership_intervals
from flows.preview.hours import local_hours
from flows.warehouse.partner_names import PartnerNames
from flows.warehouse.program_names import ProgramNames
from support.account import VOCABULARY, empty_account, models_of_segments, raw_rows
from support.cli import partnerflow
from support.definitions import workflow
from support.oracle import Oracle, meaning

NEW_YORK = ZoneInfo("America/New_York")
COMPILER = Compiler(VOCABULARY)
FEW = [
    "Relationship Stage is any of Joined",
    "Last Transition Date is Last 7 Days",
    "Performance Date Range is Last 7 Days",
    "Revenue less than 100",
]
ROWS = raw_rows(
    {
        "comes": {"joined": "2026-03-06 15:00"},
        "sells": {"joined": "2026-03-06 15:00", "actions": [{"at": "2026-03-08 12:00", "amount": "100"}]},
        "was there": {"joined": "2026-03-01 15:00"},
        "swaps": {
            "contracts": [
                {"stage": "Expired", "id": "old", "from": "2026-02-27 15:00", "superseded by": "new"},
                {"stage": "Joined", "id": "new", "from": "2026-03-10 15:00"},
            ]
        },
    },
    NEW_YORK,
)


def intervals(first: date, last: date, size: int = 168) -> list[MembershipInterval]:
    """Return the membership intervals between two dates, evaluated in batches of `size` hours."""
    with (
        pytest.MonkeyPatch.context() as patch,
        empty_account().holding(ROWS, datetime(2026, 3, 1, tzinfo=UTC)) as account,
    ):
        patch.setattr(flows.warehouse.evaluations, "MAX_HOURS_PER_BATCH", size)
        hours = local_hours("1000", NEW_YORK, first, last, NEW_YORK)
        return membership_intervals(
            account.connection, models_of_segments(), [workflow("few", "1000", FEW)], COMPILER, hours
        )


def midnight(day: int) -> datetime:
    """Return a March midnight in New York, in UTC."""
    return datetime(2026, 3, day, tzinfo=NEW_YORK).astimezone(UTC)


def test_intervals_start_and_end_at_the_hour():
    """Membership lasts seven days from the day after joining, ends when revenue is too high, and starts again with a
    new contract."""
    assert {
        (one.partner_id, one.valid_from, one.valid_to, one.at_start)
        for one in intervals(date(2026, 3, 4), date(2026, 3, 16))
    } == {
        ("comes", midnight(7), midnight(14), False),
        ("sells", midnight(7), midnight(9), False),
        ("was there", midnight(4), midnight(9), True),
        ("swaps", midnight(4), midnight(7), True),
        ("swaps", midnight(11), None, False),
    }


def test_intervals_equal_the_oracle_for_any_batch_size():
    """The clocks go forward on one of the days. Intervals continue from batch to batch."""
    first, last = date(2026, 3, 6), date(2026, 3, 9)
    one_batch, batches = intervals(first, last), intervals(first, last, size=5)
    assert one_batch == batches
    conditions = [meaning(sentence) for sentence in FEW]
    for hour in local_hours("1000", NEW_YORK, first, last, NEW_YORK):
        expected = Oracle(ROWS, "1000", hour.as_of).members(conditions)
        end = hour.as_of + timedelta(hours=1)
        members = {one.partner_id for one in one_batch if one.valid_from <= hour.as_of < (one.valid_to or end)}
        assert members == expected, hour


@pytest.mark.parametrize(
    ("valid_to", "at_start", "expected"),
    [
        (None, False, "few: p1 of program 1000 from 2026-03-07 00:00 EST onward"),
        (midnight(9), False, "few: p1 of program 1000 from 2026-03-07 00:00 EST to 2026-03-09 00:00 EDT"),
        (None, True, "few: p1 of program 1000 from 2026-03-07 00:00 EST or earlier onward"),
        (midnight(9), True, "few: p1 of program 1000 from 2026-03-07 00:00 EST or earlier to 2026-03-09 00:00 EDT"),
    ],
)
def test_membership_line_marks_open_starts_and_ends(valid_to: datetime | None, at_start: bool, expected: str):
    """`before` means that the partner is a member at the first hour, `on` that it is one at the last hour."""
    interval = MembershipInterval("few", "1000", "p1", midnight(7), valid_to, at_start)
    programs = ProgramNames(NEW_YORK)
    assert membership_lines([interval, interval], programs, PartnerNames({})) == [expected, expected]


def test_history_command_prints_json_and_lines(example):
    """Times are in UTC in the JSON, and those of the program in the lines."""
    settings, _ = example
    command = ["history", "welcome", "--from", "2026-03-19", "--to", "2026-03-20"]
    document = partnerflow(settings, *command, "--json").json()
    assert list(document) == ["history"]
    row = next(one for one in document["history"] if one["partner_id"] == "21004803")
    assert row == {
        "workflow_id": "welcome",
        "program_id": "1000",
        "partner_id": "21004803",
        "valid_from": "2026-03-20T22:00:00Z",
        "valid_to": None,
        "at_start": False,
    }
    text = partnerflow(settings, *command).stdout
    assert "welcome: Tomorrow's Trails (21004803) of program 1000 from 2026-03-20 18:00 EDT onward\n" in text
