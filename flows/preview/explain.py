"""Explain why a partner is in a segment at an hour or not, and when that changes if nothing else happens."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from compiler import Compiler, PartnerflowError, Workflow
from compiler.segment_tree import AnyOf, NoneOf
from compiler.sql.dialect import constant
from compiler.sql.explain import describe, explain_query, values_query, window_dates
from flows.clock import next_hour
from flows.preview.compiled_models import CompiledModels, read_compiled_models
from flows.preview.hours import open_facts
from flows.settings import Settings
from flows.warehouse.connection import Connection, fetch_row
from flows.warehouse.evaluations import Hour, evaluation_hours
from flows.warehouse.newest_data import notes_of_old_data
from flows.warehouse.programs import require_time_zone

HORIZON = 400
"""Days ahead in which the next change is looked for."""


@dataclass(frozen=True)
class Explained:
    """One condition: whether it holds, the partner's actual value, and the dates of its window.

    `segments` explain the named segments that it refers to.
    """

    text: str
    holds: bool
    actual: str | None
    dates: str | None
    segments: tuple["ExplainedSegment", ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the condition as JSON values; `segments` only if there are any."""
        found = {"text": self.text, "holds": self.holds, "actual": self.actual, "dates": self.dates}
        return found | ({"segments": [one.as_json() for one in self.segments]} if self.segments else {})


