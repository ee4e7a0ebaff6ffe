"""A workflow with a goal and a holdout in the real flow: who is held out, and what its emails have changed."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from compiler import MissedHours
from flows.definitions.loader import Definitions, read_definitions
from flows.ledger.delivery import RENDERING, SendResult, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.ledger.recovery.restore import restore
from flows.pipeline.holdouts import without_held_out
from flows.pipeline.run import plan_only
from flows.plan.plan import Plan, Recipient, WorkflowPlan, with_holdouts
from flows.preview.simulate import simulate
from flows.report.data import read_report
from flows.settings import Settings
from support.definitions import VOCABULARY
from support.definitions import workflow as workflow_of
from support.ledgers import delivery, opened
from support.states import remove_state
from support.timeline import PROGRAM, Timeline

TODAY = ["Relationship Stage is any of Joined", "Last Transition Date is Today"]
IN, OUT = ("Ann", "Ben"), ("Out1", "Out2")
SKIP = MissedHours("skip", 0)
UTC = ZoneInfo("UTC")


@pytest.fixture
def account(read_project: Path, workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Timeline]:
    """A workflow that holds out partners whose name begins with Out, whatever the key of the ledger is."""
    monkeypatch.setattr("flows.ledger.holdout.holdout_number", lambda *ids: 0.05 if ids[-1].startswith("Out") else 0.95)
    shutil.copytree(read_project, workshop / "dbt_project")
    settings = Settings(state_dir=workshop, workflows=tmp_path / "workflows")
    timeline = Timeline(settings, ZoneInfo("America/New_York"), {"welcome": TODAY})
    set_holdout(settings, "10 %")
    yield timeline
    remove_state(workshop)


def set_holdout(settings: Settings, percent: str) -> None:
    """Write the goal and the holdout into the definition."""
    file = settings.workflows / "welcome.yml"
    kept = [line for line in file.read_text().splitlines() if not line.startswith(("goal:", "holdout:"))]
    goal = "goal: Actions greater than 0 within 14 days"
    file.write_text("\n".join([*kept, goal, f"holdout: {percent}\n"]))


def arms(settings: Settings) -> dict[str, tuple[str, int | None]]:
    """Return state and percentage of each partner's delivery."""
    with opened(settings.ledger) as ledger:
        return {one.partner_id: (one.state, one.holdout_percent) for one in deliveries(ledger)}


def action(account: Timeline, name: str, at: str, amount: int) -> None:
    """Add an action of a partner."""
    account.insert(
        "actions", program_id=PROGRAM, action_id=f"{name} {at}", partner_id=name, event_at=account.at(at),
        state="APPROVED", amount=amount, currency="USD",
    )  # fmt: skip


