"""The hour as a story: what `partnerflow run` does, and what the Prefect flow wraps.

Every step is called through `step`, which the command line uses to show progress and the flow to make a task of it.
"""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from flows.build import build
from flows.claim import claim
from flows.definitions import Definitions, read_definitions
from flows.deliver import FileSender, Sender
from flows.evaluations import write_evaluations
from flows.ledger import Ledger
from flows.lock import exclusive
from flows.mirror import mirror
from flows.plan import Plan, held_plan, read_plan
from flows.publish import publish
from flows.render import render
from flows.settings import Settings
from flows.settle import Outcome, finish_interrupted, send_all
from flows.warehouse import open_warehouse, transaction

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
    with exclusive(settings.var):
        ledger = Ledger(settings.ledger)
        try:
            senders = open_senders(settings)
            outcome = Outcome()
            definitions = step("Read the definitions", read_definitions, settings)
            step("Settle what an interrupted run left", finish_interrupted, ledger, senders, run_id, outcome)
            plan = plan_hour(settings, definitions, ledger, as_of, step)
            step("Claim the recipients", _claim, ledger, plan, run_id, settings)
            step("Send", _send, ledger, plan, senders, run_id, settings, outcome)
            run = Run(run_id, _settled(plan, outcome))
            step("Record and publish", _record, settings, ledger, run)
            return run
        finally:
            ledger.close()


def plan_only(settings: Settings, as_of: datetime, step: Step = call) -> Plan:
    """What `run_hour` would do at `as_of`: the same steps up to the plan, and none after."""
    with exclusive(settings.var):
        ledger = Ledger(settings.ledger)
        try:
            definitions = step("Read the definitions", read_definitions, settings)
            return plan_hour(settings, definitions, ledger, as_of, step)
        finally:
            ledger.close()


def plan_hour(settings: Settings, definitions: Definitions, ledger: Ledger, as_of: datetime, step: Step) -> Plan:
    """Ask for the hour, build the facts, and read who is to be contacted. A failed build holds every workflow."""
    step("Ask for the hour", _ask, settings, ledger, as_of)
    built = step("Build the facts", build, settings, definitions)
    if not built.ok:
        return held_plan(definitions, built, as_of)
    return step("Read the plan", _read, settings, definitions, as_of)


def open_senders(settings: Settings) -> dict[str, Sender]:
    """Who carries out each action."""
    return {
        "email": FileSender(settings.outbox, ".eml"),
        "accept application": FileSender(settings.decisions, ".json"),
    }


def _ask(settings: Settings, ledger: Ledger, as_of: datetime) -> None:
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        write_evaluations(connection, as_of)
        mirror(connection, ledger)


def _read(settings: Settings, definitions: Definitions, as_of: datetime) -> Plan:
    with open_warehouse(settings.warehouse) as connection:
        return read_plan(connection, definitions, settings, as_of)


def _claim(ledger: Ledger, plan: Plan, run_id: str, settings: Settings) -> int:
    domain = settings.sender_address.rpartition("@")[2]
    return len(claim(ledger, plan.recipients, plan.applications, run_id, plan.as_of, domain))


def _send(
    ledger: Ledger, plan: Plan, senders: dict[str, Sender], run_id: str, settings: Settings, outcome: Outcome
) -> None:
    """Send all that is claimed, by this run or by one that died before it could, for the workflows that are going."""
    going = {workflow.workflow_id for workflow in plan.workflows if workflow.status == "done"}
    claimed = [delivery for delivery in ledger.in_state("claimed") if delivery.workflow_id in going]
    make = partial(render, messages=plan.messages, sender_address=settings.sender_address)
    send_all(ledger, claimed, make, senders, run_id, outcome)


def _settled(plan: Plan, outcome: Outcome) -> Plan:
    states = ("sent", "failed", "in_doubt")
    rows = [replace(row, **{state: outcome.of(row.workflow_id, state) for state in states}) for row in plan.workflows]
    return replace(plan, workflows=tuple(rows))


def _record(settings: Settings, ledger: Ledger, run: Run) -> None:
    as_of = run.plan.as_of.replace(tzinfo=None)
    ledger.record_runs([{"run_id": run.run_id, "as_of": as_of, **asdict(row)} for row in run.plan.workflows])
    with open_warehouse(settings.warehouse) as connection:
        with transaction(connection):
            mirror(connection, ledger)
        publish(connection, settings.published)
