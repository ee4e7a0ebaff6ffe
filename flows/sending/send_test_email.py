"""Test emails: a workflow's message sent to your own address, marked as a test and not recorded in the ledger."""

import secrets
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from compiler import DefinitionError, PartnerflowError, SendEmail, Workflow
from flows.addresses import normalize_address
from flows.definitions.loader import read_programs
from flows.ledger.delivery import utc_now
from flows.messages.envelope import OutgoingMessage
from flows.messages.loader import read_message
from flows.messages.render import render_email
from flows.messages.unsubscribe import TEST_PREFIX
from flows.messages.variables import sample
from flows.sending.transports.factory import open_transports
from flows.settings import Settings
from flows.warehouse.connection import Connection, has_table, open_warehouse
from flows.warehouse.programs import require_time_zone


@dataclass(frozen=True)
class TestEmail:
    """One test email to be rendered (a flows.messages.render.Renderable). Times are UTC without a zone."""

    delivery_id: str
    workflow_id: str
    program_id: str
    partner_id: str
    email: str
    message_id: str
    context: dict[str, Any]
    as_of: datetime
    claimed_at: datetime


def send_test_email(
    settings: Settings,
    workflow: Workflow,
    to: str,
    partner_id: str | None,
    as_of: datetime,
    context: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Send a workflow's message to `to`, as the partner (from the last build) or a sample partner would receive it.

    `context` is that of the partner, if it is known already. Returns what was sent and where it was delivered. The id
    and the Message-ID are random, the unsubscribe link has no effect, and no copies are sent. Raises PartnerflowError
    when the message is not valid or the partner is not known.
    """
    if not isinstance(workflow.action, SendEmail):
        raise PartnerflowError(
            f"{workflow.id} accepts applications; it has no email to send. Choose a workflow with `email:`."
        )
    message = read_message(settings.workflows / "messages" / workflow.action.message)
    identity = TEST_PREFIX + secrets.token_hex(16)
    email = TestEmail(
        delivery_id=identity,
        workflow_id=workflow.id,
        program_id=workflow.program,
        partner_id=partner_id or "sample",
        email=normalize_address(to),
        message_id=f"{identity}@{settings.sender_address.rpartition('@')[2]}",
        context=context or email_context(settings, workflow, partner_id),
        as_of=as_of.replace(tzinfo=None),
        claimed_at=utc_now(),
    )
    outgoing = render_email(email, message, settings, is_test=True)
    return {
        "workflow_id": workflow.id,
        "program_id": workflow.program,
        "partner_id": partner_id,
        "language": message.language_for(email.context["partner"]["language"]),
        "email": email.email,
        "message_id": email.message_id,
        "delivered_to": _deliver(settings, outgoing),
    }


def _deliver(settings: Settings, outgoing: OutgoingMessage) -> str:
    """Deliver the email by the configured transport, and return where to: the mail server or the file."""
    with closing(open_transports(settings)["email"].open_connection()) as connection:
        result = connection.prepare(outgoing)()
    if result.state != "sent":
        raise PartnerflowError(f"The mail server did not accept the email: {result.reason or result.state}.")
    return settings.smtp_host or str(settings.outbox / f"{outgoing.delivery_id}.eml")


def email_context(
    settings: Settings, workflow: Workflow, partner_id: str | None, connection: Connection | None = None
) -> dict[str, Any]:
    """Return what the email of a workflow to a partner is rendered from; without an id, to a sample partner.

    Reads the partner from the last build, or from a connection to its facts. Raises PartnerflowError when the partner
    is not known.
    """
    if partner_id is None:
        found = _sample(workflow)
    elif connection is not None:
        found = _read_context(connection, workflow, partner_id)
    else:
        with open_warehouse(settings.warehouse) as opened:
            found = _read_context(opened, workflow, partner_id)
    return _with_postal_address(settings, found)


def _with_postal_address(settings: Settings, context: dict[str, Any]) -> dict[str, Any]:
    programs, problems = read_programs(settings.workflows)
    if problems:
        raise DefinitionError(problems)
    program = context["program"]
    found = programs.get(program["id"])
    return context | {"program": program | {"postal_address": found and found.postal_address}}


def _sample(workflow: Workflow) -> dict[str, Any]:
    """Return the context of a sample partner."""
    context = sample(omit_optional=False)
    kept = {key: context[key] for key in ("partner", "contact")}
    program = {"id": workflow.program, "name": context["program"]["name"], "timezone": "UTC"}
    return kept | {"program": program, "workflow": {"id": workflow.id, "name": workflow.name}}


def _read_context(connection: Connection, workflow: Workflow, partner_id: str) -> dict[str, Any]:
    """Return the context of a partner, with its primary contact if it has one."""
    if not has_table(connection, "intermediate", "int_partner_addresses"):
        raise PartnerflowError("No facts have been built yet. Run `partnerflow plan` once; it builds them.")
    require_time_zone(connection, workflow.program)
    row = _partner(connection, workflow.program, partner_id)
    if row is None:
        hint = "`partnerflow preview` lists who is in a segment."
        raise PartnerflowError(f"There is no partner {partner_id} in program {workflow.program}. {hint}")
    name, language, first_name, last_name, program_name, timezone = row
    return {
        "partner": {"id": partner_id, "name": name or partner_id, "language": language},
        "contact": {"first_name": first_name, "last_name": last_name},
        "program": {"id": workflow.program, "name": program_name or workflow.program, "timezone": timezone},
        "workflow": {"id": workflow.id, "name": workflow.name},
    }


def _partner(connection: Connection, program_id: str, partner_id: str) -> tuple[Any, ...] | None:
    query = """
        SELECT partners.name, partners.language, first_name, last_name, programs.name, programs.timezone
        FROM staging.stg_partners AS partners
        JOIN staging.stg_programs AS programs USING (program_id)
        LEFT JOIN intermediate.int_partner_addresses AS addresses
            ON addresses.program_id = partners.program_id AND addresses.partner_id = partners.partner_id
            AND addresses.is_primary
        WHERE partners.program_id = ? AND partners.partner_id = ?"""
    return connection.execute(query, [program_id, partner_id]).fetchone()
