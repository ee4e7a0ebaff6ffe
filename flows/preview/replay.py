"""Replay: many hours of workflows at once, with the ledger that they would have written.

One statement evaluates the segments for many hours, since the facts hold history and the hours are a value of the
statement. One hour affects later ones in three ways only: a workflow contacts a partner once (and accepts an
application once), an email moves its partner from New to Outreach and is known to Contacted By conditions from the next
hour on, and the contact policy makes an email wait, after which its partner must still qualify.

So the hours of a batch are evaluated together, and the simulated ledger goes through them one by one. Then the stages
are computed again with the emails that left, the segments that depend on them and the partners that waited are
evaluated again, and the ledger goes through the hours once more, until nothing changes. Each time one more hour, at
least, is as in real runs, because an hour depends on earlier ones only; so the end is what real runs do.

The hours of a batch are in a temporary table, so the statements are the same for each batch and are written once.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas
from sqlglot import exp

from compiler import AcceptApplication, Compiler, ContactPolicy, Workflow
from compiler.segment_reader import selected_stages
from compiler.segment_tree import AnyOf, NoneOf
from compiler.sql.dialect import constant, literal, table
from compiler.sql.recheck import recheck_segments
from flows.clock import next_hour
from flows.ledger.delivery import Delivery
from flows.ledger.holdout import Holdouts
from flows.plan.plan import PartnerOfWorkflow
from flows.preview import replay_sql
from flows.preview.compiled_models import EVALUATIONS, EVENTS, HISTORY, SENT_EMAILS, CompiledModels
from flows.preview.hours import create_temp_table, drop_temp_table, temp_table
from flows.preview.simulated_ledger import (
    DeferredEmail,
    Departure,
    HeldOut,
    Release,
    SimulatedLedger,
    contact_of,
    simulated_delivery,
)
from flows.sending.contact_policy import Requalify, SendingHour, partner_of_email
from flows.warehouse.connection import Connection
from flows.warehouse.evaluations import Hour, as_query, batches, evaluation_hours, stored_text
from flows.warehouse.partner_zones import read_partner_zones
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


Sentences = tuple[str, ...]

Request = tuple[PartnerOfWorkflow, datetime]
"""A partner that has waited, to be checked again at an hour (UTC, without a time zone)."""


@dataclass(frozen=True)
class _Feedback:
    """What the ledger of a batch says about the evaluation that it is made from.

    That one is right if it was made with the same departures and releases, and with the answers to these requests.
    """

    departures: frozenset[Departure] = frozenset()
    releases: frozenset[Release] = frozenset()
    requests: frozenset[Request] = frozenset()


@dataclass(frozen=True)
class _Evaluated:
    """Whom workflows may contact first at the hour of a run, and the hours at which a segment is over the limit."""

    candidates: tuple[Delivery, ...] = ()
    over_limit: tuple[tuple[str, datetime, int], ...] = ()


class Replay:
    """A replay of some workflows in temporary tables of a session.

    `models` are those of the last build. `zone` is the deployment's: its hours are those of the runs. Without a
    `policy`, every email leaves at once, whatever send window its workflow has. Without `holdouts`, nobody is held out.
    """

    def __init__(
        self,
        connection: Connection,
        workflows: Sequence[Workflow],
        compiler: Compiler,
        models: CompiledModels,
        zone: ZoneInfo,
        limit: int = LIMIT,
        policy: ContactPolicy | None = None,
        holdouts: Holdouts | None = None,
    ):
        self.workflows = tuple(workflows)
        self.zone = zone
        self.limit_breaches: list[LimitBreach] = []
        self._connection, self._compiler, self._models, self._limit = connection, compiler, models, limit
        self._reads_own_emails = any(self._depends_on_own_emails(one) for one in workflows)
        feedback = len(self.workflows) > 1 or policy is not None
        self._moved_by_email = [one for one in workflows if feedback and self._depends_on_own_emails(one)]
        self._independent = [one for one in workflows if one not in self._moved_by_email]
        self._values: dict[str, exp.Expr] = {EVALUATIONS: exp.to_table(_HOURS)}
        self._written: dict[tuple[str, ...], str] = {}
        self._ledger = SimulatedLedger(policy or ContactPolicy(), holdouts or Holdouts())
        self._sending = workflows if policy else [replace(one, send_window=None) for one in workflows]
        self._departures: list[Departure] = []
        self._held_out: list[HeldOut] = []
        self._zones = dict(self.programs())
        self._partner_zones = read_partner_zones(connection, self._ledger.policy, self._sending).zones

    def programs(self) -> list[tuple[str, str]]:
        """Return the ids and time zones of the programs of the workflows, without those that have no valid one."""
        ids = {one.program for one in self.workflows}
        return [(program, zone) for program, zone in time_zones(self._connection).items() if program in ids]

    @property
    def has_feedback(self) -> bool:
        """Return whether the emails of an hour can change who is in a segment later.

        Those of one workflow alone do not, if each leaves at once: it contacts a partner only once.
        """
        return bool(self._moved_by_email)

    def run(self, hours: Sequence[Hour], at_once: int | None = None) -> None:
        """Replay these hours, in batches: of a number of instants that suits the account, or of `at_once`."""
        if not hours:
            return
        self._begin(sorted({one.as_of for one in hours}))
        waiting: list[Hour] = []
        for batch in batches(self._connection, hours, at_once):
            given = [*waiting, *batch]
            whole = [one for one in given if next_hour(self.zone, one.as_of) <= given[-1].as_of]
            waiting = given[len(whole) :]
            self._batch(whole)
        self._batch(waiting)

    def held_out(self) -> list[HeldOut]:
        """Return who is held out, by hour, workflow, program and partner. Times are UTC."""
        found = [one._replace(as_of=one.as_of.replace(tzinfo=UTC)) for one in self._held_out]
        return sorted(found, key=lambda one: (one.as_of, one))

    def sends(self) -> list[Send]:
        """Return what left, by hour, workflow, program, partner and contract."""
        ordered = sorted(self._departures, key=lambda one: (one.as_of, one))
        return [Send(one.as_of.replace(tzinfo=UTC), *one[:4], len(one.emails)) for one in ordered]

    def most_emails(self, per: Literal["partner", "address"], hours: int) -> int:
        """Return the most emails that leave to one partner, or to one address, in any row of evaluation hours."""
        left: dict[tuple[str, ...], list[datetime]] = defaultdict(list)
        for one in sorted(self._departures, key=lambda one: one.as_of):
            for email in one.emails:
                left[(one.program_id, one.partner_id) if per == "partner" else (email,)].append(one.as_of)
        period = timedelta(hours=hours)
        counts = (
            bisect_left(found, at + period) - number for found in left.values() for number, at in enumerate(found)
        )
        return max(counts, default=0)

    def deferred(self) -> list[DeferredEmail]:
        """Return the emails that had to wait, by hour, workflow, program, partner and address. Times are UTC."""
        found = [replace(one, **_aware(one)) for one in self._ledger.deferred.values()]
        return sorted(found, key=lambda one: (one.as_of, one.workflow_id, one.program_id, one.partner_id, one.email))

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
        self._append("simulated_runs", ["as_of", "run_at"], runs)
        self._table("simulated_addresses", constant(replay_sql.ADDRESSES))
        self._table("simulated_sends", constant(replay_sql.NO_SENDS))
        first = {"first": literal(stored_text(instants[0]))}
        self._values[SENT_EMAILS] = exp.replace_placeholders(constant(replay_sql.SENT_EMAILS), **first)
        waiting = exp.replace_placeholders(constant(replay_sql.WAITING), **first)
        for *partner, email, as_of, reason in self._connection.execute(waiting).fetchall():
            one = simulated_delivery((partner[0], partner[1], partner[2], ""), email, as_of)
            self._ledger.contacted.add(contact_of(one))
            self._ledger.decided.add(partner_of_email(one))
            self._ledger.make_wait(one, runs[0][1], reason or "Waits since it was claimed.", as_of)
        self._table("simulated_known", self._models.given(constant(replay_sql.CONTACTED), self._values))
        self._ledger.decided.update(self._rows(self._models.given(constant(replay_sql.UNSENT), self._values)))
        self._count_earlier_emails(_naive(instants[0]))
        left_out = exp.replace_placeholders(constant(replay_sql.LEFT_OUT), **first)
        if self._moved_by_email or (self._reads_own_emails and self._rows(left_out)):
            self._make_stages()
        else:  # the emails of the replay change no stage that a segment names, so those of the account are right
            self._values[HISTORY] = table(HISTORY)

    def _count_earlier_emails(self, first: datetime) -> None:
        """Count the emails that the caps have to know, before the first instant and those of other workflows."""
        policy = self._ledger.policy
        if not policy.caps:
            return
        since = first - timedelta(hours=max(cap.hours for cap in policy.caps))
        query = exp.replace_placeholders(constant(replay_sql.SENDING_HOURS), since=literal(stored_text(since)))
        for workflow_id, program, partner, email, hour in self._rows(self._models.given(query, self._values)):
            if workflow_id not in policy.exempt:
                self._ledger.sent.add_keys([(program, partner), (email or "",)], hour)

    def _batch(self, hours: Sequence[Hour]) -> None:
        """Replay hours, sorted, until the ledger is the one that they are evaluated with (see the top of this file)."""
        if not hours:
            return
        self._table("simulated_contacted", constant("SELECT * FROM simulated_known"))
        self._append("simulated_contacted", [*_KEY, "contract_id"], sorted(self._ledger.contacted))
        self._table(_HOURS, as_query(hours))
        self._connection.analyze(exp.to_table(_HOURS))
        steady, moving = self._evaluate(self._independent), self._evaluate(self._moved_by_email)
        answers, known = dict[Request, Sentences](), _Feedback()
        while True:
            ledger, found = self._walk(hours, [*steady.candidates, *moving.candidates], answers)
            if found == known:
                break
            self._write(found.departures)
            if found.releases != known.releases:
                steady = self._evaluate(self._independent, found.releases)
            moving = self._evaluate(self._moved_by_email, found.releases)
            known, answers = found, self._checked_again(found.requests)
        self._departures += ledger.departures
        self._held_out += ledger.held_out
        self._ledger = ledger.copy()
        self._record_breaches([*steady.over_limit, *moving.over_limit])

    def _walk(
        self, hours: Sequence[Hour], candidates: Iterable[Delivery], answers: Mapping[Request, Sentences]
    ) -> tuple[SimulatedLedger, _Feedback]:
        """Return the ledger after the runs of these hours, and what it says about their evaluation."""
        ledger, requests, by_run = self._ledger.copy(), set[Request](), defaultdict[datetime, list[Delivery]](list)
        for one in candidates:
            by_run[one.as_of].append(one)
        programs = defaultdict[datetime, set[str]](set)
        for hour in hours:
            programs[_naive(next_hour(self.zone, hour.as_of))].add(hour.program_id)
        for run_at in sorted(programs):
            workflows = [one for one in self._sending if one.program in programs[run_at]]
            sending = SendingHour(run_at, ledger.policy, workflows, self._zones, self._partner_zones)
            ledger.run(sending, by_run[run_at], _requalify(run_at, answers, requests))
        departures = frozenset(ledger.departures if self._moved_by_email else ())
        return ledger, _Feedback(departures, frozenset(ledger.releases), frozenset(requests))

    def _evaluate(self, workflows: Sequence[Workflow], releases: Collection[Release] = ()) -> _Evaluated:
        """Return whom these workflows may contact at the hours of the batch, with the stages as they are now."""
        if not workflows:
            return _Evaluated()
        accepting = [one for one in workflows if isinstance(one.action, AcceptApplication)]
        ids = [one.id for one in workflows]
        self._table_by_models("simulated_members", partial(self._compiler.membership, workflows), *ids)
        self._table_by_models("simulated_applications", partial(self._compiler.applications, accepting), *ids)
        over_limit = exp.replace_placeholders(constant(replay_sql.OVER_LIMIT), limit=literal(self._limit))
        self._table("simulated_over_limit", over_limit)
        self._table("simulated_releases", constant(replay_sql.NO_RELEASES))
        self._append("simulated_releases", [*_KEY, "as_of"], sorted(releases))
        found = sorted(set(self._rows(constant(replay_sql.CANDIDATES))))
        over = self._rows("SELECT workflow_id, as_of, addresses FROM simulated_over_limit ORDER BY workflow_id, as_of")
        candidates = tuple(simulated_delivery((one[0], one[1], one[2], one[3]), one[4], one[5]) for one in found)
        return _Evaluated(candidates, tuple((name, as_of, count) for name, as_of, count in over))

    def _checked_again(self, requests: Collection[Request]) -> dict[Request, Sentences]:
        """Return the conditions that partners no longer meet at the hours of these requests."""
        if not requests:
            return {}
        named = {workflow_id for (workflow_id, _, _), _ in requests}
        segments = recheck_segments([one for one in self.workflows if one.id in named], self._compiler.builder)
        rows = [
            (name, *who[1:], hour)
            for who, hour in requests
            for name, one in segments.items()
            if one.workflow_id == who[0]
        ]
        self._table("simulated_requests", constant(replay_sql.NO_REQUESTS))
        self._append("simulated_requests", [*_KEY, "as_of"], sorted(rows))
        self._table("simulated_chosen", constant("SELECT DISTINCT program_id, partner_id FROM simulated_requests"))
        instants = sorted({(hour.replace(tzinfo=UTC), who[1]) for who, hour in requests})
        hours = [one for at, program in instants for one in evaluation_hours(self._zones, at, programs=[program])]
        members = self._compiler.membership([one.workflow for one in segments.values()], among=CHOSEN)
        values = {**self._values, CHOSEN: exp.to_table("simulated_chosen")}
        holding = self._models.at(hours, members, values)
        met = set(self._rows(self._models.given(constant(replay_sql.REQUESTED), {"rechecked_members": holding})))
        failed = defaultdict[Request, list[str]](list)
        for name, program, partner, hour in rows:
            if (name, program, partner, hour) not in met:
                failed[(segments[name].workflow_id, program, partner), hour].append(segments[name].sentence)
        return {request: tuple(sentences) for request, sentences in failed.items()}

    def _write(self, departures: Iterable[Departure]) -> None:
        """Make these the emails of the batch, and compute the stages with them."""
        self._table("simulated_sends", constant(replay_sql.NO_SENDS))
        rows = sorted({one[:5] for one in (*self._departures, *departures)})
        self._append("simulated_sends", [*_KEY, "contract_id", "as_of"], rows)
        self._make_stages()

    def _make_stages(self) -> None:
        """Compute the relationship stages by the project's own models, from the events and the ledger as it is now."""
        for relation, name in ((EVENTS, "simulated_events"), (HISTORY, "simulated_history")):
            self._table_by_models(name, partial(self._models.query, relation))
            self._values[relation] = exp.to_table(name)

    def _table_by_models(self, name: str, query: Callable[[], exp.Expr], *of: str) -> None:
        """Create a temporary table from a query that reads the values of the replay; written once for each `of`."""
        if (name, *of) not in self._written:
            statement = temp_table(name, self._models.given(query(), self._values))
            self._written[name, *of] = self._connection.written(statement)
        drop_temp_table(self._connection, name)
        self._connection.execute(self._written[name, *of])

    def _table(self, name: str, query: exp.Expr) -> None:
        create_temp_table(self._connection, name, query)

    def _append(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            schema = exp.Schema(this=exp.to_table(name), expressions=[exp.to_identifier(one) for one in columns])
            self._connection.append(schema, pandas.DataFrame(rows, columns=[*columns]))

    def _rows(self, query: str | exp.Expr) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._connection.execute(query).fetchall()]

    def _record_breaches(self, over: Iterable[tuple[str, datetime, int]]) -> None:
        for workflow_id, as_of, addresses in over:
            hour = as_of.replace(tzinfo=UTC)
            before = next((one for one in reversed(self.limit_breaches) if one.workflow_id == workflow_id), None)
            if before and (hour - before.last).total_seconds() <= 3600:
                self.limit_breaches.remove(before)
                self.limit_breaches.append(replace(before, last=hour, addresses=max(before.addresses, addresses)))
            else:
                self.limit_breaches.append(LimitBreach(workflow_id, hour, hour, addresses))


_KEY = ("workflow_id", "program_id", "partner_id")

_HOURS = "simulated_hours"

CHOSEN = "raw.chosen_partners"
"""The relation in place of which a statement reads the partners that are checked again."""


def _requalify(run_at: datetime, answers: Mapping[Request, Sentences], requests: set[Request]) -> Requalify:
    """Return the check of partners at a run, which notes what it is asked; without an answer, a partner qualifies."""

    def requalify(partners: set[PartnerOfWorkflow]) -> Mapping[PartnerOfWorkflow, Sentences]:
        asked = {(one, run_at) for one in partners}
        requests.update(asked)
        return {one: answers[one, at] for one, at in asked if (one, at) in answers}

    return requalify


def _naive(instant: datetime) -> datetime:
    return instant.replace(tzinfo=None)


def _aware(one: DeferredEmail) -> dict[str, Any]:
    times = {name: getattr(one, name) for name in ("as_of", "not_before", "ended")}
    return {name: at and at.replace(tzinfo=UTC) for name, at in times.items()}
