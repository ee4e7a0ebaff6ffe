"""One hourly run, step by step: what `partnerflow run` does, and what the Prefect flow wraps."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from compiler import MissedHours
from flows.definitions.diff import save_snapshot
from flows.definitions.loader import Definitions, read_definitions
from flows.definitions.workflow_rows import workflow_rows
from flows.events.apply_events import apply_email_events
from flows.ledger.caps import PolicyGuard
from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.mirror import mirror
from flows.ledger.queries import RunRecord, message_content, record_runs
from flows.ledger.readdress import readdress
from flows.ledger.recovery.integrity import ensure_ledger_is_current
from flows.ledger.worker_lease import host_of, worker_lease
from flows.notices.notify import notify_of_changes, notify_of_run
from flows.pipeline.contact_policy import apply, decide_in_ledger, requalify_by
from flows.pipeline.late import record_seen_transitions
from flows.pipeline.planning import build_plan, sending_hour
from flows.pipeline.state_files import check_state_files
from flows.pipeline.steps import StepRunner, run_step
from flows.pipeline.text import grouped
from flows.pipeline.text import summary as row_summary
from flows.plan.plan import Plan, WorkflowPlan
from flows.preview.compiled_models import texts_of_compiled_models
from flows.progress import ProgressCallback, no_progress
from flows.report.page import write_report
from flows.run_id import run_id_of
from flows.sending.claim import claim
from flows.sending.contact_policy import SendingHour
from flows.sending.dispatcher import Dispatcher
from flows.sending.recovery import recover
from flows.sending.rendering import DeliveryRenderer
from flows.sending.summary import SendSummary
from flows.sending.transport import Transport
from flows.sending.transports.factory import open_transports
from flows.settings import Settings
from flows.state_lock import state_lock
from flows.warehouse.connection import has_table, lock_warehouse, open_warehouse, transaction
from flows.warehouse.programs import read_programs
from flows.warehouse.publish import publish
from flows.warehouse.published_tables import PublishedRun

logger = logging.getLogger(__name__)

Count = Callable[[str, str], int]
"""Returns the number of a workflow's deliveries that have reached a state in this run."""


