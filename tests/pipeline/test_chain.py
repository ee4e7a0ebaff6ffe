"""The five-step prospecting chain of the help page (Example 1) over thirty days of one program."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from compiler import Compiler, Workflow
from flows.definitions.loader import read_definitions
from flows.settings import CHECKOUT, Settings
from support.account import VOCABULARY, Account, empty_account, raw_rows

ZONE = ZoneInfo("Asia/Kolkata")
FIRST = datetime(2026, 3, 1, tzinfo=ZONE)
CHAIN = ("prospect-invite", "prospect-follow-up-7", "prospect-follow-up-14", "accept-applications", "prospect-welcome")

HISTORIES = {
    "Maya": {"tagged": "2026-03-01 10:20"},
    "Ravi": {"tagged": "2026-03-01 10:20"},
    "Lee": {"tagged": "2026-03-01 10:20"},
    "Nadia": {"tagged": "2026-03-01 23:40"},
}
"""Nadia is tagged after the last full hour of the day, so at the next hour her transition is not Today."""

EVENTS = {
    datetime(2026, 3, 4, 9, 10, tzinfo=ZONE): ("Ravi", "Awaiting Advertiser Approval", None),
    datetime(2026, 3, 5, 9, 30, tzinfo=ZONE): ("Ravi", "Joined", "2026-03-05 09:30"),
    datetime(2026, 3, 21, 18, 40, tzinfo=ZONE): ("Maya", "Awaiting Advertiser Approval", None),
    datetime(2026, 3, 22, 8, 15, tzinfo=ZONE): ("Maya", "Joined", "2026-03-22 08:15"),
}
"""Changes of contracts by time: the partner, the new stage, and the start of the contract."""

BUSY = {1, 2, 4, 5, 8, 15, 21, 22}
"""Days of March with an event or a contact."""


def test_prospecting_chain_sends_each_step_once():
    """A prospect is invited in the hour after the tag, and followed up 7 and 14 days after the invitation.

    An application stops the follow-ups and is accepted; a partner that joins is welcomed that day.
    """
    with empty_account().holding(raw_rows(HISTORIES, ZONE), FIRST) as account:
        assert list(thirty_days(account)) == [
            ("2026-03-01 11:00", "prospect-invite", "Lee"),
            ("2026-03-01 11:00", "prospect-invite", "Maya"),
            ("2026-03-01 11:00", "prospect-invite", "Ravi"),
            ("2026-03-04 10:00", "accept-applications", "Ravi"),
            ("2026-03-05 10:00", "prospect-welcome", "Ravi"),
            ("2026-03-08 00:00", "prospect-follow-up-7", "Lee"),
            ("2026-03-08 00:00", "prospect-follow-up-7", "Maya"),
            ("2026-03-15 00:00", "prospect-follow-up-14", "Lee"),
            ("2026-03-15 00:00", "prospect-follow-up-14", "Maya"),
            ("2026-03-21 19:00", "accept-applications", "Maya"),
            ("2026-03-22 09:00", "prospect-welcome", "Maya"),
        ]


def thirty_days(account: Account) -> Iterator[tuple[str, str, str]]:
    """Yield (local hour, workflow, partner) of each contact; emails of one hour are loaded before the next.

    All hours of the busy days are evaluated, and midnight and noon of the others.
    """
    compiler, workflows = Compiler(VOCABULARY), chain()
    contacted: set[tuple[str, str]] = set()
    hours = [FIRST + timedelta(hours=number) for number in range(30 * 24)]
    for hour in (hour for hour in hours if hour.hour % 12 == 0 or hour.day in BUSY):
        times = [at for at in EVENTS if hour - timedelta(hours=1) < at <= hour]
        for at in times:
            set_contract(account, *EVENTS[at], at)
        account.turn_to(hour)
        due = sorted(members(account, workflows, compiler) - contacted)
        for workflow, partner in due:
            yield f"{hour:%Y-%m-%d %H:%M}", workflow, partner
        contacted |= set(due)
        sent = [partner for workflow, partner in due if workflow != "accept-applications"]
        if sent:
            row = {"program_id": "1000", "action": "email", "state": "sent", "as_of": hour, "sent_at": hour}
            account.load({"sent_emails": [row | {"partner_id": partner} for partner in sent]})


def chain() -> list[Workflow]:
    """The five workflows of the example account, for program 1000."""
    definitions = read_definitions(Settings(workflows=CHECKOUT / "workflows"))
    return [replace(definitions[name], program="1000") for name in CHAIN]


def members(account: Account, workflows: list[Workflow], compiler: Compiler) -> set[tuple[str, str]]:
    """Return (workflow, partner) of each member, whether or not the workflow has contacted it before."""
    (found,) = account.members([one for one in workflows if one.id != "accept-applications"], compiler).values()
    waiting = account.connection.execute(compiler.applications(workflows)).fetchall()
    return {(name, partner) for name, partners in found.items() for partner in partners} | {
        (name, partner) for name, _, partner, *_ in waiting
    }


def set_contract(account: Account, partner: str, stage: str, starts: str | None, at: datetime) -> None:
    """Replace the partner's contract by one in this stage; the source has no history of contracts."""
    account.connection.execute("DELETE FROM raw.contracts WHERE partner_id = ?", [partner])
    columns = {"id": partner, "stage": stage, "term": "Creator Standard Terms", "created": f"{at:%Y-%m-%d %H:%M}"}
    contract = columns | ({"from": starts} if starts else {})
    account.load({"contracts": raw_rows({partner: {"contracts": [contract]}}, ZONE)["contracts"]})
