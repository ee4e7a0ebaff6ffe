"""A stage never goes back: an account that changes between the hours of the real flow, as its partner manager sees it.

All partners share one account, which runs once; each test looks at its own partners."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flows.pipeline.run import Run
from flows.pipeline.text import catch_up_lines
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse
from support.states import remove_state
from support.timeline import Timeline

NEW_YORK = ZoneInfo("America/New_York")

pytestmark = pytest.mark.long

SEGMENTS = {
    "invite": ["Relationship Stage is any of New", "Last Transition Date is Today"],
    "follow-up": ["Relationship Stage is any of Outreach", "Last Transition Date is 7 Days Ago"],
    "welcome": ["Relationship Stage is any of Joined", "Last Transition Date is Today"],
    "few-clicks": [
        "Relationship Stage is any of Joined",
        "Last Transition Date is 2 Days Ago",
        "Performance Date Range is Last 3 Days",
        "Clicks less than 100",
    ],
}


STAGES: dict[str, dict[str, tuple[str, str | None]]] = {}
"""Hour to the stage and transition date of each partner as of it."""


@pytest.fixture(scope="module")
def account(read_project: Path, workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Timeline]:
    """The account after the hours of the story."""
    shutil.copytree(read_project, workshop / "dbt_project")
    workflows = tmp_path_factory.mktemp("definitions")
    account = Timeline(Settings(state_dir=workshop, workflows=workflows), NEW_YORK, SEGMENTS)
    tell(account)
    yield account
    remove_state(workshop)


def run(account: Timeline, *hours: str) -> None:
    """Run hours, and keep the stage of every partner after each."""
    for hour in hours:
        account.run(hour)
        STAGES[hour] = account.stages()


def tell(account: Timeline) -> None:
    """Load the rows of the story, and run its hours."""
    old = {"created": "2025-01-10 09:00", "starts": "2025-01-10 09:00"}
    for name in ("Accepted", "Declined by us", "Declined by them", "Reloaded"):
        account.tagged(name, "2026-03-02 10:20")
    account.tagged("Restated", "2026-03-02 10:20")
    account.contract("Successor declined", "Joined", "c1", **old)
    account.contract("Successor unknown", "Joined", "c2", **old)
    account.contract("Successor empty", "Joined", "c3", **old)
    account.contract("Renewed", "Joined", "c4", **old)
    account.contract("Ended early", "Joined", ends="2027-01-01 00:00", **old)
    for day in range(1, 10):
        account.clicks("Regular", f"2026-03-0{day}", 10)
    run(account, "2026-03-02 10:00", "2026-03-02 11:00")
    account.supplied("Restated", "New", "2026-03-02 11:30")
    account.contract("Proposal", "Awaiting Publisher Approval", created="2026-03-02 11:10", updated="2026-03-02 11:10")
    run(account, "2026-03-02 12:00")
    account.contract("Proposal", "Publisher Declined", created="2026-03-02 11:10", updated="2026-03-02 12:00")
    account.tagged("Proposal unseen", "2026-03-01 10:00")
    account.contract("Proposal unseen", "Publisher Declined", created="2026-03-02 11:10", updated="2026-03-02 12:00")
    run(account, "2026-03-02 13:00")

    for name in ("Accepted", "Declined by us", "Reloaded"):
        account.contract(name, "Awaiting Advertiser Approval", created="2026-03-04 09:10", updated="2026-03-04 09:10")
    account.contract("Declined by them", "Publisher Countered", created="2026-03-03 15:00", updated="2026-03-04 09:10")
    account.supplied("Same day", "New", "2026-03-04 00:00")
    account.contract("Same day", "Joined", created="2026-03-04 09:40", starts="2026-03-04 09:40")
    account.delete_contract("c4")
    account.contract("Renewed", "Joined", "c4", superseded_by="c5", **old)
    account.contract("Renewed", "Joined", "c5", created="2026-03-04 09:00", starts="2026-02-01 00:00")
    run(account, "2026-03-04 10:00")

    account.contract(
        "Accepted", "Awaiting Contract Start", created="2026-03-04 09:10", starts="2026-04-01 00:00",
        updated="2026-03-05 09:10",
    )  # fmt: skip
    account.contract("Declined by us", "Advertiser Declined", created="2026-03-04 09:10", updated="2026-03-05 09:10")
    account.contract("Declined by them", "Publisher Declined", created="2026-03-03 15:00", updated="2026-03-05 09:10")
    account.delete_contract("c-Reloaded")
    account.contract("Successor declined", "Expired", "c1", superseded_by="c1b", ends="2026-03-05 08:00", **old)
    account.contract("Successor declined", "Publisher Declined", "c1b", created="2026-02-20 09:00")
    account.contract("Successor unknown", "Expired", "c2", superseded_by="c-none", ends="2026-03-05 08:00", **old)
    account.contract("Successor empty", "Expired", "c3", superseded_by="", ends="2026-03-05 08:00", **old)
    account.contract("Ended early", "Expired", ends="2027-01-01 00:00", updated="2026-03-05 08:30", **old)
    run(account, "2026-03-05 10:00")
    account.contract("Reloaded", "Awaiting Advertiser Approval", created="2026-03-04 09:10", updated="2026-03-04 09:10")
    run(account, "2026-03-05 23:00", "2026-03-06 00:00")
    account.contract("Late", "Joined", created="2026-03-05 22:30", starts="2026-03-05 22:30")
    run(account, "2026-03-06 01:00", "2026-03-06 02:00")

    account.contract("Slow", "Joined", created="2026-03-04 10:00", starts="2026-03-04 03:00")
    account.contract("Busy", "Joined", created="2026-03-04 10:00", starts="2026-03-04 03:00")
    joined = {"created": "2026-03-06 03:00", "starts": "2026-03-06 03:00"}
    account.contract("Gone", "Expired", updated="2026-03-06 20:00", **joined)
    account.contract("Stayed", "Joined", **joined)
    account.clicks("Busy", "2026-03-06", 500)
    run(account, "2026-03-07 12:00", "2026-03-09 12:00")


def test_negotiating_partner_gets_no_follow_up(account: Timeline):
    """Applied on the 4th, accepted on the 5th with a start in April, declined by us, or countered and declined by them:
    they have answered the invitation, and stay Negotiating since that day."""
    for name in ("Accepted", "Declined by us", "Declined by them", "Reloaded"):
        assert account.contacted(name) == [("invite", "2026-03-02 11:00")], name
        assert STAGES["2026-03-09 12:00"][name] == ("Negotiating", "2026-03-04"), name


def test_stage_does_not_go_back_while_a_contract_is_deleted(account: Timeline):
    """A source that reloads a table takes no stage back, also while the row is missing."""
    hours = ("2026-03-04 10:00", "2026-03-05 10:00", "2026-03-05 23:00")
    assert [STAGES[hour]["Reloaded"][0] for hour in hours] == ["Negotiating"] * 3


def test_declined_proposal_leaves_outreach(account: Timeline):
    """Whether it was seen before or is inferred: the partner is Outreach since the proposal, and is not invited."""
    assert STAGES["2026-03-02 13:00"]["Proposal"] == ("Outreach", "2026-03-02")
    assert STAGES["2026-03-02 13:00"]["Proposal unseen"] == ("Outreach", "2026-03-02")
    assert [workflow for workflow, _ in account.contacted("Proposal")] == ["follow-up"]
    assert [workflow for workflow, _ in account.contacted("Proposal unseen")] == ["follow-up"]


def test_contract_counts_on_a_day_with_a_supplied_new(account: Timeline):
    """Supplied New at 00:00 and a contract in force at 09:40: Joined, and welcomed."""
    assert STAGES["2026-03-04 10:00"]["Same day"] == ("Joined", "2026-03-04")
    assert ("welcome", "2026-03-04 10:00") in account.contacted("Same day")


def test_restated_new_does_not_take_back_our_invitation(account: Timeline):
    """Supplied New again after our invitation of that day: the follow-up comes seven days after the invitation."""
    assert account.contacted("Restated") == [("invite", "2026-03-02 11:00"), ("follow-up", "2026-03-09 12:00")]


def test_transition_loaded_after_midnight_is_found_once(account: Timeline):
    """Joined at 22:30 and loaded after midnight: welcomed by the next run, which says so, and by no other."""
    assert account.contacted("Late")[0] == ("welcome", "2026-03-06 01:00")
    assert [workflow for workflow, _ in account.contacted("Late")].count("welcome") == 1
    details = {f"{one.plan.as_of:%d %H}": details_of(one) for one in account.runs}
    assert details["06 06"] == {"welcome": "1 found late"}
    assert details["06 07"] == {}


def details_of(run: Run) -> dict[str, str]:
    """Return the details of a run's own hour, by workflow id."""
    return {row.workflow_id: row.detail for row in run.plan.workflows if row.detail}