@dataclass(frozen=True)
class Run:
    """A finished run: its plan with the results of sending. `catch_up` are the earlier hours that it caught up."""

    run_id: str
    plan: Plan
    catch_up: tuple["Run", ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the run as `partnerflow run --json` prints it; `backfilled_runs` only if it caught up any hours.

        What its rows in marts.workflow_runs have in common is at the top: `run_id`, `as_of` and, as a list, `notes`.
        """
        backfilled = {"backfilled_runs": [one.as_json() for one in self.catch_up]} if self.catch_up else {}
        return {"run_id": self.run_id, **replace(self.plan, catch_up=()).as_json(), **backfilled}

    @property
    def ok(self) -> bool:
        """Whether every workflow is done."""
        return all(workflow.status == "done" for workflow in self.plan.workflows)


def run_hour(
    settings: Settings,
    as_of: datetime,
    step: StepRunner = run_step,
    missed_hours: MissedHours | None = None,
    progress: ProgressCallback = no_progress,
    full_refresh: bool = False,
) -> Run:
    """Contact everybody who is in a segment at `as_of` (UTC) and was never contacted by its workflow.

    Hours that no run has evaluated are caught up as each workflow says, or as `missed_hours` says for all of them.
    `progress` is called in the long steps. `full_refresh` builds all tables, not only those that are out of date.
    Raises PartnerflowError when the hour cannot be evaluated at all, and when another run uses the state folder.
    """
    run_id = run_id_of(as_of)
    check_state_files(settings.state_dir)
    with _locked(settings), closing(Ledger(settings.ledger)) as ledger:
        logger.info("Run %s as of %s", run_id, as_of.isoformat())
        transports, summary = open_transports(settings), SendSummary()
        step("Check ledger integrity", _check_ledger, settings, ledger)
        definitions = step("Read definitions", read_definitions, settings)
        step("Recover interrupted deliveries", _recover, ledger, transports, run_id, settings, summary)
        plan = build_plan(settings, definitions, ledger, as_of, step, progress, missed_hours, full_refresh)
        step("Apply email events", _apply_events, settings, ledger)
        run = Run(run_id, plan, tuple(Run(run_id_of(one.as_of), one) for one in plan.catch_up))
        step("Claim recipients", _claim, ledger, run, settings)
        hour = step("Apply contact policy", _apply_policy, settings, definitions, ledger, run)
        step("Send notices of changes that reach many", notify_of_changes, settings, definitions, ledger, plan)
        step("Send", _send, ledger, run, hour, transports, settings, summary, progress)
        done = _with_results(run, summary)
        step("Record and publish", _record, settings, definitions, ledger, run, done)
        step("Send notices", notify_of_run, settings, definitions, ledger, done.plan)
        save_snapshot(settings, definitions)
        for row in done.plan.workflows:
            logger.log(logging.INFO if row.status == "done" else logging.WARNING, "%s", row_summary(row))
        return done


def plan_only(
    settings: Settings,
    as_of: datetime,
    step: StepRunner = run_step,
    missed_hours: MissedHours | None = None,
    progress: ProgressCallback = no_progress,
) -> Plan:
    """Return what `run_hour` would do at `as_of`: run the same steps up to the plan, and none after it."""
    check_state_files(settings.state_dir)
    with _locked(settings), closing(Ledger(settings.ledger)) as ledger:
        logger.info("Plan as of %s", as_of.isoformat())
        step("Check ledger integrity", _check_ledger, settings, ledger)
        definitions = step("Read definitions", read_definitions, settings)
        return build_plan(settings, definitions, ledger, as_of, step, progress, missed_hours)


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """Keep other runs out of the state folder, and those of other state folders out of the warehouse."""
    with state_lock(settings.state_dir), lock_warehouse(settings.warehouse, settings.state_dir):
        yield


def _check_ledger(settings: Settings, ledger: Ledger) -> None:
    """Raise if the ledger lacks contacts: a run with an outdated backup would contact those partners again."""
    ensure_ledger_is_current(ledger, settings.warehouse, settings.published)


def _recover(
    ledger: Ledger, transports: dict[str, Transport], run_id: str, settings: Settings, summary: SendSummary
) -> None:
    """Resolve what crashed runs left. The state folder is locked, so every earlier run that used it has ended."""
    ledger.end_lease(host=host_of(settings.state_dir))
    renderer = DeliveryRenderer(partial(message_content, ledger), settings)
    recover(ledger, transports, renderer.render, run_id, summary)


def _apply_events(settings: Settings, ledger: Ledger) -> int:
    with open_warehouse(settings.warehouse) as connection:
        return apply_email_events(connection, ledger)


def _claim(ledger: Ledger, run: Run, settings: Settings) -> int:
    """Claim every contact in the order of the hours, so that a partner in several of them belongs to the first.

    The claims are mirrored to the warehouse before the first email is sent, in case the ledger is lost.
    """
    domain = settings.sender_address.rpartition("@")[2]
    with open_warehouse(settings.warehouse) as connection:
        if readdressed := readdress(ledger, connection, run.run_id):
            logger.info("Changed the address of %d deliveries that were waiting", readdressed)
        claimed = sum(claim(ledger, one.plan, one.run_id, domain, run.plan.as_of) for one in (*run.catch_up, run))
        logger.info("Claimed %d deliveries", claimed)
        if claimed:
            mirror(connection, ledger)
    return claimed


def _apply_policy(settings: Settings, definitions: Definitions, ledger: Ledger, run: Run) -> SendingHour:
    """Record in the ledger who waits for the contact policy, and return the hour that it was applied to."""
    with open_warehouse(settings.warehouse) as connection:
        hour = sending_hour(connection, definitions, run.plan, read_programs(connection).zones)
        apply(ledger, decide_in_ledger(ledger, hour, requalify_by(connection, hour, definitions.compiler)), run.run_id)
    return hour


def _send(
    ledger: Ledger,
    run: Run,
    hour: SendingHour,
    transports: dict[str, Transport],
    settings: Settings,
    summary: SendSummary,
    progress: ProgressCallback,
) -> None:
    """Send everything that is due for the workflows that are done, whether this run or an earlier one claimed it.

    Nothing of a workflow leaves outside its send window.
    """
    plan = run.plan
    active = {workflow.id for workflow in hour.workflows if hour.may_send(workflow)}
    for name in active & plan.messages.keys():
        ledger.backfill_message_version(name, plan.messages[name].version, plan.messages[name].content)
    renderer = DeliveryRenderer(partial(message_content, ledger), settings)
    summary.start_progress(ledger.count_due(active, utc_now(), hour.as_of), progress)
    with worker_lease(ledger, run.run_id, host_of(settings.state_dir)):
        guard = PolicyGuard(hour.policy, hour.as_of, hour.window_wait)
        Dispatcher(ledger, run.run_id, active, renderer.render, transports, summary, settings.retry_hours, guard).run()
    for line in grouped(summary.problems()):
        logger.error("%s", line)


def _with_results(run: Run, summary: SendSummary) -> Run:
    """Return the run with the results of sending in its rows.

    A delivery counts in the hour that it was claimed for; one that an earlier run claimed counts in this run's hour.
    A problem of any of these hours is in the row of this run's hour.
    """
    backfilled = {one.run_id for one in run.catch_up}

    def with_results(one: Run, count: Count, problems: Mapping[str, str]) -> Run:
        rows = tuple(_with_counts(row, count, problems.get(row.workflow_id)) for row in one.plan.workflows)
        return replace(one, plan=replace(one.plan, workflows=rows))

    hours = tuple(with_results(one, partial(summary.count, claimed_by=one.run_id), {}) for one in run.catch_up)
    this_hour = with_results(run, partial(summary.count, not_claimed_by=backfilled), summary.problems())
    return replace(this_hour, catch_up=hours)


def _with_counts(row: WorkflowPlan, count: Count, problem: str | None) -> WorkflowPlan:
    counted = {text: count(row.workflow_id, state) for state, text in _OTHER_STATES.items()}
    others = [f"{number} {text}" for text, number in counted.items() if number]
    detail = ". ".join(part for part in (row.detail, problem, ", ".join(others)) if part)
    return replace(
        row,
        sent=count(row.workflow_id, "sent"),
        failed=count(row.workflow_id, "failed"),
        in_doubt=count(row.workflow_id, "in_doubt"),
        status="error" if problem and row.status == "done" else row.status,
        detail=detail or None,
    )


_OTHER_STATES = {
    "pending": "deferred, to be tried again",
    "suppressed": "suppressed just before sending",
    "expired": "expired after deferrals",
}
"""States that no column counts, in the words of the detail."""


def _record(settings: Settings, definitions: Definitions, ledger: Ledger, planned: Run, done: Run) -> None:
    with open_warehouse(settings.warehouse) as connection:
        found = read_programs(connection)
        programs = tuple(sorted({*found.zones, *found.unusable}))
        hours = zip(planned.catch_up, done.catch_up, strict=True)
        backfilled = [_record_of(before, after, ()) for before, after in hours]
        record_runs(ledger, [*backfilled, _record_of(planned, done, programs)])
        mirror(connection, ledger)
        with transaction(connection):
            record_seen_transitions(connection, done.plan.as_of)
        publish(connection, settings.published, _published_run(settings, definitions, done))
        has_report = has_table(connection, "marts", "workflow_report")
    if has_report and settings.published.exists():
        write_report(settings, definitions, settings.report)


def _published_run(settings: Settings, definitions: Definitions, done: Run) -> PublishedRun:
    evaluated = {row.workflow_id for row in done.plan.workflows if row.status in ("done", "over_limit")}
    active = {one.id for one in definitions.active} | definitions.broken.keys()
    project = settings.state_dir / "dbt_project"
    compiled = texts_of_compiled_models(settings)
    return PublishedRun(done.plan.as_of, workflow_rows(definitions), evaluated, active, project, compiled)


def _record_of(planned: Run, done: Run, programs: tuple[str, ...]) -> RunRecord:
    """The hour is settled for a workflow once its segment is claimed or over the limit, regardless of sending."""
    settled = {row.workflow_id for row in planned.plan.workflows if row.status in ("done", "over_limit")}
    rows = [asdict(row) | {"is_settled": row.workflow_id in settled} for row in done.plan.workflows]
    return RunRecord(done.run_id, done.plan.as_of.replace(tzinfo=None), programs, tuple(rows), done.plan.notes)
