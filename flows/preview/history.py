"""History: who entered and left a segment, and when, to the hour.

Nothing is recorded for it. The facts hold history, so the SQL of a run evaluates past hours from the facts as last
built, for workflows of any status.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from compiler import Compiler, PartnerflowError, Workflow
from compiler.sql.dialect import to_sql
from flows.preview.hours import create_temp_table, local_hours, require_days
from flows.settings import Settings
from flows.warehouse.connection import Connection, has_table, open_warehouse, transaction
from flows.warehouse.evaluations import Hour, batches, write_evaluations
from flows.warehouse.programs import require_time_zone, time_zones


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
    with open_warehouse(settings.warehouse) as connection:
        if not has_table(connection, "segments", "partners_as_of"):
            raise PartnerflowError("No facts have been built yet. Run `partnerflow plan` once; it builds them.")
        with transaction(connection, keep=False):
            wanted = {one.program for one in workflows}
            for program in sorted(wanted):
                require_time_zone(connection, program)
            hours = [
                hour
                for program, zone in time_zones(connection).items()
                if program in wanted
                for hour in local_hours(program, ZoneInfo(zone), first, last, settings.zone)
            ]
            return membership_intervals(connection, workflows, compiler, hours) if hours else []


def membership_intervals(
    connection: Connection, workflows: Sequence[Workflow], compiler: Compiler, hours: Sequence[Hour]
) -> list[MembershipInterval]:
    """Return the intervals over these hours; to be called in a transaction that is rolled back."""
    write_evaluations(connection, hours)
    create_temp_table(connection, "history_hours", _HOURS)
    connection.execute(_CREATE_SPANS)
    for batch in batches(connection, hours):
        write_evaluations(connection, batch)
        create_temp_table(connection, "history_members", to_sql(compiler.membership(workflows)))
        connection.execute(_INSERT_SPANS)
    rows = connection.execute(_INTERVALS).fetchall()
    return [
        MembershipInterval(workflow_id, program_id, partner_id, _utc(entered), left and _utc(left), at_start)
        for workflow_id, program_id, partner_id, entered, left, at_start in rows
    ]


_HOURS = """
    SELECT program_id, as_of, row_number() OVER (PARTITION BY program_id ORDER BY as_of) AS position
    FROM raw.evaluations"""

_CREATE_SPANS = """
    CREATE TEMP TABLE history_spans (
        workflow_id VARCHAR, program_id VARCHAR, partner_id VARCHAR, first_position BIGINT, last_position BIGINT
    )"""

_INSERT_SPANS = """
    INSERT INTO history_spans
    SELECT workflow_id, program_id, partner_id, min(position), max(position)
    FROM (
        SELECT
            members.workflow_id, members.program_id, members.partner_id, hours.position,
            hours.position - row_number() OVER (
                PARTITION BY members.workflow_id, members.program_id, members.partner_id
                ORDER BY hours.position
            ) AS island
        FROM history_members AS members
        INNER JOIN history_hours AS hours
            ON members.program_id = hours.program_id AND members.evaluated_at = hours.as_of
    ) AS positions
    GROUP BY workflow_id, program_id, partner_id, island"""

_INTERVALS = """
    WITH spans AS (
        SELECT
            *,
            CASE WHEN lag(last_position) OVER (
                PARTITION BY workflow_id, program_id, partner_id
                ORDER BY first_position
            ) = first_position - 1 THEN 0 ELSE 1 END AS begins
        FROM history_spans
    ),

    numbered AS (
        SELECT
            *,
            sum(begins) OVER (PARTITION BY workflow_id, program_id, partner_id ORDER BY first_position) AS island
        FROM spans
    ),

    intervals AS (
        SELECT
            workflow_id, program_id, partner_id, min(first_position) AS first_position,
            max(last_position) AS last_position
        FROM numbered
        GROUP BY workflow_id, program_id, partner_id, island
    )

    SELECT
        intervals.workflow_id, intervals.program_id, intervals.partner_id, entered.as_of, departed.as_of,
        intervals.first_position = 1
    FROM intervals
    INNER JOIN history_hours AS entered
        ON intervals.program_id = entered.program_id AND intervals.first_position = entered.position
    LEFT JOIN history_hours AS departed
        ON intervals.program_id = departed.program_id AND intervals.last_position + 1 = departed.position
    ORDER BY intervals.workflow_id, intervals.program_id, intervals.partner_id, entered.as_of"""


def _utc(stored: datetime) -> datetime:
    return stored.replace(tzinfo=UTC)


def _iso(as_of: datetime | None) -> str | None:
    return as_of.isoformat().replace("+00:00", "Z") if as_of else None
