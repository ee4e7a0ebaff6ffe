"""Replay: many hours of workflows at once, with the ledger that they would have written.

One statement evaluates the segments for many hours, since the facts hold history and raw.evaluations may hold any
hours. One hour affects later ones in two ways only: a workflow contacts a partner once (and accepts an application
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

from compiler import AcceptApplication, Compiler, Workflow
from compiler.segment_tree import AnyOf, NoneOf
from compiler.sql.dialect import to_sql
from compiler.sql.predicates import selected_stages
from flows.clock import next_hour
from flows.preview import replay_sql
from flows.preview.hours import create_temp_table
from flows.preview.stage_models import StageModel
from flows.warehouse.connection import Connection, fetch_row
from flows.warehouse.evaluations import Hour, batches, write_evaluations
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
    """A replay of some workflows in a transaction of the warehouse, which must be rolled back.

    `zone` is the deployment's: its hours are those of the runs.
    """

    def __init__(
        self,
        connection: Connection,
        workflows: Sequence[Workflow],
        compiler: Compiler,
        models: Sequence[StageModel],
        zone: ZoneInfo,
        limit: int = LIMIT,
    ):
        self.workflows = tuple(workflows)
        self.zone = zone
        self.limit_breaches: list[LimitBreach] = []
        self._connection, self._compiler, self._models, self._limit = connection, compiler, models, limit
        self._moved_by_email = [one for one in workflows if self._depends_on_own_emails(one)]
        self._independent = [one for one in workflows if not self._depends_on_own_emails(one)]

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
        self._table("simulated_workflows", to_sql(self._compiler.workflows(self.workflows)))
        self._connection.execute("CREATE TEMP TABLE simulated_limit (addresses BIGINT)")
        self._connection.execute("INSERT INTO simulated_limit VALUES (?)", [self._limit])
        self._connection.execute("CREATE TEMP TABLE simulated_runs (as_of TIMESTAMP, run_at TIMESTAMP)")
        runs = [_naive(instants), _naive(next_hour(self.zone, instant) for instant in instants)]
        self._connection.execute("INSERT INTO simulated_runs SELECT unnest(?), unnest(?)", runs)
        self._connection.execute(replay_sql.DELETE_OWN_SENDS, [instants[0].replace(tzinfo=None)])
        self._table("simulated_addresses", replay_sql.ADDRESSES)
        self._table("simulated_contacted", replay_sql.CONTACTED)
        self._table("simulated_sends", replay_sql.NO_SENDS)
        self._make_stages()

    def _batch(self, hours: Sequence[Hour]) -> None:
        write_evaluations(self._connection, hours)
        if self._independent:
            self._evaluate(self._independent)
            self._record_breaches(self._over_limit())
            if self._record(replay_sql.OF_EACH_HOUR):
                self._make_stages()
        if self._moved_by_email:
            self._table("simulated_before", "SELECT * FROM simulated_sends")
            if not self._settle(is_one_hour=False):
                self._hour_by_hour(hours)

    def _hour_by_hour(self, hours: Sequence[Hour]) -> None:
        """Replay the segments that depend on our own emails hour by hour, after undoing the batch."""
        self._table("simulated_undone", replay_sql.SINCE_BEFORE)
        for statement in replay_sql.UNDO:
            self._connection.execute(statement)
        self._make_stages()
        for _, together in groupby(hours, key=lambda one: one.as_of):
            write_evaluations(self._connection, list(together))
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
        self._table("simulated_members", to_sql(self._compiler.membership(workflows)))
        accepting = [one for one in workflows if isinstance(one.action, AcceptApplication)]
        self._table("simulated_applications", to_sql(self._compiler.applications(accepting)))

    def _over_limit(self) -> list[tuple[str, datetime, int]]:
        self._table("simulated_over_limit", replay_sql.OVER_LIMIT)
        query = "SELECT workflow_id, as_of, addresses FROM simulated_over_limit ORDER BY workflow_id, as_of"
        rows: list[tuple[str, datetime, int]] = self._connection.execute(query).fetchall()
        return rows

    def _record(self, chosen: str) -> int:
        """Record contacts in the ledger, and return their number."""
        self._table("simulated_candidates", replay_sql.CANDIDATES)
        self._table("simulated_new", chosen)
        for statement in replay_sql.RECORD:
            self._connection.execute(statement)
        return int(fetch_row(self._connection, "SELECT count(*) FROM simulated_new")[0])

    def _table(self, name: str, query: str) -> None:
        create_temp_table(self._connection, name, query)

    def _make_stages(self) -> None:
        """Compute the relationship stages by the project's own models, from the events and the ledger as it is now."""
        if self._moved_by_email:
            for model in self._models:
                self._connection.execute(f"DELETE FROM {model.relation}")
                self._connection.execute(f"INSERT INTO {model.relation} {model.sql}")

    def _record_breaches(self, over: Iterable[tuple[str, datetime, int]]) -> None:
        for workflow_id, as_of, addresses in over:
            hour = as_of.replace(tzinfo=UTC)
            before = next((one for one in reversed(self.limit_breaches) if one.workflow_id == workflow_id), None)
            if before and (hour - before.last).total_seconds() <= 3600:
                self.limit_breaches.remove(before)
                self.limit_breaches.append(replace(before, last=hour, addresses=max(before.addresses, addresses)))
            else:
                self.limit_breaches.append(LimitBreach(workflow_id, hour, hour, addresses))


def _naive(instants: Iterable[datetime]) -> list[datetime]:
    return [instant.replace(tzinfo=None) for instant in instants]
