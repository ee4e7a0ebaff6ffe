"""What a person should know about whom a plan contacts: who is in for a new contract, and who had an email lately."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from compiler import Workflow
from flows.plan.plan import PartnerOfWorkflow
from flows.warehouse.connection import Connection
from flows.warehouse.raw_tables import batched

PartnerKey = tuple[str, str]
"""Program id and partner id."""

RECENT_DAYS = 7
"""Days before the hour in which an email of another workflow is recent."""


@dataclass(frozen=True)
class RecentEmail:
    """An email that another workflow (`earlier_id`) sent to a partner of the plan, at `sent_at` (UTC)."""

    workflow_id: str
    program_id: str
    partner_id: str
    earlier_id: str
    sent_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return the email as JSON values."""
        return vars(self) | {"sent_at": self.sent_at.isoformat().replace("+00:00", "Z")}


@dataclass(frozen=True)
class PlanMarks:
    """Contacts of a plan that a person may want to look at, each list by workflow, program and partner.

    `superseded` are partners that are in a segment on Last Transition Date because a new contract superseded their old
    one: they were Joined before, and are again. `recent` has the last email of another workflow in the RECENT_DAYS
    before the hour.
    """

    superseded: tuple[PartnerOfWorkflow, ...] = ()
    recent: tuple[RecentEmail, ...] = ()


def find_marks(
    connection: Connection,
    workflows: Mapping[str, Workflow],
    contacts: Iterable[PartnerOfWorkflow],
    as_of: datetime,
) -> PlanMarks:
    """Return the marks of the contacts of a plan at an hour (UTC), from the facts as just built."""
    planned = sorted(set(contacts))
    dated = {name for name, one in workflows.items() if _is_on_transition(one)}
    hour = as_of.astimezone(UTC).replace(tzinfo=None)
    again = _joined_again(connection, {partner for _, _, partner in planned}, hour)
    sent = _recent(connection, {partner for _, _, partner in planned}, hour)
    recent = [
        RecentEmail(*one, *max(others, key=lambda pair: pair[1]))
        for one in planned
        if (others := [(name, at) for name, at in sent.get(one[1:], []) if name != one[0]])
    ]
    return PlanMarks(tuple(one for one in planned if one[0] in dated and one[1:] in again), tuple(recent))


def _is_on_transition(workflow: Workflow) -> bool:
    return any(one.label == "Last Transition Date" for part in workflow.with_named() for one in part.segment)


def _joined_again(connection: Connection, partners: set[str], hour: datetime) -> set[PartnerKey]:
    """Return the partners whose last transition before the hour led from Joined to Joined."""
    stages: dict[PartnerKey, list[str]] = {}
    query = """
        SELECT program_id, partner_id, relationship_stage FROM marts.fct_relationship_history
        WHERE valid_from <= ? AND partner_id IN ({}) ORDER BY program_id, partner_id, valid_from"""
    for program, partner, stage in _rows(connection, query, [hour], partners):
        stages.setdefault((program, partner), []).append(stage)
    return {one for one, found in stages.items() if found[-2:] == ["Joined", "Joined"]}


def _recent(connection: Connection, partners: set[str], hour: datetime) -> dict[PartnerKey, list[tuple[str, datetime]]]:
    """Return the workflows that sent each partner an email in the days before the hour, and when last."""
    found: dict[PartnerKey, list[tuple[str, datetime]]] = {}
    query = """
        SELECT program_id, partner_id, workflow_id, max(as_of) FROM raw.sent_emails
        WHERE email IS NOT NULL AND state = 'sent' AND as_of >= ? AND as_of <= ? AND partner_id IN ({})
        GROUP BY program_id, partner_id, workflow_id ORDER BY workflow_id"""
    for program, partner, name, at in _rows(connection, query, [hour - timedelta(days=RECENT_DAYS), hour], partners):
        found.setdefault((program, partner), []).append((name, at.replace(tzinfo=UTC)))
    return found


def _rows(connection: Connection, query: str, values: list[Any], partners: set[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query, whose braces are for the ids of partners."""
    for ids in batched(partners):
        yield from connection.execute(query.format(", ".join("?" * len(ids))), [*values, *ids]).fetchall()
