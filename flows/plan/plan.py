"""The plan of an hour: for each workflow who is in its segment, who is left out and why, and who is to be contacted.

`plan` prints it and `run` executes it: the same object, so the two cannot differ.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from flows.messages.message import Message


@dataclass(frozen=True)
class Recipient:
    """One address that a workflow is to send an email to."""

    workflow_id: str
    workflow_name: str
    program_id: str
    program_name: str | None
    partner_id: str
    partner_name: str | None
    email: str
    first_name: str | None
    last_name: str | None
    language: str | None
    timezone: str
    postal_address: str | None = None

    def context(self) -> dict[str, Any]:
        """Return the variables of the message (see flows.messages.variables)."""
        return {
            "partner": {
                "id": self.partner_id, "name": self.partner_name or self.partner_id, "language": self.language,
            },
            "contact": {"first_name": self.first_name, "last_name": self.last_name},
            "program": {
                "id": self.program_id, "name": self.program_name or self.program_id, "timezone": self.timezone,
                "postal_address": self.postal_address,
            },
            "workflow": {"id": self.workflow_id, "name": self.workflow_name},
        }  # fmt: skip


@dataclass(frozen=True)
class Application:
    """One application that a workflow is to accept."""

    workflow_id: str
    program_id: str
    partner_id: str
    contract_id: str


PartnerOfWorkflow = tuple[str, str, str]
"""Workflow id, program id and partner id."""


def partner_of(one: Recipient | Application) -> PartnerOfWorkflow:
    """Return whom a contact is with."""
    return one.workflow_id, one.program_id, one.partner_id


@dataclass(frozen=True)
class Disqualified:
    """A partner that an earlier hour names, and that is left out because it no longer meets these conditions."""

    workflow_id: str
    program_id: str
    partner_id: str
    conditions: tuple[str, ...]


@dataclass(frozen=True)
class Deferred:
    """An email that waits for the contact policy: until which evaluation hour (UTC) at least, and why."""

    workflow_id: str
    program_id: str
    partner_id: str
    email: str
    not_before: datetime
    reason: str


ContactKey = tuple[str, str, str, str]
"""Workflow id, program id, partner id and, of an application, contract id (empty for an email): at most once."""


def contact_key(one: Recipient | Application) -> ContactKey:
    """Return the key under which the ledger stores the contact."""
    return one.workflow_id, one.program_id, one.partner_id, one.contract_id if isinstance(one, Application) else ""


@dataclass(frozen=True)
class WorkflowPlan:
    """One workflow in one hour: the counts of marts.workflow_runs, before and after sending.

    `held_out` counts partners that the workflow's holdout keeps from being written to, from this hour on.
    `status` is done, over_limit, held (what it reads is stale or failed) or error; `detail` says why.
    """

    workflow_id: str
    status: str = "done"
    members: int = 0
    addresses: int = 0
    already_contacted: int = 0
    suppressed: int = 0
    no_address: int = 0
    held_out: int = 0
    recipients: int = 0
    sent: int = 0
    failed: int = 0
    in_doubt: int = 0
    detail: str | None = None


@dataclass(frozen=True)
class Plan:
    """What an hour will do: one row per workflow, sorted by id, and everybody who is to be contacted.

    `messages` are the messages of the email workflows, by workflow id. `catch_up` are the plans of the earlier hours
    that are caught up first, in order. No contact key is in two of these plans. `disqualified` are the partners that
    an earlier hour names, but that no longer qualify at the hour of sending. `deferred` are the emails that the contact
    policy makes wait at this hour, of this and earlier hours. `held_out` would be recipients, but are in the holdout of
    their workflow: they are claimed like contacts, and never written to. `holdouts` has the percentages by workflow id.
    `found_late` is the number of partners that are contacted because rows were loaded after their day.
    """

    as_of: datetime
    workflows: tuple[WorkflowPlan, ...]
    recipients: tuple[Recipient, ...] = ()
    applications: tuple[Application, ...] = ()
    messages: Mapping[str, Message] = field(default_factory=dict)
    catch_up: tuple["Plan", ...] = ()
    notes: tuple[str, ...] = ()
    disqualified: tuple[Disqualified, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    held_out: tuple[Recipient, ...] = ()
    holdouts: Mapping[str, int] = field(default_factory=dict)
    found_late: int = 0

    @property
    def contacts(self) -> frozenset[ContactKey]:
        """The contacts of this hour, without those of the hours that are caught up."""
        return frozenset([*map(contact_key, self.recipients), *map(contact_key, self.applications)])

    def as_json(self) -> dict[str, Any]:
        """Return the plan as `partnerflow plan --json` prints it.

        It has `backfilled_runs` only if any hours are caught up, and `disqualified`, `deferred`, `held_out` and `notes`
        only if there are any; a workflow has a count `held_out` only if it holds out anybody.
        """
        notes = {"notes": list(self.notes)} if self.notes else {}
        backfilled = {"backfilled_runs": [one.as_json() for one in self.catch_up]} if self.catch_up else {}
        left_out = {"disqualified": [asdict(one) for one in self.disqualified]} if self.disqualified else {}
        waiting = [asdict(one) | {"not_before": one.not_before.isoformat()} for one in self.deferred]
        deferred = {"deferred": waiting} if waiting else {}
        keys = ("workflow_id", "program_id", "partner_id")
        partners = [dict(zip(keys, one, strict=True)) for one in sorted(set(map(partner_of, self.held_out)))]
        held_out = {"held_out": partners} if partners else {}
        rows = [
            {name: value for name, value in asdict(workflow).items() if name != "held_out" or value}
            for workflow in self.workflows
        ]
        found = {**left_out, **deferred, **held_out, **notes, **backfilled}
        return {"as_of": self.as_of.isoformat(), "workflows": rows, **found}


def partners_of(plan: Plan) -> set[PartnerOfWorkflow]:
    """Return whom the hour contacts."""
    return {*map(partner_of, plan.recipients), *map(partner_of, plan.applications)}


def restricted_to(plan: Plan, is_kept: Callable[[PartnerOfWorkflow], bool]) -> Plan:
    """Return the plan without the contacts of other partners."""
    recipients = tuple(one for one in plan.recipients if is_kept(partner_of(one)))
    applications = tuple(one for one in plan.applications if is_kept(partner_of(one)))
    counted = Counter([one.workflow_id for one in recipients]) + Counter([one.workflow_id for one in applications])
    rows = tuple(replace(row, recipients=counted[row.workflow_id]) for row in plan.workflows)
    return replace(plan, workflows=rows, recipients=recipients, applications=applications)


def with_holdouts(plan: Plan, holdouts: Mapping[str, int], is_held_out: Callable[[PartnerOfWorkflow], bool]) -> Plan:
    """Return the plan with the recipients that are held out, of workflows with a holdout, apart from the others."""
    held_out = tuple(one for one in plan.recipients if one.workflow_id in holdouts and is_held_out(partner_of(one)))
    partners = set(map(partner_of, held_out))
    kept = restricted_to(plan, lambda partner: partner not in partners)
    counted = Counter(workflow_id for workflow_id, _, _ in partners)
    rows = tuple(replace(row, held_out=counted[row.workflow_id]) for row in kept.workflows)
    return replace(kept, workflows=rows, held_out=held_out, holdouts=holdouts)


def excluding_contacted(earlier: tuple[Plan, ...], plan: Plan) -> Plan:
    """Return the plan without the contacts of the earlier plans.

    A partner that has no other contact in it counts as already contacted.
    """
    contacted = {key for one in earlier for key in one.contacts}
    repeated = Counter(name for name, _, _ in _partners(plan.contacts) - _partners(plan.contacts - contacted))
    recipients = tuple(one for one in plan.recipients if contact_key(one) not in contacted)
    applications = tuple(one for one in plan.applications if contact_key(one) not in contacted)
    remaining = Counter(key[0] for key in (*map(contact_key, recipients), *map(contact_key, applications)))
    rows = [
        replace(
            row,
            recipients=remaining[row.workflow_id],
            already_contacted=row.already_contacted + repeated[row.workflow_id],
        )
        if remaining[row.workflow_id] < row.recipients
        else row
        for row in plan.workflows
    ]
    return replace(plan, workflows=tuple(rows), recipients=recipients, applications=applications)


def _partners(keys: Iterable[ContactKey]) -> set[tuple[str, str, str]]:
    return {(workflow_id, program_id, partner_id) for workflow_id, program_id, partner_id, _ in keys}


def with_details(plan: Plan, details: Mapping[str, str]) -> Plan:
    """Return the plan with more text in the detail of some workflows, by id."""
    rows = [
        replace(row, detail=". ".join(filter(None, (row.detail, details.get(row.workflow_id)))) or None)
        for row in plan.workflows
    ]
    return replace(plan, workflows=tuple(rows))


def with_held(plan: Plan, held: Mapping[str, str]) -> Plan:
    """Return the plan with a row for each held workflow; `held` has the reason, by workflow id."""
    rows = [WorkflowPlan(workflow_id, "held", detail=reason) for workflow_id, reason in held.items()]
    return replace(plan, workflows=sorted_rows([*plan.workflows, *rows]))


def sorted_rows(rows: Iterable[WorkflowPlan]) -> tuple[WorkflowPlan, ...]:
    """Return the rows sorted by workflow id."""
    return tuple(sorted(rows, key=lambda row: row.workflow_id))
