"""The outlook of workflows: whom they will contact in the days after an hour, if nothing else happens.

It is that of every hour, since a segment changes only with the local date, with what the facts know of later, such as
the start of a contract, and after an email of one of the workflows. So only the first instants after these are
evaluated.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlglot import exp

from compiler import Compiler, Workflow
from compiler.sql.dialect import constant, literal
from flows.clock import MICROSECOND, next_hour
from flows.ledger.holdout import Holdouts
from flows.preview.compiled_models import CompiledModels
from flows.preview.hours import local_hours
from flows.preview.replay import LimitBreach, Replay, Send
from flows.warehouse.connection import Connection
from flows.warehouse.evaluations import Hour, stored_text

HOURS_AT_ONCE = 24
"""Instants that one statement evaluates. Its memory grows with them and with the partners."""

CHANGES = """
    WITH changes AS (
        SELECT program_id, valid_from AS changed_at, 0 AS is_after FROM marts.fct_relationship_history
        UNION ALL SELECT program_id, created_at, 0 FROM marts.fct_contracts
        UNION ALL SELECT program_id, superseded_at, 0 FROM marts.fct_contracts
        UNION ALL SELECT program_id, event_at, 0 FROM intermediate.int_actions_localized
        UNION ALL SELECT program_id, coalesce(delivered_as_of, as_of), 1 FROM raw.sent_emails
    )
    SELECT DISTINCT program_id, changed_at, is_after FROM changes
    WHERE changed_at > CAST(:first AS TIMESTAMP) AND changed_at <= CAST(:last AS TIMESTAMP)"""
"""The instants, later than a first one, from which on (with `is_after`: after which) the facts of segments differ."""

Instants = Mapping[str, Sequence[Hour]]
"""The instants of each program, in order."""


@dataclass(frozen=True)
class Outlook:
    """The contacts of workflows at an hour (UTC) and later, and the hours at which a segment is over the limit.

    `sends` are sorted by their hour.
    """

    as_of: datetime
    sends: tuple[Send, ...] = ()
    limit_breaches: tuple[LimitBreach, ...] = ()

    def now(self) -> dict[str, int]:
        """Return the number of partners that each workflow will contact at the hour, by id."""
        return _counts(one for one in self.sends if one.as_of <= self.as_of)

    def later(self) -> dict[str, int]:
        """Return the number of partners that each workflow will contact after the hour, by id."""
        return _counts(one for one in self.sends if one.as_of > self.as_of)

    def first(self, workflow_id: str, number: int) -> tuple[list[Send], list[Send]]:
        """Return the first partners that a workflow contacts at the hour, and after it: at most a number of each."""
        found: dict[tuple[str, str], Send] = {}
        for one in self.sends:
            if one.workflow_id == workflow_id:
                found.setdefault((one.program_id, one.partner_id), one)
        now = [one for one in found.values() if one.as_of <= self.as_of]
        later = [one for one in found.values() if one.as_of > self.as_of]
        return now[:number], later[:number]


def _counts(sends: Iterable[Send]) -> dict[str, int]:
    partners = {(one.workflow_id, one.program_id, one.partner_id) for one in sends}
    return dict(sorted(Counter(workflow_id for workflow_id, *_ in partners).items()))


def look_ahead(
    connection: Connection,
    models: CompiledModels,
    workflows: Sequence[Workflow],
    compiler: Compiler,
    as_of: datetime,
    days: int,
    deployment: ZoneInfo,
    holdouts: Holdouts,
) -> Outlook:
    """Return the outlook of these workflows over an hour (UTC) and the days after it, from facts open for reading.

    New members that are in a holdout are left out.
    """

    def replay() -> Replay:
        return Replay(connection, workflows, compiler, models, deployment, holdouts=holdouts)

    found = replay()
    instants = {
        program: _instants(program, ZoneInfo(zone), as_of, days, deployment) for program, zone in found.programs()
    }
    hours = {one for own in instants.values() for one in [own[0], *_first_of_days(own)]}
    hours |= _known_changes(connection, instants)
    if found.has_feedback:
        hours |= _after(instants, ((one.program_id, next_hour(deployment, one.as_of)) for one in hours))
    while True:
        found.run(sorted(hours, key=lambda one: (one.as_of, one.program_id)), HOURS_AT_ONCE)
        sends = tuple(found.sends())
        more = _after(instants, ((one.program_id, one.as_of) for one in sends)) if found.has_feedback else set()
        if more <= hours:
            return Outlook(as_of, sends, tuple(found.limit_breaches))
        hours |= more
        found = replay()


def _instants(program: str, zone: ZoneInfo, as_of: datetime, days: int, deployment: ZoneInfo) -> list[Hour]:
    """Return the hour itself and all instants that runs evaluate in the days after it, in order."""
    first = as_of.astimezone(zone).date()
    hours = local_hours(program, zone, first, first + timedelta(days=days), deployment)
    return [Hour(program, as_of, first), *[one for one in hours if one.as_of > as_of]]


def _first_of_days(instants: Sequence[Hour]) -> list[Hour]:
    """Return the first instant of each local date."""
    return list({one.local_date: one for one in reversed(instants)}.values())


def _known_changes(connection: Connection, instants: Instants) -> set[Hour]:
    """Return the first instant at which each known change of the facts is seen."""
    if not instants:
        return set()
    first = min(own[0].as_of for own in instants.values())
    last = max(own[-1].as_of for own in instants.values())
    bounds = {"first": literal(stored_text(first)), "last": literal(stored_text(last))}
    rows = connection.execute(exp.replace_placeholders(constant(CHANGES), **bounds)).fetchall()
    changes = [(program, at.replace(tzinfo=UTC), is_after) for program, at, is_after in rows]
    found = _after(instants, ((program, at) for program, at, is_after in changes if is_after))
    return found | _after(instants, ((program, at - MICROSECOND) for program, at, is_after in changes if not is_after))


def _after(instants: Instants, moments: Iterable[tuple[str, datetime]]) -> set[Hour]:
    """Return the first instant after each moment of a program, as far as there is one."""
    found: set[Hour] = set()
    for program, at in moments:
        own = instants.get(program, ())
        place = bisect_right(own, at, key=lambda one: one.as_of)
        found.update(own[place : place + 1])
    return found
