"""The hour as a story: what `partnerflow run` does, and what the Prefect flow wraps.

Every step is called through `step` (flows.pipeline.planning).
"""

import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial

from compiler import MissedHours
from flows.definitions.diff import save_snapshot
from flows.definitions.loader import Definitions, read_definitions
from flows.events.apply_events import apply_email_events
from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.mirror import mirror
from flows.ledger.queries import RunRecord, message_content, record_runs
from flows.ledger.recovery.integrity import refuse_a_forgetful_ledger
from flows.ledger.worker_lease import alive, place_of
from flows.pipeline.planning import Step, call, plan_hour, report_of
from flows.plan.plan import Plan, WorkflowPlan
from flows.progress import Report
from flows.report.page import write_report
from flows.sending.claim import claim
from flows.sending.dispatcher import Dispatcher
from flows.sending.recovery import recover
from flows.sending.rendering import DeliveryRenderer
from flows.sending.summary import SendSummary
from flows.sending.transport import Transport
from flows.sending.transports.factory import open_transports
from flows.settings import Settings
from flows.state_lock import exclusive
from flows.warehouse.connection import has_table, open_warehouse, transaction
from flows.warehouse.evaluations import time_zones
from flows.warehouse.publish import publish

Count = Callable[[str, str], int]
"""How many deliveries of a workflow are in a state by now."""


@dataclass(frozen=True)
class Run:
    """What a run did: the plan's rows with what became of them; `late` are the hours that it caught up before."""

    run_id: str
    plan: Plan
    late: tuple["Run", ...] = ()

    def as_json(self) -> dict:
        """The run as the command line answers with it; with the hours that were caught up, where there were any."""
        backfilled_runs = {"backfilled_runs": [one.as_json() for one in self.late]} if self.late else {}
        return {"run_id": self.run_id, **replace(self.plan, late=()).as_json(), **backfilled_runs}

    @property
    def ok(self) -> bool:
        """Whether every workflow is done."""
        return all(workflow.status == "done" for workflow in self.plan.workflows)


def run_hour(settings: Settings, as_of: datetime, step: Step = call, missed_hours: MissedHours | None = None) -> Run:
    """One hourly run: everybody who is in a segment at `as_of` (UTC) and was never contacted by its workflow is.

    Hours that were missed before it are caught up as each workflow says, or for this once as `missed_hours` does.
    Raises PartnerflowError when the hour cannot be evaluated at all, and when another run is at work.
    """
    run_id = run_id_of(as_of)
    with exclusive(settings.var), closing(Ledger(settings.ledger)) as ledger:
        transports, summary = open_transports(settings), SendSummary()
        step("Ask what is remembered", _remember, settings, ledger)
        definitions = step("Read the definitions", read_definitions, settings)
        step("Settle what an interrupted run left", _recover, ledger, transports, run_id, settings, summary)
        plan = plan_hour(settings, definitions, ledger, as_of, step, missed_hours)
        step("Settle what events prove", _apply, settings, ledger)
        run = Run(run_id, plan, tuple(Run(run_id_of(one.as_of), one) for one in plan.late))
        step("Claim the recipients", _claim, ledger, run, settings)
        step("Send", _send, ledger, run, transports, settings, summary, report_of(step))
        done = _settled(run, summary)
        step("Record and publish", _record, settings, definitions, ledger, done, summary)
        save_snapshot(settings, definitions)
        return done


def run_id_of(as_of: datetime) -> str:
    """A name for a run of this hour (UTC), never the same twice."""
    return f"{as_of:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def plan_only(settings: Settings, as_of: datetime, step: Step = call, missed_hours: MissedHours | None = None) -> Plan:
    """What `run_hour` would do at `as_of`: the same steps up to the plan, and none after."""
    with exclusive(settings.var), closing(Ledger(settings.ledger)) as ledger:
        step("Ask what is remembered", _remember, settings, ledger)
        definitions = step("Read the definitions", read_definitions, settings)
        return plan_hour(settings, definitions, ledger, as_of, step, missed_hours)


def _remember(settings: Settings, ledger: Ledger) -> None:
    """A ledger that was restored from an older backup would let a run write again to whoever is missing from it."""
    refuse_a_forgetful_ledger(ledger, settings.warehouse, settings.published)


