"""Reads the plan of an hour from the warehouse."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from compiler import Workflow
from flows.definitions.loader import Definitions
from flows.plan.messages_used import Messages
from flows.plan.plan import Application, Plan, Recipient, WorkflowPlan, sorted_rows
from flows.warehouse.connection import Connection


def read_plan(connection: Connection, definitions: Definitions, messages: Messages, as_of: datetime) -> Plan:
    """Return the plan of an hour from the tables that dbt has built for it. Pass the definitions that are not held."""
    if not definitions.active:
        return Plan(as_of, sorted_rows(_broken(definitions)))
    counted = {row.workflow_id: row for row in _counts(connection, as_of)}
    rows = [_row(workflow, counted, messages) for workflow in definitions.active]
    going = {row.workflow_id for row in rows if row.status == "done"}
    names = {workflow.id: workflow.name for workflow in definitions.active}
    return Plan(
        as_of,
        sorted_rows([*rows, *_broken(definitions)]),
        tuple(one for one in _recipients(connection, definitions, as_of) if one.workflow_id in going),
        tuple(one for one in _applications(connection, as_of) if one.workflow_id in going),
        {name: message for name, message in messages.usable.items() if name in names},
    )


def _row(workflow: Workflow, counted: Mapping[str, WorkflowPlan], messages: Messages) -> WorkflowPlan:
    if workflow.id not in counted:  # its program was not evaluated
        detail = f"There is no program {workflow.program} in raw.programs."
        return WorkflowPlan(workflow.id, "error", detail=detail)
    row, why = counted[workflow.id], messages.unusable.get(workflow.id)
    return replace(row, status="error", recipients=0, detail=why) if why else row


def _counts(connection: Connection, as_of: datetime) -> list[WorkflowPlan]:
    query = """
        SELECT
            workflow_id, members, addresses, already_contacted, suppressed, no_address, recipients, held, is_over_limit
        FROM segments.segment_counts
        WHERE evaluated_at = ?"""
    rows = []
    for *counts, held, over_limit in connection.execute(query, [_stored(as_of)]).fetchall():
        names = ("workflow_id", "members", "addresses", "already_contacted", "suppressed", "no_address", "recipients")
        row = WorkflowPlan(**dict(zip(names, counts, strict=True)), detail=_held_partners(held))
        if over_limit:
            detail = f"{row.addresses:,} email addresses; a segment is limited to 10,000, so nothing is sent."
            row = replace(row, status="over_limit", recipients=0, detail=detail)
        rows.append(row)
    return rows


def _held_partners(number: int) -> str | None:
    return f"{number:,} {'partner' if number == 1 else 'partners'} held for rows set aside" if number else None


def _recipients(connection: Connection, definitions: Definitions, as_of: datetime) -> list[Recipient]:
    names = {workflow.id: workflow.name for workflow in definitions.active}
    query = """
        SELECT workflow_id, program_id, program_name, partner_id, partner_name, email, first_name, last_name,
            language, timezone
        FROM marts.recipients
        WHERE evaluated_at = ?
        ORDER BY workflow_id, program_id, partner_id, email"""
    columns = ("workflow_id", "program_id", "program_name", "partner_id", "partner_name", "email", "first_name",
               "last_name", "language", "timezone")  # fmt: skip
    found = connection.execute(query, [_stored(as_of)]).fetchall()
    rows = (dict(zip(columns, row, strict=True)) for row in found if row[0] in names)
    return [
        Recipient(
            workflow_name=names[row["workflow_id"]],
            postal_address=definitions.postal_address(row["program_id"]),
            **row,
        )
        for row in rows
    ]


def _applications(connection: Connection, as_of: datetime) -> list[Application]:
    query = """
        SELECT workflow_id, program_id, partner_id, contract_id
        FROM segments.application_recipients
        WHERE evaluated_at = ?
        ORDER BY workflow_id, program_id, partner_id, contract_id"""
    return [Application(*row) for row in connection.execute(query, [_stored(as_of)]).fetchall()]


def _stored(as_of: datetime) -> datetime:
    return as_of.replace(tzinfo=None)


def _broken(definitions: Definitions) -> list[WorkflowPlan]:
    return [WorkflowPlan(name, "error", detail=problem) for name, problem in definitions.broken.items()]
