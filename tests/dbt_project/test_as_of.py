"""Evaluating a past hour again gives the same result, even if rows have been loaded since."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from compiler import Compiler, Workflow, parse
from compiler.segment_tree import SendEmail
from support.account import VOCABULARY, Account, empty_account, raw_rows

ZONE = ZoneInfo("America/New_York")
HOUR = datetime(2026, 3, 20, 18, tzinfo=UTC)
WEEK_LATER = datetime(2026, 3, 27, 18, tzinfo=UTC)

AT_HOUR = {
    "tagged": {"tagged": "2026-03-20 09:00"},
    "joined": {"joined": "2026-03-06 09:00", "clicks": {"2026-03-10": 40}},
    "selling": {"joined": "2026-02-25 09:00", "actions": [{"at": "2026-03-19 10:00", "amount": "800"}]},
    "selling today": {"joined": "2026-02-25 09:00", "actions": [{"at": "2026-03-20 13:59", "amount": "1"}]},
    "supplied": {"supplied": {"2026-03-13 09:00": "Outreach"}},
}
"""Histories of the partners as loaded at the hour."""

AFTER_HOUR = {
    "tagged": {"emailed": ["2026-03-20 14:00"], "supplied": {"2026-03-25 09:00": "Negotiating"}},
    "joined": {
        "contracts": [{"stage": "Joined", "from": "2026-03-21 09:00", "created": "2026-03-21 08:00"}],
        "clicks": {"2026-03-21": 500},
    },
    "selling": {"actions": [{"at": "2026-03-20 14:01", "amount": "900"}, {"at": "2026-03-22 10:00", "amount": "900"}]},
    "selling today": {"actions": [{"at": "2026-03-20 14:00:01", "amount": "5000"}]},
    "supplied": {"supplied": {"2026-03-20 14:30": "Joined"}, "tagged": "2026-03-24 10:00"},
}
"""What is loaded in the week after the hour; all of it happens after the hour."""

SEGMENTS = {
    "new today": ["Relationship Stage is any of New", "Last Transition Date is Today"],
    "few clicks": [
        "Relationship Stage is any of Joined", "Last Transition Date is 14 Days Ago",
        "Performance Date Range interval between 0 and 14 Days Ago", "Clicks less than 100",
    ],
    "revenue": ["Performance Date Range interval between 0 and 30 Days Ago", "Revenue greater than 799"],
    "outreach a week ago": ["Relationship Stage is any of Outreach", "Last Transition Date is 7 Days Ago"],
    "ever sold": ["Actions greater than 0", "Actions less than 2"],
}  # fmt: skip


def workflows() -> list[Workflow]:
    """Return the segments as workflows of program 1000."""
    return [
        Workflow(name, name, "", "1000", "active", tuple(parse(one, VOCABULARY) for one in sentences), SendEmail("m"))
        for name, sentences in SEGMENTS.items()
    ]


def evaluated(account: Account, hour: datetime) -> tuple[dict, dict]:
    """Return the members of each segment, and the stages, at an hour."""
    account.turn_to(hour)
    return account.members(workflows(), Compiler(VOCABULARY))[hour], account.stages(hour)


def test_hour_evaluated_a_week_later_gives_the_same_result():
    """Later actions, clicks, transitions, contracts and our own emails do not count."""
    then = raw_rows(AT_HOUR, ZONE)
    since = {table: rows for table, rows in raw_rows(AFTER_HOUR, ZONE).items() if table not in ("programs", "partners")}
    for table in ("contracts", "actions"):
        for number, row in enumerate(since[table]):
            row[f"{table.removesuffix('s')}_id"] = f"since {number}"
    with empty_account().holding(then, HOUR) as account:
        before = evaluated(account, HOUR)
        account.load(since)
        assert evaluated(account, HOUR) == before
        assert evaluated(account, WEEK_LATER) != before
    assert before[0] == {
        "new today": {"tagged"},
        "few clicks": {"joined"},
        "revenue": {"selling"},
        "outreach a week ago": {"supplied"},
        "ever sold": {"selling", "selling today"},
    }


@pytest.mark.parametrize(
    ("change", "segment", "before"),
    [
        ("UPDATE raw.actions SET state = 'REVERSED' WHERE partner_id = 'selling'", "revenue", {"selling"}),
        ("UPDATE raw.contracts SET contract_stage = 'Publisher Declined' WHERE partner_id = 'joined'",
         "few clicks", {"joined"}),
    ],
)  # fmt: skip
def test_past_hour_changes_if_a_source_has_no_history(change: str, segment: str, before: set):
    """The state of an action and the stage of a contract have no history among the raw rows (docs/segments.md)."""
    with empty_account().holding(raw_rows(AT_HOUR, ZONE), HOUR) as account:
        assert evaluated(account, HOUR)[0][segment] == before
        account.connection.execute(change)
        account.load({})
        assert evaluated(account, HOUR)[0][segment] == set()
