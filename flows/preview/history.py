"""History: who entered and left a segment, and when, to the hour.

Nothing is recorded for it. The facts hold history, so the SQL of a run evaluates past hours from the facts as last
built, for workflows of any status.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from compiler import Compiler, Workflow
from compiler.sql.dialect import constant
from compiler.sql.single_statement import literal_rows
from flows.preview.compiled_models import CompiledModels, read_compiled_models
from flows.preview.hours import local_hours, open_facts, require_days
from flows.settings import Settings
from flows.warehouse.connection import Connection
from flows.warehouse.evaluations import Hour, batches, stored_text
from flows.warehouse.programs import require_time_zone

Member = tuple[str, str, str]
"""Workflow id, program id and partner id."""

Span = tuple[int, int]
"""The positions of the first and the last of consecutive hours at which a partner is in a segment."""


@dataclass(frozen=True)
class MembershipInterval:
    """A partner's time in a segment: every hour from `valid_from` to before `valid_to` (UTC).

    `valid_to` is None if the partner is in at the last hour. `at_start` says that it is in at the first hour, and so
    may have been before.
    """

    workflow_id: str
    program_id: str
    partner_id: str
    valid_from: datetime
    valid_to: datetime | None
    at_start: bool

    def as_json(self) -> dict[str, Any]:
        """Return the interval with its times in ISO 8601."""
        times = {name: _iso(getattr(self, name)) for name in ("valid_from", "valid_to")}
        key = {"workflow_id": self.workflow_id, "program_id": self.program_id, "partner_id": self.partner_id}
        return key | times | {"at_start": self.at_start}


def history(
    settings: Settings, workflows: Sequence[Workflow], compiler: Compiler, first: date, last: date
) -> list[MembershipInterval]:
    """Return the intervals of all partners in these segments over local days, by workflow, partner and hour.

    `first` and `last` are dates of each program, both inclusive. Changes nothing. Raises PartnerflowError when the
    facts have not been built, a program has no valid time zone, or the dates are not a valid range.
    """
    require_days(first, last)
    with open_facts(settings) as connection:
        models = read_compiled_models(settings, connection)
        hours: list[Hour] = []
        for program in sorted({one.program for one in workflows}):
            if zone := require_time_zone(connection, program):
                hours += local_hours(program, ZoneInfo(zone), first, last, settings.zone)
        return membership_intervals(connection, models, workflows, compiler, hours) if hours else []


def membership_intervals(
    connection: Connection,
    models: CompiledModels,
    workflows: Sequence[Workflow],
    compiler: Compiler,
    hours: Sequence[Hour],
) -> list[MembershipInterval]:
    """Return the intervals over these hours."""
    instants = _instants_by_program(hours)
    spans: dict[Member, list[Span]] = defaultdict(list)
    for batch in batches(connection, hours):
        for *member, first, last in connection.execute(_spans(models, workflows, compiler, batch, instants)).fetchall():
            _append(spans[member[0], member[1], member[2]], first, last)
    return [_interval(member, span, instants[member[1]]) for member, found in sorted(spans.items()) for span in found]


def _interval(member: Member, span: Span, instants: Sequence[datetime]) -> MembershipInterval:
    first, last = span
    end = instants[last + 1] if last + 1 < len(instants) else None
    return MembershipInterval(*member, instants[first], end, first == 0)


def _instants_by_program(hours: Sequence[Hour]) -> dict[str, list[datetime]]:
    """Return the instants of each program, sorted; the position of an hour is that in this list."""
    found: dict[str, list[datetime]] = defaultdict(list)
    for one in sorted(hours, key=lambda one: one.as_of):
        found[one.program_id].append(one.as_of)
    return found


def _append(spans: list[Span], first: int, last: int) -> None:
    """Add a span of positions, which extends the last one if it follows it without a gap."""
    if spans and spans[-1][1] == first - 1:
        first = spans.pop()[0]
    spans.append((first, last))


def _spans(
    models: CompiledModels,
    workflows: Sequence[Workflow],
    compiler: Compiler,
    batch: Sequence[Hour],
    instants: Mapping[str, Sequence[datetime]],
) -> exp.Expr:
    """Return a query for the spans of a batch of hours, in the order of _SPANS."""
    rows = [
        (one.program_id, stored_text(one.as_of), str(bisect_left(instants[one.program_id], one.as_of))) for one in batch
    ]
    members = models.at(batch, compiler.membership(workflows))
    positions = literal_rows(rows, "program_id", "as_of", "position")
    return models.given(constant(_SPANS), {"history_members": members, "history_hours": positions})


_SPANS = """
    SELECT workflow_id, program_id, partner_id, min(position), max(position)
    FROM (
        SELECT
            members.workflow_id, members.program_id, members.partner_id, hours.position,
            hours.position - row_number() OVER (
                PARTITION BY members.workflow_id, members.program_id, members.partner_id
                ORDER BY hours.position
            ) AS island
        FROM history_members AS members
        INNER JOIN (
            SELECT program_id, CAST(as_of AS TIMESTAMP) AS as_of, CAST(position AS BIGINT) AS position
            FROM history_hours
        ) AS hours
            ON members.program_id = hours.program_id AND members.evaluated_at = hours.as_of
    ) AS positions
    GROUP BY workflow_id, program_id, partner_id, island
    ORDER BY workflow_id, program_id, partner_id, min(position)"""
"""One row per member and span of consecutive hours: workflow, program, partner, first and last position."""


def _iso(as_of: datetime | None) -> str | None:
    return as_of.isoformat().replace("+00:00", "Z") if as_of else None