@dataclass(frozen=True)
class ExplainedSegment:
    """A named segment: whether the partner is in it, and its conditions."""

    name: str
    member: bool
    conditions: tuple[Explained, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the segment as JSON values."""
        return {"name": self.name, "member": self.member, "conditions": [one.as_json() for one in self.conditions]}


@dataclass(frozen=True)
class StageReason:
    """Why a partner has its relationship stage: the event that led to it.

    `since` is when the event happened, `contract_id` its contract, if any, and `seen_at` when the row that it comes
    from was loaded, if that is known (ISO, UTC). `is_inferred`: the event itself was never seen, and follows from a
    later stage of the contract.
    """

    stage: str
    since: str
    event: str
    contract_id: str | None
    seen_at: str | None
    is_inferred: bool


@dataclass(frozen=True)
class Explanation:
    """Why a partner is in a segment at an hour or not.

    Times are in ISO 8601, UTC. `next_change` is the next hour at which the partner enters or leaves if nothing else
    happens; None if there is no such hour within HORIZON days. `addresses` is the number of addresses that an email may
    be sent to, `unsubscribed` that of the unsubscribed and suppressed ones. `stage_reason` is None for a partner
    without any transition. `notes` say what is unusual about the data.
    """

    workflow_id: str
    program_id: str
    partner_id: str
    name: str | None
    as_of: str
    segment: str
    member: bool
    conditions: tuple[Explained, ...]
    already_contacted_at: str | None
    state: str | None
    addresses: int
    unsubscribed: int
    stage_reason: StageReason | None
    next_change: str | None
    then: str | None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the explanation as the command prints it with --json; `notes` only if there are any."""
        found = asdict(self) | {"conditions": [condition.as_json() for condition in self.conditions]}
        return found if self.notes else {name: value for name, value in found.items() if name != "notes"}


def explain(
    settings: Settings, workflow: Workflow, partner_id: str, compiler: Compiler, as_of: datetime
) -> Explanation:
    """Evaluate a workflow's conditions one by one for a partner at `as_of` (UTC), from the facts as last built.

    Changes nothing. Raises PartnerflowError when the facts have not been built, or the workflow's program has no valid
    time zone or does not have the partner.
    """
    with open_facts(settings) as connection:
        models = read_compiled_models(settings, connection)
        require_time_zone(connection, workflow.program)
        partner = _read_partner(connection, workflow, partner_id, as_of, settings.zone)
        return _explain(connection, models, workflow, partner, compiler, as_of)


def explain_each(
    connection: Connection,
    settings: Settings,
    workflows: Iterable[Workflow],
    partner_id: str,
    compiler: Compiler,
    as_of: datetime,
) -> list[Explanation]:
    """Return what `explain` does for each workflow of the partner's program, from an open connection to the facts."""
    models = read_compiled_models(settings, connection)
    chosen = list(workflows)
    if not chosen:
        return []
    partner = _read_partner(connection, chosen[0], partner_id, as_of, settings.zone)
    return [_explain(connection, models, one, partner, compiler, as_of) for one in chosen]


@dataclass(frozen=True)
class _Partner:
    """What is the same for all workflows of a program: the partner, its stage, its hours of change, and the data.

    `later` are the hours of `_hours_of_change`.
    """

    id: str
    name: str | None
    zone: ZoneInfo
    later: Sequence[datetime]
    stage_reason: StageReason | None
    notes: tuple[str, ...]


def _read_partner(
    connection: Connection, workflow: Workflow, partner_id: str, as_of: datetime, deployment: ZoneInfo
) -> _Partner:
    """Return what is known of a partner of the workflow's program. Raises PartnerflowError if there is none."""
    name, zone = _partner(connection, workflow, partner_id)
    later = _hours_of_change(connection, workflow, partner_id, zone, as_of, deployment)
    reason = _stage_reason(connection, workflow, partner_id, as_of)
    return _Partner(partner_id, name, zone, later, reason, notes_of_old_data(connection, as_of, deployment))


def _explain(
    connection: Connection,
    models: CompiledModels,
    workflow: Workflow,
    partner: _Partner,
    compiler: Compiler,
    as_of: datetime,
) -> Explanation:
    partner_id = partner.id
    hours = evaluation_hours({workflow.program: partner.zone.key}, as_of, *partner.later)
    evaluate = partial(_rows_at, connection, models)
    now, *then = evaluate(explain_query(workflow, partner_id, compiler), hours)
    change = next((row for row in then if bool(row[1]) != bool(now[1])), None)
    contacted_at, state = _contact(connection, workflow, partner_id)
    addresses, unsubscribed = _addresses(connection, workflow, partner_id)
    return Explanation(
        workflow_id=workflow.id,
        program_id=workflow.program,
        partner_id=partner_id,
        name=partner.name,
        as_of=_iso(as_of),
        segment=describe(workflow),
        member=bool(now[1]),
        conditions=tuple(_conditions(evaluate, workflow, partner_id, compiler, now, hours[0])),
        already_contacted_at=contacted_at,
        state=state,
        addresses=addresses,
        unsubscribed=unsubscribed,
        stage_reason=partner.stage_reason,
        next_change=_iso(change[0].replace(tzinfo=UTC)) if change else None,
        then=("enters" if change[1] else "leaves") if change else None,
        notes=partner.notes,
    )


def _rows_at(
    connection: Connection, models: CompiledModels, statement: exp.Query, hours: Sequence[Hour]
) -> list[tuple[Any, ...]]:
    return connection.execute(models.at(hours, statement)).fetchall()


def _conditions(
    evaluate: Callable[[exp.Query, Sequence[Hour]], list[tuple[Any, ...]]],
    workflow: Workflow,
    partner_id: str,
    compiler: Compiler,
    row: tuple[Any, ...],
    hour: Hour,
) -> Iterator[Explained]:
    local_date = hour.local_date
    for index, condition in enumerate(workflow.segment):
        holds, actual = row[2 + 2 * index : 4 + 2 * index]
        actual, shown = actual_text(actual, window_dates(condition, local_date, compiler), local_date)
        segments: tuple[ExplainedSegment, ...] = ()
        if isinstance(condition, AnyOf | NoneOf) and compiler.builder.field(condition).kind == "segment":
            insides = [(name, workflow.inside(name)) for name in condition.values]
            segments = tuple(_segment(evaluate, name, one, partner_id, compiler, hour) for name, one in insides)
            actual = ", ".join(one.name for one in segments if one.member) or "in none of them"
        values = values_query(condition, workflow, partner_id, compiler)
        if values is not None:
            actual = ", ".join(dict.fromkeys(str(value) for _, value in evaluate(values, [hour]) if value))
        yield Explained(str(condition), bool(holds), actual, shown, segments)


def actual_text(actual: object, dates: tuple[date, date] | None, local_date: date) -> tuple[str | None, str | None]:
    """Return a partner's actual value of a condition and the dates of its window on a local date, as they are shown.

    The actual value of a date is the number of days before the local date.
    """
    if dates and isinstance(actual, int):
        actual = _days_before(local_date, actual)
    shown = dates and (f"{dates[0]}" if dates[0] == dates[1] else f"{dates[0]} to {dates[1]}")
    return _shown(actual), shown


def _segment(
    evaluate: Callable[[exp.Query, Sequence[Hour]], list[tuple[Any, ...]]],
    name: str,
    inside: Workflow,
    partner_id: str,
    compiler: Compiler,
    hour: Hour,
) -> ExplainedSegment:
    (row,) = evaluate(explain_query(inside, partner_id, compiler), [hour])
    conditions = _conditions(evaluate, inside, partner_id, compiler, row, hour)
    return ExplainedSegment(name, bool(row[1]), tuple(conditions))


def _days_before(local_date: date, days: int) -> date | str:
    """Return the date, in words if it is before the year 1, where Python's dates begin.

    >>> print(_days_before(date(2026, 3, 20), 6), "/", _days_before(date(2026, 3, 20), 755_766))
    2026-03-14 / 755,766 days before 2026-03-20
    """
    try:
        return local_date - timedelta(days=days)
    except OverflowError:
        return f"{days:,} days before {local_date}"


def _shown(actual: object) -> str | None:
    if isinstance(actual, Decimal):
        return f"{actual.normalize():f}"
    return None if actual is None else str(actual)


def _partner(connection: Connection, workflow: Workflow, partner_id: str) -> tuple[str | None, ZoneInfo]:
    query = """
        SELECT fct_partners.name, stg_programs.timezone
        FROM marts.fct_partners JOIN staging.stg_programs USING (program_id)
        WHERE program_id = ? AND partner_id = ?"""
    row = connection.execute(query, [workflow.program, partner_id]).fetchone()
    if row is None:
        raise PartnerflowError(
            f"Program {workflow.program} has no partner {partner_id}. "
            f"`partnerflow preview {workflow.id}` lists the members."
        )
    return row[0], ZoneInfo(row[1])


def _hours_of_change(
    connection: Connection,
    workflow: Workflow,
    partner_id: str,
    zone: ZoneInfo,
    as_of: datetime,
    deployment: ZoneInfo,
) -> list[datetime]:
    """Return the hours after `as_of` at which membership can change by itself: local midnights, known transitions.

    Only those within HORIZON: an open end may be written as 9999-12-31 or infinity.
    """
    today = as_of.astimezone(zone).date()
    midnights = [datetime.combine(today + timedelta(days=day), time(), zone) for day in range(1, HORIZON + 1)]
    query = """
        SELECT valid_from FROM marts.fct_relationship_history
        WHERE program_id = ? AND partner_id = ? AND valid_from > ? AND valid_from <= ?"""
    now, horizon = as_of.replace(tzinfo=None), midnights[-1].astimezone(UTC).replace(tzinfo=None)
    known = connection.execute(query, [workflow.program, partner_id, now, horizon]).fetchall()
    instants = [midnight.astimezone(UTC) for midnight in midnights] + [row[0].replace(tzinfo=UTC) for row in known]
    return sorted({next_hour(deployment, instant) for instant in instants} - {as_of})


def _contact(connection: Connection, workflow: Workflow, partner_id: str) -> tuple[str | None, str | None]:
    query = """
        SELECT coalesce(sent_at, as_of), state FROM staging.stg_sent_emails
        WHERE workflow_id = ? AND program_id = ? AND partner_id = ? AND NOT failed_before_sending
        ORDER BY 1 LIMIT 1"""
    row = connection.execute(query, [workflow.id, workflow.program, partner_id]).fetchone()
    return (_iso(row[0].replace(tzinfo=UTC)), row[1]) if row else (None, None)


def _stage_reason(connection: Connection, workflow: Workflow, partner_id: str, as_of: datetime) -> StageReason | None:
    query = constant("""
        SELECT
            relationship_stage, CAST(valid_from AS VARCHAR), event, contract_id, CAST(seen_at AS VARCHAR), is_inferred
        FROM marts.fct_relationship_history
        WHERE program_id = ? AND partner_id = ? AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)""")
    hour = as_of.astimezone(UTC).replace(tzinfo=None)
    row = connection.execute(query, [workflow.program, partner_id, hour, hour]).fetchone()
    if row is None:
        return None
    stage, since, event, contract_id, seen_at, is_inferred = row
    return StageReason(
        stage, _iso_text(since), event, contract_id, _iso_text(seen_at) if seen_at else None, is_inferred
    )


def _addresses(connection: Connection, workflow: Workflow, partner_id: str) -> tuple[int, int]:
    query = """
        WITH addresses AS (
            SELECT CASE WHEN is_unsubscribed OR EXISTS (
                SELECT 1 FROM staging.stg_suppressions
                WHERE stg_suppressions.email = int_partner_addresses.email AND scope = ?
            ) THEN 1 ELSE 0 END AS is_left_out
            FROM intermediate.int_partner_addresses
            WHERE program_id = ? AND partner_id = ? AND (is_primary OR ? = 'all')
        )
        SELECT count(*), coalesce(sum(is_left_out), 0) FROM addresses"""
    who = [workflow.id, workflow.program, partner_id, workflow.recipients]
    known, excluded = fetch_row(connection, query, who)
    return known - int(excluded), int(excluded)


def _iso_text(loaded: str) -> str:
    """Return a loaded time (UTC) in ISO 8601, and as it is in a year that Python has no date for, or if infinite."""
    try:
        return _iso(datetime.fromisoformat(loaded).replace(tzinfo=UTC))
    except ValueError:
        return loaded


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
