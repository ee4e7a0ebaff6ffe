"""The hour as a story: what `partnerflow run` does, and what the Prefect flow wraps.

Every step is called through `step`, which the command line uses to show progress and the flow to make a task of it.
"""

import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from flows.changes import remember
from flows.definitions import Definitions, read_definitions
from flows.events.consequences import apply_consequences
from flows.events.load import load_events
from flows.facts.build import build
from flows.ledger.forgotten import refuse_a_forgetful_ledger
from flows.ledger.ledger import Ledger
from flows.ledger.mirror import mirror
from flows.ledger.reads import record_runs
from flows.ledger.runner import alive, place_of
from flows.lock import exclusive
from flows.plan import Plan, WorkflowPlan, read_plan, with_held
from flows.report.page import write_report
from flows.sending.claim import claim
from flows.sending.deliver import Sender
from flows.sending.outcome import Outcome
from flows.sending.parcels import Parcels
from flows.sending.recover import recover
from flows.sending.send import send_due
from flows.sending.senders import open_senders
from flows.settings import Settings
from flows.warehouse.connection import has_table, open_warehouse, transaction
from flows.warehouse.evaluations import write_evaluations
from flows.warehouse.publish import publish

Step = Callable[..., Any]
"""Calls a function with arguments under a title: step("Build the facts", build, settings, definitions)."""


@dataclass(frozen=True)
class Run:
    """What a run did: the plan's rows with what became of them."""

    run_id: str
    plan: Plan

    def as_json(self) -> dict:
        """The run as the command line answers with it."""
        return {"run_id": self.run_id, **self.plan.as_json()}

    @property
    def ok(self) -> bool:
        """Whether every workflow is done."""
        return all(workflow.status == "done" for workflow in self.plan.workflows)


def call(_title: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """A step that is nothing but the call."""
    return function(*arguments)


def run_hour(settings: Settings, as_of: datetime, step: Step = call) -> Run:
    """One hourly run: everybody who is in a segment at `as_of` (UTC) and was never contacted by its workflow is.

    Raises PartnerflowError when the hour cannot be evaluated at all, and when another run is at work.
    """
    run_id = f"{as_of:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    with exclusive(settings.var), closing(Ledger(settings.ledger)) as ledger:
        senders, outcome = open_senders(settings), Outcome()
        step("Ask what is remembered", _remember, settings, ledger)
        definitions = step("Read the definitions", read_definitions, settings)
        step("Settle what an interrupted run left", _recover, ledger, senders, run_id, settings, outcome)
        plan = plan_hour(settings, definitions, ledger, as_of, step)
        step("Settle what events prove", _apply, settings, ledger)
        step("Claim the recipients", _claim, ledger, plan, run_id, settings)
        step("Send", _send, ledger, plan, senders, run_id, settings, outcome)
        run = Run(run_id, _settled(plan, outcome))
        step("Record and publish", _record, settings, definitions, ledger, run)
        remember(settings, definitions)
        return run


def plan_only(settings: Settings, as_of: datetime, step: Step = call) -> Plan:
    """What `run_hour` would do at `as_of`: the same steps up to the plan, and none after."""
    with exclusive(settings.var), closing(Ledger(settings.ledger)) as ledger:
        step("Ask what is remembered", _remember, settings, ledger)
        definitions = step("Read the definitions", read_definitions, settings)
        return plan_hour(settings, definitions, ledger, as_of, step)


def plan_hour(settings: Settings, definitions: Definitions, ledger: Ledger, as_of: datetime, step: Step) -> Plan:
    """Ask for the hour, build the facts, and read who is to be contacted, but for the workflows that are held."""
    step("Ask for the hour", _ask, settings, ledger, as_of)
    held = step("Build the facts", build, settings, definitions)
    plan = step("Read the plan", _read, settings, definitions.without(held), as_of)
    return with_held(plan, held)


def _remember(settings: Settings, ledger: Ledger) -> None:
    """A ledger that was restored from an older backup would let a run write again to whoever is missing from it."""
    refuse_a_forgetful_ledger(ledger, settings.warehouse, settings.published)


def _ask(settings: Settings, ledger: Ledger, as_of: datetime) -> None:
    with open_warehouse(settings.warehouse) as connection:
        with transaction(connection):
            write_evaluations(connection, as_of)
            mirror(connection, ledger)
        load_events(connection, settings.landing)


def _read(settings: Settings, definitions: Definitions, as_of: datetime) -> Plan:
    with open_warehouse(settings.warehouse) as connection:
        return read_plan(connection, definitions, settings, as_of)


def _recover(ledger: Ledger, senders: dict[str, Sender], run_id: str, settings: Settings, outcome: Outcome) -> None:
    """This run holds the lock of its state folder, so every run that was begun there before is over."""
    ledger.retire(place=place_of(settings.var))
    recover(ledger, senders, Parcels(ledger, settings), run_id, outcome)


def _apply(settings: Settings, ledger: Ledger) -> int:
    with open_warehouse(settings.warehouse) as connection:
        return apply_consequences(connection, ledger)


def _claim(ledger: Ledger, plan: Plan, run_id: str, settings: Settings) -> int:
    """The warehouse is told before the first email leaves, so that it remembers them should the ledger be lost."""
    domain = settings.sender_address.rpartition("@")[2]
    claimed = claim(ledger, plan, run_id, domain)
    if claimed:
        with open_warehouse(settings.warehouse) as connection, transaction(connection):
            mirror(connection, ledger)
    return len(claimed)


def _send(
    ledger: Ledger, plan: Plan, senders: dict[str, Sender], run_id: str, settings: Settings, outcome: Outcome
) -> None:
    """Send all that is due, claimed by this run or by an earlier one, for the workflows that are going."""
    going = {workflow.workflow_id for workflow in plan.workflows if workflow.status == "done"}
    for name in going & plan.messages.keys():
        ledger.adopt(name, plan.messages[name].version, plan.messages[name].content)
    make = Parcels(ledger, settings).make
    with alive(ledger, run_id, place_of(settings.var)):
        send_due(ledger, run_id, going, make, senders, outcome, settings.retry_hours)


def _settled(plan: Plan, outcome: Outcome) -> Plan:
    """The plan's rows with what became of them: counts, and in words what no column counts."""
    return replace(plan, workflows=tuple(_with_outcome(row, outcome) for row in plan.workflows))


def _with_outcome(row: WorkflowPlan, outcome: Outcome) -> WorkflowPlan:
    states = ("sent", "failed", "in_doubt")
    row = replace(row, **{state: outcome.of(row.workflow_id, state) for state in states})
    trouble = outcome.troubles.get(row.workflow_id)
    more = [f"{count} {words}" for state, words in _MORE.items() if (count := outcome.of(row.workflow_id, state))]
    detail = ". ".join(part for part in (row.detail, trouble, ", ".join(more)) if part)
    return replace(row, status="error" if trouble else row.status, detail=detail or None)


_MORE = {
    "pending": "refused for now and tried again later",
    "suppressed": "suppressed at the last moment",
    "expired": "given up",
}


def _record(settings: Settings, definitions: Definitions, ledger: Ledger, run: Run) -> None:
    as_of = run.plan.as_of.replace(tzinfo=None)
    record_runs(ledger, [{"run_id": run.run_id, "as_of": as_of, **asdict(row)} for row in run.plan.workflows])
    with open_warehouse(settings.warehouse) as connection:
        with transaction(connection):
            mirror(connection, ledger)
        publish(connection, settings.published)
        has_report = has_table(connection, "marts", "workflow_report")
    if has_report and settings.published.exists():
        write_report(settings, definitions, settings.report)