def _recover(
    ledger: Ledger, transports: dict[str, Transport], run_id: str, settings: Settings, summary: SendSummary
) -> None:
    """This run holds the lock of its state folder, so every run that was begun there before is over."""
    ledger.retire(place=place_of(settings.var))
    renderer = DeliveryRenderer(partial(message_content, ledger), settings)
    recover(ledger, transports, renderer.render, run_id, summary)


def _apply(settings: Settings, ledger: Ledger) -> int:
    with open_warehouse(settings.warehouse) as connection:
        return apply_email_events(connection, ledger)


def _claim(ledger: Ledger, run: Run, settings: Settings) -> int:
    """The hours in their order: whoever is in several segments of one workflow belongs to the first.

    The warehouse is told before the first email leaves, so that it remembers them should the ledger be lost.
    """
    domain = settings.sender_address.rpartition("@")[2]
    claimed = sum(len(claim(ledger, one.plan, one.run_id, domain, run.plan.as_of)) for one in (*run.late, run))
    if claimed:
        with open_warehouse(settings.warehouse) as connection, transaction(connection):
            mirror(connection, ledger)
    return claimed


def _send(
    ledger: Ledger,
    run: Run,
    transports: dict[str, Transport],
    settings: Settings,
    summary: SendSummary,
    report: Report,
) -> None:
    """Send all that is due, claimed by this run or by an earlier one, for the workflows that are going."""
    plan = run.plan
    going = {workflow.workflow_id for workflow in plan.workflows if workflow.status == "done"}
    for name in going & plan.messages.keys():
        ledger.adopt(name, plan.messages[name].version, plan.messages[name].content)
    renderer = DeliveryRenderer(partial(message_content, ledger), settings)
    summary.start_progress(ledger.due(going, utc_now()), report)
    with alive(ledger, run.run_id, place_of(settings.var)):
        Dispatcher(ledger, run.run_id, going, renderer.render, transports, summary, settings.retry_hours).run()


def _settled(run: Run, summary: SendSummary) -> Run:
    """The run with what became of its rows: counts, and in words what no column counts.

    A delivery counts in the hour that brought it, one that an earlier run had claimed in this run's own.
    """
    late = {one.run_id for one in run.late}

    def settled(one: Run, count: Count, errors: Mapping[str, str]) -> Run:
        rows = tuple(_with_counts(row, count, errors.get(row.workflow_id)) for row in one.plan.workflows)
        return replace(one, plan=replace(one.plan, workflows=rows))

    own = settled(run, partial(summary.count, not_claimed_by=late), summary.errors)
    return replace(own, late=tuple(settled(one, partial(summary.count, claimed_by=one.run_id), {}) for one in run.late))


def _with_counts(row: WorkflowPlan, count: Count, error: str | None) -> WorkflowPlan:
    row = replace(row, **{state: count(row.workflow_id, state) for state in ("sent", "failed", "in_doubt")})
    more = [f"{number} {words}" for state, words in _MORE.items() if (number := count(row.workflow_id, state))]
    detail = ". ".join(part for part in (row.detail, error, ", ".join(more)) if part)
    return replace(row, status="error" if error else row.status, detail=detail or None)


_MORE = {
    "pending": "refused for now and tried again later",
    "suppressed": "suppressed at the last moment",
    "expired": "given up",
}


def _record(settings: Settings, definitions: Definitions, ledger: Ledger, run: Run, summary: SendSummary) -> None:
    with open_warehouse(settings.warehouse) as connection:
        programs = tuple(time_zones(connection))
        late = [_recorded(one, (), ()) for one in run.late]
        record_runs(ledger, [*late, _recorded(run, programs, summary.errors)])
        with transaction(connection):
            mirror(connection, ledger)
        publish(connection, settings.published)
        has_report = has_table(connection, "marts", "workflow_report")
    if has_report and settings.published.exists():
        write_report(settings, definitions, settings.report)


def _recorded(run: Run, programs: tuple[str, ...], with_errors: Collection[str]) -> RunRecord:
    """The hour is over for a workflow once its segment is claimed or over the limit, regardless of sending."""
    rows = [
        asdict(row) | {"is_settled": row.status in ("done", "over_limit") or row.workflow_id in with_errors}
        for row in run.plan.workflows
    ]
    return RunRecord(run.run_id, run.plan.as_of.replace(tzinfo=None), programs, tuple(rows))