@pytest.mark.long
def test_holdout_is_kept_from_emails_and_compared_with_the_others(account: Timeline, tmp_path: Path):
    """Plan and simulation say who is held out, the run does it, and a change of the percentage moves nobody. After the
    days of the goal the report compares both arms. A ledger that is restored knows the holdout."""
    settings = account.settings
    for name in (*IN, *OUT):
        account.contract(name, "Joined", created="2026-03-06 09:10", starts="2026-03-06 09:10")
    planned = plan_only(settings, account.at("2026-03-06 10:00").replace(tzinfo=UTC))
    assert arms(settings) == {}
    definitions = read_definitions(settings)
    simulated = simulate(settings, definitions.active, definitions.compiler, date(2026, 3, 6), date(2026, 3, 6))
    run = account.run("2026-03-06 10:00", missed_hours=SKIP)
    (row,) = run.plan.workflows
    assert (planned.workflows[0].held_out, row.held_out, row.recipients, row.sent) == (2, 2, 2, 2)
    assert planned.as_json()["workflows"][0]["held_out"] == 2
    assert planned.as_json()["held_out"] == run.as_json()["held_out"] == [
        {"workflow_id": "welcome", "program_id": PROGRAM, "partner_id": name} for name in OUT
    ]  # fmt: skip
    expected = {"Ann": ("sent", 10), "Ben": ("sent", 10), "Out1": ("held_out", 10), "Out2": ("held_out", 10)}
    assert arms(settings) == expected
    assert len(list(settings.outbox.iterdir())) == 2
    assert [(one.partner_id, one.as_of) for one in simulated.held_out] == [(name, run.plan.as_of) for name in OUT]
    assert [(one.partner_id, one.as_of) for one in simulated.sends] == [(name, run.plan.as_of) for name in IN]

    set_holdout(settings, "99 %")
    action(account, "Ann", "2026-03-06 08:00", 1000)  # before the email
    action(account, "Ann", "2026-03-06 10:30", 20)
    action(account, "Ben", "2026-03-21 10:30", 1000)  # too late
    action(account, "Out1", "2026-03-20 10:30", 5)
    later = account.run("2026-03-20 12:00", "2026-03-21 12:00", missed_hours=SKIP)
    assert arms(settings) == expected
    assert [one.plan.workflows[0].held_out for one in account.runs] == [2, 0, 0]
    assert later.plan.workflows[0].sent == 0
    report = read_report(settings.published)
    total = {name: value for name, value in report.totals[0].items() if name.startswith("goal")}
    assert total == {
        "goal": "Actions greater than 0 within 14 days", "goal_partners": 2, "goal_complete": 2, "goal_reached": 1,
        "goal_revenue": 20, "goal_rate": 0.5,
    }  # fmt: skip
    (lift,) = report.lifts
    assert (lift["emailed"], lift["emailed_complete"], lift["emailed_rate"], lift["emailed_revenue"]) == (2, 2, 0.5, 10)
    assert (lift["held_out"], lift["held_out_rate"], lift["held_out_revenue"]) == (2, 0.5, 2.5)
    assert (lift["holdout_percent"], lift["verdict"]) == (10, "not enough yet")
    with closing(Ledger(tmp_path / "restored.db")) as restored:
        restore(restored, settings.warehouse, tmp_path / "no.duckdb", "ann", "The disk was replaced")
        assert {one.partner_id: (one.state, one.holdout_percent) for one in deliveries(restored)} == expected


def test_partner_that_is_claimed_again_is_not_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Its email could not be rendered before the workflow had a holdout. The hours to catch up hold out others, too."""
    monkeypatch.setattr("flows.ledger.holdout.holdout_number", lambda *_: 0.05)
    workflow = replace(workflow_of("w", "1", TODAY), status="active", holdout=10)
    definitions = Definitions((workflow,), (), {}, VOCABULARY)
    found = tuple(recipient("w", name, f"{name}@x") for name in ("again", "new"))
    plan = Plan(datetime(2026, 3, 20, 18, tzinfo=UTC), (WorkflowPlan("w", recipients=2),), found)
    with opened(tmp_path / "ledger.db") as ledger:
        ledger.claim([delivery("again")], {})
        (one,) = ledger.lease("r", ["w"], 1, utc_now())
        ledger.record_result(one, "leased", SendResult("failed", "no name", smtp_stage=RENDERING))
        apart = without_held_out(replace(plan, catch_up=(plan,)), definitions, ledger)
    for hour in (apart, *apart.catch_up):
        assert [one.partner_id for one in hour.recipients] == ["again"]
        assert [one.partner_id for one in hour.held_out] == ["new"]


def recipient(workflow: str, partner: str, email: str) -> Recipient:
    """Return an address to send to."""
    return Recipient(workflow, workflow, "1", None, partner, None, email, None, None, None, "UTC")


def test_plan_holds_out_partners_with_all_their_addresses():
    """Only workflows with a holdout hold anybody out; the others keep their recipients."""
    found = [recipient("w", "out", "a@x"), recipient("w", "out", "b@x"), recipient("w", "in", "c@x")]
    found += [recipient("other", "out", "a@x")]
    rows = (WorkflowPlan("other", recipients=1), WorkflowPlan("w", members=2, recipients=3))
    plan = Plan(datetime(2026, 3, 20, 18, tzinfo=UTC), rows, tuple(found))
    apart = with_holdouts(plan, {"w": 10}, lambda partner: partner[2] == "out")
    assert [(one.workflow_id, one.email) for one in apart.recipients] == [("w", "c@x"), ("other", "a@x")]
    assert [one.email for one in apart.held_out] == ["a@x", "b@x"]
    assert [(row.recipients, row.held_out) for row in apart.workflows] == [(1, 0), (1, 1)]