def test_successor_signed_today_moves_the_date_to_today(account: Timeline):
    """Its start lies in the past: no one has joined before the contract existed."""
    assert STAGES["2026-03-04 10:00"]["Renewed"] == ("Joined", "2026-03-04")
    assert ("welcome", "2026-03-04 10:00") in account.contacted("Renewed")


def test_partner_that_left_during_an_outage_is_not_welcomed(account: Timeline):
    """The hours are caught up, and who is not Joined any more is left out; the plan says who and why."""
    assert account.contacted("Gone") == []
    assert ("welcome", "2026-03-07 12:00") in account.contacted("Stayed")


def test_less_than_is_checked_again_when_hours_are_caught_up(account: Timeline):
    """Two days after joining: Slow has few clicks, Busy has caught up by the hour of sending."""
    assert "few-clicks" in [workflow for workflow, _ in account.contacted("Slow")]
    assert "few-clicks" not in [workflow for workflow, _ in account.contacted("Busy")]


@pytest.mark.parametrize("name", ["Successor declined", "Successor unknown", "Successor empty"])
def test_contract_without_a_successor_in_force_expires(account: Timeline, name: str):
    """A successor that was declined, that is unknown or whose id is empty text is not a successor."""
    assert STAGES["2026-03-05 10:00"][name] == ("Expired", "2026-03-05")


