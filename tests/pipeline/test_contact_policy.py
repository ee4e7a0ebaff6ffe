"""The contact policy in the real flow: caps, priority, send windows, and what becomes of emails that wait."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from compiler import ContactPolicy, MissedHours, parse_cap
from compiler.language.send_window import parse_send_window
from compiler.segment_tree import AcceptApplication, SendEmail, Workflow
from flows.ledger.caps import Wait
from flows.ledger.queries import deliveries
from flows.pipeline.contact_policy import decide_in_ledger
from flows.pipeline.run import plan_only
from flows.sending.contact_policy import SendingHour
from flows.settings import Settings
from support.ledgers import delivery, opened
from support.states import remove_state
from support.timeline import Timeline

TODAY = ["Relationship Stage is any of Joined", "Last Transition Date is Today"]
POLICY = """
caps: [at most 1 email per partner per day]
priority: [welcome, news]
"""
SKIP = MissedHours("skip", 0)


@pytest.fixture
def account(read_project: Path, workshop: Path, tmp_path: Path) -> Iterator[Timeline]:
    """Four workflows for partners that join; two of them have a send window."""
    shutil.copytree(read_project, workshop / "dbt_project")
    settings = Settings(state_dir=workshop, workflows=tmp_path / "workflows")
    timeline = Timeline(
        settings, ZoneInfo("America/New_York"), dict.fromkeys(("welcome", "news", "offer", "rare"), TODAY)
    )
    (settings.workflows / "contact_policy.yml").write_text(POLICY)
    for name, window in (("offer", "weekdays 09:00-17:00"), ("rare", "Wed 09:00-10:00")):
        with (settings.workflows / f"{name}.yml").open("a") as file:
            file.write(f"send_window: {window}\n")
    yield timeline
    remove_state(workshop)


def emails(account: Timeline, partner: str) -> dict[str, tuple[str, str | None]]:
    """Return state and reason of a partner's emails, by workflow."""
    with opened(account.settings.ledger) as ledger:
        found = [one for one in deliveries(ledger) if one.partner_id == partner]
    return {one.workflow_id: (one.state, one.reason) for one in found}


@pytest.mark.long
def test_emails_wait_for_their_cap_and_their_window(account: Timeline):
    """A weekend with the change to daylight saving time: one email a day, in order, in the windows, to who qualifies.

    Both partners join on Friday. Noah leaves on Saturday. The plan of each hour says what the run then does.
    """
    for name in ("Maya", "Noah"):
        account.contract(name, "Joined", created="2026-03-06 09:10", starts="2026-03-06 09:10")
    planned = plan_only(account.settings, account.at("2026-03-06 10:00").replace(tzinfo=ZoneInfo("UTC")))
    run = account.run("2026-03-06 10:00", missed_hours=SKIP)
    assert [row.detail for row in planned.workflows] == [row.detail for row in run.plan.workflows]
    assert planned.deferred == run.plan.deferred
    assert emails(account, "Maya") == {
        "welcome": ("sent", None),
        "news": ("pending", "Waits: at most 1 email per partner per day."),
        "offer": ("pending", "Waits: at most 1 email per partner per day."),
        "rare": ("pending", "Waits for the send window: Wed 09:00-10:00."),
    }
    assert {row.workflow_id: row.detail for row in run.plan.workflows}["news"] == (
        "2 wait: at most 1 email per partner per day (until 2026-03-07 10:00 EST)"
    )
    account.contract("Noah", "Expired", created="2026-03-06 09:10", starts="2026-03-06 09:10", ends="2026-03-07 09:00")
    saturday = account.run("2026-03-07 10:00", missed_hours=SKIP)
    assert emails(account, "Maya")["news"] == ("sent", None)
    assert emails(account, "Maya")["offer"] == ("pending", "Waits: at most 1 email per partner per day.")
    assert emails(account, "Noah")["news"] == (
        "disqualified",
        "No longer in the segment: Relationship Stage is any of Joined.",
    )
    assert [(one.workflow_id, one.partner_id) for one in saturday.plan.disqualified] == [("news", "Noah")]
    account.run("2026-03-09 08:00", missed_hours=SKIP)
    assert emails(account, "Maya")["offer"][0] == "pending"
    account.run("2026-03-09 09:00", missed_hours=SKIP)
    assert emails(account, "Maya")["offer"] == ("sent", None)
    assert emails(account, "Noah")["offer"][0] == "disqualified"
    account.run("2026-03-09 12:00", missed_hours=SKIP)
    assert emails(account, "Maya")["rare"] == (
        "expired",
        "Given up: it waited for too long. Waits for the send window: Wed 09:00-10:00.",
    )
    with opened(account.settings.ledger) as ledger:
        assert len(deliveries(ledger)) == 8


