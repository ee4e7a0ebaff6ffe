"""The plan: for each workflow who is in its segment, who is left out and why, and who is to be contacted.

`plan` prints it and `run` carries it out: one object, so the two cannot drift.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

from compiler import PartnerflowError, SendEmail, Workflow
from flows.definitions.loader import Definitions
from flows.messages.loader import read_message
from flows.messages.message import Message
from flows.settings import Settings
from flows.warehouse.connection import Connection


@dataclass(frozen=True)
class Recipient:
    """One address that a workflow is to write to."""

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

    def context(self) -> dict:
        """What the message is rendered with (see flows.messages.variables)."""
        return {
            "partner": {
                "id": self.partner_id, "name": self.partner_name or self.partner_id, "language": self.language,
            },
            "contact": {"first_name": self.first_name, "last_name": self.last_name},
            "program": {
                "id": self.program_id, "name": self.program_name or self.program_id, "timezone": self.timezone,
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


Contact = tuple[str, str, str]
"""Workflow, program and partner: the key of "once"."""


def contact(one: Recipient | Application) -> Contact:
    """Who is contacted by what."""
    return one.workflow_id, one.program_id, one.partner_id


@dataclass(frozen=True)
class WorkflowPlan:
    """One workflow in one hour: the counts of marts.workflow_runs, before and after sending.

    `status` is done, over_limit, held (what it reads is stale or failed) or error; `detail` says why.
    """

    workflow_id: str
    status: str = "done"
    members: int = 0
    addresses: int = 0
    already_contacted: int = 0
    suppressed: int = 0
    no_address: int = 0
    recipients: int = 0
    sent: int = 0
    failed: int = 0
    in_doubt: int = 0
    detail: str | None = None


@dataclass(frozen=True)
class Plan:
    """What an hour will do: a row a workflow, sorted by id, and everybody who is to be contacted.

    `messages` are the messages of the email workflows, by workflow id. `late` are the hours that are caught up before
    it, in their order, each with the rows and recipients that it would have had. Nobody is in two of all these.
    """

    as_of: datetime
    workflows: tuple[WorkflowPlan, ...]
    recipients: tuple[Recipient, ...] = ()
    applications: tuple[Application, ...] = ()
    messages: Mapping[str, Message] = field(default_factory=dict)
    late: tuple["Plan", ...] = ()

    @property
    def contacts(self) -> frozenset[Contact]:
        """Whom this hour alone contacts."""
        return frozenset(map(contact, (*self.recipients, *self.applications)))

    def as_json(self) -> dict:
        """The plan as the command line answers with it; with the hours that are caught up, where there are any."""
        backfilled_runs = {"backfilled_runs": [one.as_json() for one in self.late]} if self.late else {}
        rows = [asdict(workflow) for workflow in self.workflows]
        return {"as_of": self.as_of.isoformat(), "workflows": rows, **backfilled_runs}


def after(late: tuple[Plan, ...], plan: Plan) -> Plan:
    """The plan as it is once these earlier hours have contacted theirs, who count as already contacted in it."""
    contacted = frozenset().union(*(one.contacts for one in late))
    again = Counter(key[0] for key in plan.contacts & contacted)
    recipients = tuple(one for one in plan.recipients if contact(one) not in contacted)
    applications = tuple(one for one in plan.applications if contact(one) not in contacted)
    left = Counter(one.workflow_id for one in (*recipients, *applications))
    rows = [
        replace(row, recipients=left[row.workflow_id], already_contacted=row.already_contacted + again[row.workflow_id])
        if again[row.workflow_id]
        else row
        for row in plan.workflows
    ]
    return replace(plan, workflows=tuple(rows), recipients=recipients, applications=applications)


def with_notes(plan: Plan, notes: Mapping[str, str]) -> Plan:
    """The plan with a word more in the detail of some workflows, by id."""
    rows = [
        replace(row, detail=". ".join(filter(None, (row.detail, notes.get(row.workflow_id)))) or None)
        for row in plan.workflows
    ]
    return replace(plan, workflows=tuple(rows))


def with_held(plan: Plan, held: Mapping[str, str]) -> Plan:
    """The plan, and a row for each workflow that is held because of what it reads (id to why)."""
    rows = [WorkflowPlan(workflow_id, "held", detail=reason) for workflow_id, reason in held.items()]
    return replace(plan, workflows=_sorted([*plan.workflows, *rows]))


@dataclass(frozen=True)
class Messages:
    """The messages of email workflows, by workflow id; and why those of others cannot be used."""

    usable: Mapping[str, Message]
    unusable: Mapping[str, str]


def read_messages(settings: Settings, definitions: Definitions) -> Messages:
    """The messages of the active workflows as their folders have them now."""
    usable, unusable = {}, {}
    for workflow in definitions.active:
        if isinstance(workflow.action, SendEmail):
            try:
                usable[workflow.id] = read_message(settings.workflows / "messages" / workflow.action.message)
            except PartnerflowError as error:
                unusable[workflow.id] = str(error)
    return Messages(usable, unusable)


def read_plan(connection: Connection, definitions: Definitions, messages: Messages, as_of: datetime) -> Plan:
    """The plan of an hour, from the tables that dbt has built for it; of the definitions that are not held."""
    if not definitions.active:
        return Plan(as_of, _sorted(_broken(definitions)))
    counted = {row.workflow_id: row for row in _counts(connection, as_of)}
    rows = [_row(workflow, counted, messages) for workflow in definitions.active]
    going = {row.workflow_id for row in rows if row.status == "done"}
    names = {workflow.id: workflow.name for workflow in definitions.active}
    return Plan(
        as_of,
        _sorted([*rows, *_broken(definitions)]),
        tuple(one for one in _recipients(connection, names, as_of) if one.workflow_id in going),
        tuple(one for one in _applications(connection, as_of) if one.workflow_id in going),
        {name: message for name, message in messages.usable.items() if name in names},
    )


def _row(workflow: Workflow, counted: Mapping[str, WorkflowPlan], messages: Messages) -> WorkflowPlan:
    if workflow.id not in counted:  # its program is not among those that the hour was asked of
        detail = f"There is no program {workflow.program} in raw.programs."
        return WorkflowPlan(workflow.id, "error", detail=detail)
    row, why = counted[workflow.id], messages.unusable.get(workflow.id)
    return replace(row, status="error", recipients=0, detail=why) if why else row


def _counts(connection: Connection, as_of: datetime) -> list[WorkflowPlan]:
    query = """
        SELECT workflow_id, members, addresses, already_contacted, suppressed, no_address, recipients, is_over_limit
        FROM segments.segment_counts
        WHERE evaluated_at = ?"""
    rows = []
    for *counts, over_limit in connection.execute(query, [_stored(as_of)]).fetchall():
        names = ("workflow_id", "members", "addresses", "already_contacted", "suppressed", "no_address", "recipients")
        row = WorkflowPlan(**dict(zip(names, counts, strict=True)))
        if over_limit:
            detail = f"{row.addresses:,} email addresses; a segment is limited to 10,000, so nothing is sent."
            row = replace(row, status="over_limit", recipients=0, detail=detail)
        rows.append(row)
    return rows


def _recipients(connection: Connection, names: Mapping[str, str], as_of: datetime) -> list[Recipient]:
    query = """
        SELECT workflow_id, program_id, program_name, partner_id, partner_name, email, first_name, last_name,
            language, timezone
        FROM marts.recipients
        WHERE evaluated_at = ?
        ORDER BY workflow_id, program_id, partner_id, email"""
    columns = ("workflow_id", "program_id", "program_name", "partner_id", "partner_name", "email", "first_name",
               "last_name", "language", "timezone")  # fmt: skip
    found = connection.execute(query, [_stored(as_of)]).fetchall()
    rows = [dict(zip(columns, row, strict=True)) for row in found if row[0] in names]
    return [Recipient(workflow_name=names[row["workflow_id"]], **row) for row in rows]


def _applications(connection: Connection, as_of: datetime) -> list[Application]:
    query = """
        SELECT workflow_id, program_id, partner_id, contract_id
        FROM segments.application_recipients
        WHERE evaluated_at = ?
        ORDER BY workflow_id, program_id, partner_id"""
    return [Application(*row) for row in connection.execute(query, [_stored(as_of)]).fetchall()]


def _stored(as_of: datetime) -> datetime:
    return as_of.replace(tzinfo=None)


def _broken(definitions: Definitions) -> list[WorkflowPlan]:
    return [WorkflowPlan(name, "error", detail=problem) for name, problem in definitions.broken.items()]


def _sorted(rows: Iterable[WorkflowPlan]) -> tuple[WorkflowPlan, ...]:
    return tuple(sorted(rows, key=lambda row: row.workflow_id))
