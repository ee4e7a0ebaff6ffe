"""The rows about one partner in the published file and in the warehouse."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from compiler import Workflow
from flows.preview.partner.model import Address, InWorkflow, Partner, PartnerDelivery, PartnerId, Stage
from flows.warehouse.connection import has_table
from flows.warehouse.engine import Connection

_WHERE = "WHERE program_id = ? AND partner_id = ?"


def read_partner(connection: Connection, partner: PartnerId, workflows: Sequence[Workflow]) -> Partner:
    """Return the partner as published, without deliveries, addresses and reasons."""
    ((as_of,),) = connection.execute("SELECT max(as_of) FROM marts.workflow_runs").fetchall()
    query = f"SELECT language, relationship_stage FROM marts.fct_partners {_WHERE}"
    ((language, stage),) = connection.execute(query, partner[:2]).fetchall()
    query = f"SELECT workflow_id FROM marts.segment_membership {_WHERE}"
    members = {name for (name,) in connection.execute(query, partner[:2]).fetchall()}
    listed = [
        InWorkflow(one.id, one.name, one.status, str(one.action), one.id in members if one.status == "active" else None)
        for one in workflows
    ]
    stages = tuple(_stages(connection, partner))
    return Partner(*partner, language, _utc(as_of), stage, stages, None, tuple(listed), ())


def _stages(connection: Connection, partner: PartnerId) -> Iterator[Stage]:
    query = f"""
        SELECT relationship_stage, valid_from, valid_to, event, contract_id, seen_at, is_inferred
        FROM marts.fct_relationship_history {_WHERE} ORDER BY valid_from"""
    for row in connection.execute(query, partner[:2]).fetchall():
        yield Stage(*map(_utc, row))


def read_deliveries(connection: Connection, partner: PartnerId) -> Iterator[PartnerDelivery]:
    """Yield the published deliveries of a partner, with their outcomes where an event speaks of them."""
    if not has_table(connection, "marts", "fct_email_deliveries"):  # a data test has failed since the first run
        return
    query = """
        SELECT
            sent.delivery_id, sent.workflow_id, sent.action, sent.email, nullif(sent.contract_id, ''), sent.state,
            sent.reason, sent.as_of, coalesce(outcomes.sent_at, sent.sent_at), NULL,
            outcomes.is_opened, outcomes.is_clicked,
            outcomes.is_bounced, outcomes.is_complained, outcomes.is_unsubscribed
        FROM marts.sent_emails AS sent
        LEFT JOIN marts.fct_email_deliveries AS outcomes
            ON sent.delivery_id = outcomes.delivery_id AND outcomes.events > 0
        WHERE sent.program_id = ? AND sent.partner_id = ?"""
    for row in connection.execute(query, partner[:2]).fetchall():
        yield PartnerDelivery(*map(_utc, row))


def read_run_problems(connection: Connection) -> dict[str, str]:
    """Return the status and the detail of each workflow that was not done in its last run."""
    query = """
        SELECT workflow_id, status, detail FROM marts.workflow_runs
        QUALIFY row_number() OVER (PARTITION BY workflow_id ORDER BY as_of DESC, run_id DESC) = 1"""
    rows = connection.execute(query).fetchall()
    return {name: f"{status.replace('_', ' ')}: {detail}" for name, status, detail in rows if status != "done"}


def read_addresses(facts: Connection, partner: PartnerId) -> tuple[Address, ...]:
    """Return the addresses of a partner, from the warehouse: the primary one first."""
    query = """
        SELECT known.email, known.is_primary, known.is_unsubscribed, min(suppressed.reason)
        FROM intermediate.int_partner_addresses AS known
        LEFT JOIN staging.stg_suppressions AS suppressed
            ON known.email = suppressed.email AND suppressed.scope = 'all'
        WHERE known.program_id = ? AND known.partner_id = ?
        GROUP BY known.email, known.is_primary, known.is_unsubscribed
        ORDER BY known.is_primary DESC, known.email"""
    rows = facts.execute(query, partner[:2]).fetchall()
    return tuple(Address(email, bool(primary), bool(left), reason) for email, primary, left, reason in rows)


def _utc(instant: Any) -> Any:
    """Return an instant of the warehouse with its time zone, and any other value as it is."""
    return instant.replace(tzinfo=UTC) if isinstance(instant, datetime) else instant