@pytest.mark.long
def test_policy_that_is_not_valid_stops_all_emails(account: Timeline):
    """Every email workflow has the problem in its row, and nothing is claimed."""
    (account.settings.workflows / "contact_policy.yml").write_text("caps: [at most one email]\n")
    account.contract("Maya", "Joined", created="2026-03-06 09:10", starts="2026-03-06 09:10")
    run = account.run("2026-03-06 10:00")
    assert {row.status for row in run.plan.workflows} == {"error"}
    assert all("contact_policy.yml:1:" in (row.detail or "") for row in run.plan.workflows)
    assert emails(account, "Maya") == {}


def workflow(name: str, window: str | None = None) -> Workflow:
    """Return an active email workflow of program 1."""
    parsed = parse_send_window(window) if window else None
    return Workflow(name, name, "", "1", "active", (), SendEmail("m"), send_window=parsed)


FRIDAY_NIGHT = datetime(2026, 3, 7, 3)
"""Friday, 22:00 in New York."""


@pytest.mark.parametrize(
    ("window", "opens"),
    [
        ("every day 22:00-23:00", FRIDAY_NIGHT),
        ("every day 09:00-17:00", datetime(2026, 3, 7, 14)),
        ("weekdays 09:00-17:00", datetime(2026, 3, 9, 13)),
        ("Sun 02:00-03:00", datetime(2026, 3, 15, 6)),
    ],
)
def test_window_opens_at_a_local_time(window: str, opens: datetime):
    """The clocks of New York skip 02:00 on Sunday, 8 March 2026; later hours are four hours behind UTC."""
    one = workflow("w", window)
    hour = SendingHour(FRIDAY_NIGHT, ContactPolicy(), [one], {"1": "America/New_York"})
    wait = hour.window_wait(delivery("p"))
    assert (wait.not_before if wait else FRIDAY_NIGHT) == opens
    assert hour.may_send(one) == (opens == FRIDAY_NIGHT)


def test_applications_are_decided_outside_the_window_of_the_policy():
    """The window of the policy is for emails."""
    accept = replace(workflow("accept"), action=AcceptApplication())
    policy = ContactPolicy(send_window=parse_send_window("Wed 09:00-10:00"))
    hour = SendingHour(FRIDAY_NIGHT, policy, [accept, workflow("w")], {"1": "America/New_York"})
    assert [hour.may_send(one) for one in hour.workflows] == [True, False]


def test_workflows_go_in_the_order_of_priority(tmp_path: Path):
    """The others go by id; an exempt one always goes. An earlier claim of the same priority goes first."""
    policy = ContactPolicy((parse_cap("at most 2 emails per partner per day"),), frozenset({"x"}), ("c",))
    workflows = [workflow(name) for name in ("a", "b", "c", "x")]
    hour = SendingHour(FRIDAY_NIGHT, policy, workflows, {"1": "America/New_York"})
    new = [delivery("p", workflow=one.id) for one in workflows]
    with opened(tmp_path / "ledger.db") as ledger:
        decision = decide_in_ledger(ledger, hour, lambda _: {}, new)
        assert [one.workflow_id for one, _ in decision.waits] == ["b"]
        ledger.claim([delivery("p", workflow="b", claimed_at=FRIDAY_NIGHT.replace(year=2025))], {})
        decision = decide_in_ledger(ledger, hour, lambda _: {}, [one for one in new if one.workflow_id != "b"])
        assert [one.workflow_id for one, _ in decision.waits] == ["a"]


def test_only_waiting_emails_are_read_without_caps_and_windows(tmp_path: Path):
    """Nothing else can wait then, so memory does not grow with the number of new emails."""
    hour = SendingHour(FRIDAY_NIGHT, ContactPolicy(), [workflow("w")], {"1": "America/New_York"})
    new, waiting = iter([delivery("new")]), delivery("waiting")
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.claim([delivery("pending"), waiting], {})
        ledger.make_wait([(waiting, Wait(FRIDAY_NIGHT, "Waits."))], "r")
        decision = decide_in_ledger(ledger, hour, lambda _: {}, new)
    assert [one.partner_id for one in decision.leaving] == ["waiting"]
    assert [one.partner_id for one in new] == ["new"]
