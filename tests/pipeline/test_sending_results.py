"""The results of sending in the rows of a run: what a person has to know is an error, and the hour is settled."""

from dataclasses import replace
from datetime import datetime

from flows.ledger.delivery import Delivery
from flows.pipeline.run import Run, _record_of, _with_results
from flows.plan.plan import Plan, WorkflowPlan
from flows.sending.summary import SendSummary
from support.ledgers import HOUR, delivery


def run(run_id: str, *rows: WorkflowPlan, catch_up: tuple[Run, ...] = (), as_of: datetime = HOUR) -> Run:
    """Return a run with these rows."""
    return Run(run_id, Plan(as_of, rows), catch_up)


def delivered(run_id: str = "r", workflow: str = "w") -> Delivery:
    """Return a delivery that this run has claimed."""
    return replace(delivery("p", workflow=workflow), run_id=run_id)


def test_doubt_is_an_error_of_its_workflow_only():
    """The row has the number and what to do; the exit code of the run is 1. The hour is settled all the same."""
    summary = SendSummary()
    for state in ("in_doubt", "in_doubt", "sent"):
        summary.add(delivered(), state)
    summary.add(delivered(workflow="v"), "sent")
    planned = run("r", WorkflowPlan("v"), WorkflowPlan("w", recipients=3))
    done = _with_results(planned, summary)
    v, w = done.plan.workflows
    assert (v.status, v.detail, w.status, w.sent, w.in_doubt) == ("done", None, "error", 1, 2)
    assert w.detail == (
        "2 in doubt: perhaps sent, and never sent again automatically. See `partnerflow deliveries w --state "
        "in_doubt`, and settle them (`partnerflow settle w --dry-run`)"
    )
    assert not done.ok
    assert [row["is_settled"] for row in _record_of(planned, done, ()).workflows] == [True, True]


def test_stopped_workflow_has_the_reason_and_its_doubts():
    """What was deferred is counted after both."""
    summary = SendSummary(errors={"w": "Stopped for this run: down"})
    for state in ("in_doubt", "pending"):
        summary.add(delivered(), state)
    (row,) = _with_results(run("r", WorkflowPlan("w")), summary).plan.workflows
    assert row.detail.startswith("Stopped for this run: down. 1 in doubt: perhaps sent")
    assert row.detail.endswith(". 1 deferred, to be tried again")


def test_doubt_of_a_caught_up_hour_is_an_error_of_the_run():
    """Its row counts the delivery; the row of this hour has the error, by which the exit code is 1."""
    summary = SendSummary()
    summary.add(delivered("earlier"), "in_doubt")
    planned = run("r", WorkflowPlan("w"), catch_up=(run("earlier", WorkflowPlan("w")),))
    done = _with_results(planned, summary)
    (before,), (row,) = done.catch_up[0].plan.workflows, done.plan.workflows
    assert (before.in_doubt, before.status, row.in_doubt, row.status) == (1, "done", 0, "error")
    assert "1 in doubt" in row.detail


def test_held_workflow_with_an_earlier_doubt_stays_held():
    """A run before it was killed. The hour is not settled, so that it is caught up."""
    summary = SendSummary()
    summary.add(delivered("killed"), "in_doubt")
    planned = run("r", WorkflowPlan("w", status="held", detail="Stale"))
    done = _with_results(planned, summary)
    (row,) = done.plan.workflows
    assert (row.status, row.in_doubt, row.detail.startswith("Stale. 1 in doubt")) == ("held", 1, True)
    assert [row["is_settled"] for row in _record_of(planned, done, ()).workflows] == [False]
