"""Replay: many hours of workflows at once, with the ledger that they would have written.

One statement evaluates the segments for many hours, since the facts hold history and the hours are a value of the
statement. One hour affects later ones in two ways only: a workflow contacts a partner once (and accepts an application
once), and an email moves its partner from New to Outreach. So the hours of a batch are evaluated together, the first
contact of each partner is recorded, the stages are computed again from the events and these contacts, and the segments
with conditions on such stages are evaluated again, until there is no new contact. Partners affect each other only
through the limit: when one of these segments is over the limit in a batch, its hours are replayed one by one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import pandas
from sqlglot import exp

from compiler import AcceptApplication, Compiler, Workflow
from compiler.segment_tree import AnyOf, NoneOf
from compiler.sql.dialect import constant, literal
from compiler.sql.predicates import selected_stages
from flows.clock import next_hour
from flows.preview import replay_sql
from flows.preview.compiled_models import EVENTS, HISTORY, SENT_EMAILS, CompiledModels
from flows.preview.hours import create_temp_table
from flows.warehouse.connection import Connection, fetch_row
from flows.warehouse.evaluations import Hour, batches, stored_text
from flows.warehouse.programs import time_zones

LIMIT = 10_000
""" "The partner segment is limited to 10,000 email addresses" (Create & Manage Email Workflows)."""

MOVED_BY_EMAIL = {"None", "New", "Outreach"}
"""The stages that an email moves a partner from, and to."""


@dataclass(frozen=True)
class Send:
    """A workflow's contact with a partner at an hour (UTC).

    `contract_id` is the accepted application, empty for an email; `emails` the number of emails, 0 for an application.
    """

    as_of: datetime
    workflow_id: str
    program_id: str
    partner_id: str
    contract_id: str
    emails: int

    def as_json(self) -> dict[str, Any]:
        """Return the contact with its time in ISO 8601."""
        return asdict(self) | {"as_of": self.as_of.isoformat().replace("+00:00", "Z")}


@dataclass(frozen=True)
class LimitBreach:
    """Consecutive hours (UTC, both inclusive) at which a segment is over the limit, and its most addresses in them."""

    workflow_id: str
    first: datetime
    last: datetime
    addresses: int

    def as_json(self) -> dict[str, Any]:
        """Return the hours in ISO 8601 and the number of addresses."""
        times = {name: getattr(self, name).isoformat().replace("+00:00", "Z") for name in ("first", "last")}
        return times | {"addresses": self.addresses}


class Replay:
    """A replay of some workflows in temporary tables of a session.

    `models` are those of the last build. `zone` is the deployment's: its hours are those of the runs.
    """

    def __init__(
        self,
        connection: Connection,
        workflows: Sequence[Workflow],
        compiler: Compiler,
        models: CompiledModels,
        zone: ZoneInfo,
        limit: int = LIMIT,
    ):
        self.workflows = tuple(workflows)
        self.zone = zone
        self.limit_breaches: list[LimitBreach] = []
        self._connection, self._compiler, self._models, self._limit = connection, compiler, models, limit
        self._moved_by_email = [one for one in workflows if self._depends_on_own_emails(one)]
        self._independent = [one for one in workflows if not self._depends_on_own_emails(one)]
        self._values: dict[str, exp.Expr] = {}
        self._hours: Sequence[Hour] = ()

    def programs(self) -> list[tuple[str, str]]:
        """Return the ids and time zones of the programs of the workflows, without those that have no valid one."""
        ids = {one.program for one in self.workflows}
        return [(program, zone) for program, zone in time_zones(self._connection).items() if program in ids]

    def run(self, hours: Sequence[Hour]) -> None:
        """Replay these hours, in batches."""
        if not hours:
            return
        self._begin(sorted({one.as_of for one in hours}))
        for batch in batches(self._connection, hours):
            self._batch(batch)

    def sends(self) -> list[Send]:
        """Return what was sent, by hour, workflow, program, partner and contract."""
        rows = self._connection.execute("""
            SELECT as_of, workflow_id, program_id, partner_id, contract_id, emails FROM simulated_sends
            ORDER BY as_of, workflow_id, program_id, partner_id, contract_id""").fetchall()
        return [Send(as_of.replace(tzinfo=UTC), *rest) for as_of, *rest in rows]

    def _depends_on_own_emails(self, workflow: Workflow) -> bool:
        """Return whether one of our emails can move a partner into its segment or out of it."""
        conditions = [one for part in workflow.with_named() for one in part.segment]
        fields = ((one, self._compiler.builder.field(one)) for one in conditions)
        named = [
            selected_stages(one, field)
            for one, field in fields
            if isinstance(one, AnyOf | NoneOf) and field.kind == "stage" and field.grain == "partner"
        ]
        names_workflows = any(self._compiler.builder.field(one).grain == "contact" for one in conditions)
        return names_workflows or any(MOVED_BY_EMAIL.intersection(values) for values in named)

    def _begin(self, instants: Sequence[datetime]) -> None:
        """Restore the ledger as of the first instant: without what these workflows did from then on."""
        self._table("simulated_workflows", self._compiler.workflows(self.workflows))
        self._table("simulated_runs", constant(replay_sql.NO_RUNS))
        runs = [(_naive(instant), _naive(next_hour(self.zone, instant))) for instant in instants]
        columns = exp.Schema(this=exp.to_table("simulated_runs"), expressions=[*map(exp.to_identifier, _RUN_COLUMNS)])
        self._connection.append(columns, pandas.DataFrame(runs, columns=_RUN_COLUMNS))
        self._table("simulated_addresses", constant(replay_sql.ADDRESSES))
        self._table("simulated_sends", constant(replay_sql.NO_SENDS))
        first = {"first": literal(stored_text(instants[0]))}
        self._values[SENT_EMAILS] = exp.replace_placeholders(constant(replay_sql.SENT_EMAILS), **first)
        self._table("simulated_contacted", self._models.given(constant(replay_sql.CONTACTED), self._values))
        self._make_stages()

    def _batch(self, hours: Sequence[Hour]) -> None:
        self._hours = hours
        if self._independent:
            self._evaluate(self._independent)
            self._record_breaches(self._over_limit())
            if self._record(replay_sql.OF_EACH_HOUR):
                self._make_stages()
        if self._moved_by_email:
            self._table("simulated_before", constant("SELECT * FROM simulated_sends"))
            if not self._settle(is_one_hour=False):
                self._hour_by_hour(hours)

    def _hour_by_hour(self, hours: Sequence[Hour]) -> None:
        """Replay the segments that depend on our own emails hour by hour, after undoing the batch."""
        self._table("simulated_undone", constant(replay_sql.SINCE_BEFORE))
        for statement in replay_sql.UNDO:
            self._connection.execute(statement)
        self._make_stages()
        for _, together in groupby(hours, key=lambda one: one.as_of):
            self._hours = list(together)
            self._settle(is_one_hour=True)

    def _settle(self, is_one_hour: bool) -> bool:
        """Record first contacts until there are none left; return False if the hours must be replayed one by one.

        They must when a segment is over the limit, since the limit then depends on the contacts of earlier hours.
        """
        while True:
            self._evaluate(self._moved_by_email)
            over = self._over_limit()
            if over and not is_one_hour:
                return False
            taken = self._record(replay_sql.OF_THE_FIRST_HOUR)
            if taken:
                self._make_stages()
            if not taken or is_one_hour:
                self._record_breaches(over)
                return True

    def _evaluate(self, workflows: Sequence[Workflow]) -> None:
        accepting = [one for one in workflows if isinstance(one.action, AcceptApplication)]
        members, applications = self._compiler.membership(workflows), self._compiler.applications(accepting)
        self._table("simulated_members", self._models.at(self._hours, members, self._values))
        self._table("simulated_applications", self._models.at(self._hours, applications, self._values))

    def _over_limit(self) -> list[tuple[str, datetime, int]]:
        over_limit = exp.replace_placeholders(constant(replay_sql.OVER_LIMIT), limit=literal(self._limit))
        self._table("simulated_over_limit", over_limit)
        query = "SELECT workflow_id, as_of, addresses FROM simulated_over_limit ORDER BY workflow_id, as_of"
        rows: list[tuple[str, datetime, int]] = self._connection.execute(query).fetchall()
        return rows

    def _record(self, chosen: str) -> int:
        """Record contacts in the ledger, and return their number."""
        self._table("simulated_candidates", constant(replay_sql.CANDIDATES))
        self._table("simulated_new", constant(chosen))
        for statement in replay_sql.RECORD:
            self._connection.execute(statement)
        return int(fetch_row(self._connection, "SELECT count(*) FROM simulated_new")[0])

    def _table(self, name: str, query: exp.Expr) -> None:
        create_temp_table(self._connection, name, query)

    def _make_stages(self) -> None:
        """Compute the relationship stages by the project's own models, from the events and the ledger as it is now."""
        if self._moved_by_email:
            for relation, name in ((EVENTS, "simulated_events"), (HISTORY, "simulated_history")):
                self._table(name, self._models.given(self._models.query(relation), self._values))
                self._values[relation] = exp.to_table(name)

    def _record_breaches(self, over: Iterable[tuple[str, datetime, int]]) -> None:
        for workflow_id, as_of, addresses in over:
            hour = as_of.replace(tzinfo=UTC)
            before = next((one for one in reversed(self.limit_breaches) if one.workflow_id == workflow_id), None)
            if before and (hour - before.last).total_seconds() <= 3600:
                self.limit_breaches.remove(before)
                self.limit_breaches.append(replace(before, last=hour, addresses=max(before.addresses, addresses)))
            else:
                self.limit_breaches.append(LimitBreach(workflow_id, hour, hour, addresses))


_RUN_COLUMNS = ["as_of", "run_at"]


def _naive(instant: datetime) -> datetime:
    return instant.replace(tzinfo=None)