def test_contract_that_ended_early_is_expired(account: Timeline):
    """The stage says Expired, and ends_at is still in the future."""
    assert STAGES["2026-03-05 10:00"]["Ended early"] == ("Expired", "2026-03-05")


def test_plan_names_who_is_left_out_and_why(account: Timeline):
    """The evaluations of the outage name the partners that no longer qualify, with the conditions that they fail."""
    run = next(one for one in account.runs if f"{one.plan.as_of:%d %H}" == "07 17")
    left_out = {(one.partner_id, one.conditions) for plan in run.plan.catch_up for one in plan.disqualified}
    assert left_out == {("Gone", ("Relationship Stage is any of Joined",)), ("Busy", ("Clicks less than 100",))}
    line = next(line for line in catch_up_lines(run.plan, str) if "Gone" in line)
    assert "without Gone (welcome: not Relationship Stage is any of Joined)" in line


def test_history_grows_by_changes_not_by_hours(account: Timeline):
    """A loader that writes every row again each hour adds no version of a contract."""
    before = account.count("snapshots.contract_history")
    account.run("2026-03-09 13:00")
    assert account.count("snapshots.contract_history") == before


def test_history_returns_in_a_new_warehouse(account: Timeline):
    """Everything but the raw tables is lost: a run takes the history of contracts from the published file."""
    before, stages = account.count("snapshots.contract_history"), account.stages()
    with open_warehouse(account.settings.warehouse) as connection:
        for schema in ("snapshots", "staging", "intermediate", "marts", "segments"):
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
        connection.execute("DROP TABLE raw.build_state")
    account.run("2026-03-09 14:00")
    assert (account.count("snapshots.contract_history"), account.stages()) == (before, stages)
