"""Late transitions: rows that came after the end of their day had been evaluated.

A transition whose local date is before the date of the last evaluated hour, and which no earlier run could see, is late
(semantics, "Rows that arrive late"). A run also evaluates the partners that have one at the last instant of that day
and of each later day, within the workflow's limit, so that "is Today" and "7 Days Ago" are not lost to a slow loader.
What runs have seen is in raw.seen_transitions.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas
from sqlglot import exp

from compiler import Compiler, Workflow
from compiler.sql.dialect import table
from flows.clock import end_of_day_instants
from flows.pipeline.catch_up import CatchUp
from flows.plan.plan import Plan, restricted_to
from flows.warehouse.connection import Connection, has_table
from flows.warehouse.raw_tables import replace_raw_table

PartnerKey = tuple[str, str]
"""Program id and partner id."""


@dataclass(frozen=True)
class LateTransition:
    """A transition (UTC) that the runs before `seen_as_of` (UTC) could not see; None if no earlier run has seen it."""

    program_id: str
    partner_id: str
    transitioned_at: datetime
    seen_as_of: datetime | None


@dataclass(frozen=True)
class LateRows:
    """The partners with late transitions that a run has to evaluate.

    `instants` (UTC, sorted) have the ids of the workflows that each is evaluated for. `partners` has, by partner, the
    first of its late transitions (UTC): it is not evaluated before that.
    """

    instants: Mapping[datetime, frozenset[str]]
    partners: Mapping[PartnerKey, datetime]

    def without_earlier(self, plan: Plan) -> Plan:
        """Return the plan of an instant without the partners whose late transitions come after it."""
        return restricted_to(plan, lambda partner: self.partners[partner[1:]] <= plan.as_of)


def find_late_rows(
    connection: Connection, workflows: Iterable[Workflow], zones: Mapping[str, str], catch_up: CatchUp
) -> LateRows:
    """Return what the late transitions of these active workflows' programs require. `zones` are by program id.

    Hours from a workflow's `pending_since` on are caught up for all partners, so only earlier instants are included.
    """
    ours = {one.id: one for one in workflows if one.id in catch_up.late_from and one.program in zones}
    transitions = _transitions(connection, [(catch_up.late_from[one], catch_up.pending_since[one]) for one in ours])
    by_program = defaultdict(list)
    for one in transitions:
        by_program[one.program_id].append(one)
    instants: dict[datetime, set[str]] = {}
    partners: dict[PartnerKey, datetime] = {}
    for name, workflow in ours.items():
        zone, since = ZoneInfo(zones[workflow.program]), catch_up.pending_since[name]
        for one in by_program[workflow.program]:
            if one.seen_as_of is not None and one.seen_as_of < since:
                continue
            ends = end_of_day_instants(zone, max(one.transitioned_at, catch_up.late_from[name]), since)
            for instant in ends:
                instants.setdefault(instant, set()).add(name)
            if ends:
                key = (one.program_id, one.partner_id)
                partners[key] = min(one.transitioned_at, partners.get(key, one.transitioned_at))
    return LateRows({instant: frozenset(instants[instant]) for instant in sorted(instants)}, partners)


def replace_membership(
    connection: Connection, workflows: Iterable[Workflow], compiler: Compiler, partners: Iterable[PartnerKey]
) -> None:
    """Replace marts.segment_membership by the members among these partners, at the hours of raw.evaluations.

    Call it in a transaction.
    """
    choose_partners(connection, partners)
    members = compiler.membership(workflows, among=CHOSEN)
    connection.execute("DELETE FROM marts.segment_membership")
    connection.execute(exp.Insert(this=table("marts.segment_membership"), expression=members))


CHOSEN = "raw.chosen_partners"
"""The relation of the partners that a statement is restricted to."""


def choose_partners(connection: Connection, partners: Iterable[PartnerKey]) -> None:
    """Replace the rows of raw.chosen_partners by these partners. Call it in a transaction."""
    frame = pandas.DataFrame(sorted(set(partners)), columns=["program_id", "partner_id"], dtype=object)
    replace_raw_table(connection, "chosen_partners", frame)


def record_seen_transitions(connection: Connection, as_of: datetime) -> None:
    """Record the transitions that the run at `as_of` (UTC) is the first to see. Call it in a transaction.

    Those of the first run of a state have no hour: they are not late.
    """
    if not has_table(connection, "marts", "fct_relationship_history"):
        return
    if has_table(connection, "raw", "seen_transitions"):
        connection.execute(_RECORD, [as_of.replace(tzinfo=None)])
    else:  # in one statement, since a table without rows would make all of them late
        connection.execute(_RECORD_FIRST)


def _transitions(connection: Connection, spans: list[tuple[datetime, datetime]]) -> list[LateTransition]:
    """Return the transitions before the end of the last span (UTC) that no run before the end of the first has seen.

    One before all spans counts as at their begin: it may be in a year that Python has no date for.
    """
    if not spans or not has_table(connection, "raw", "seen_transitions"):
        return []
    begins, ends = zip(*spans, strict=True)
    instants = [one.replace(tzinfo=None) for one in (min(begins), max(ends), min(ends))]
    rows = connection.execute(_UNSEEN, instants).fetchall()
    return [
        LateTransition(program, partner, at.replace(tzinfo=UTC), seen.replace(tzinfo=UTC) if seen else None)
        for program, partner, at, seen in rows
    ]


_SEEN = """
    seen.program_id = history.program_id
    AND seen.partner_id = history.partner_id
    AND seen.transitioned_at = history.valid_from
    AND seen.relationship_stage = history.relationship_stage"""

_UNSEEN = f"""
    SELECT history.program_id, history.partner_id, greatest(history.valid_from, ?), seen.seen_as_of
    FROM marts.fct_relationship_history AS history
    LEFT JOIN raw.seen_transitions AS seen ON {_SEEN}
    WHERE history.valid_from < ? AND (seen.program_id IS NULL OR seen.seen_as_of >= ?)"""

_RECORD_FIRST = """
    CREATE TABLE raw.seen_transitions AS
    SELECT
        program_id, partner_id, valid_from AS transitioned_at, relationship_stage, CAST(NULL AS TIMESTAMP) AS seen_as_of
    FROM marts.fct_relationship_history"""

_RECORD = f"""
    INSERT INTO raw.seen_transitions
    SELECT program_id, partner_id, valid_from, relationship_stage, CAST(? AS TIMESTAMP)
    FROM marts.fct_relationship_history AS history
    WHERE NOT EXISTS (SELECT 1 FROM raw.seen_transitions AS seen WHERE {_SEEN})"""
