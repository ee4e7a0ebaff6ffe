"""The most emails that one partner can get in an hour, a day and 30 days, by the definitions and the contact policy.

The bound from above is proven (compiler/analysis/bound.py). Whether a partner reaches it is found by running the hours
of its history with the decision of the contact policy. All hours are taken to have a run that evaluates them in time,
and all emails to be accepted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import chain, islice, product
from math import ceil
from typing import Any

from compiler import Compiler, ContactPolicy, SendEmail, Workflow
from compiler.analysis.bound import ContactBound, SegmentOfBound, segments_of
from compiler.analysis.history import PartnerHistory
from flows.ledger.delivery import Delivery
from flows.plan.plan import PartnerOfWorkflow
from flows.preview.simulated_ledger import Departure, SimulatedLedger, simulated_delivery
from flows.sending.contact_policy import Requalify, SendingHour

PARTNER = "p"

HOUR = timedelta(hours=1)

MICROSECOND = timedelta(microseconds=1)

TIMES = (time(), time(12), time(23, 30))
"""The times of day at which the transitions and actions of a history are tried."""

BEGINS = (time(), time(1), time(12), time(13))
"""The times of day from which on the partner's address is known."""

MAX_TRIES = 150
"""Histories of one kind, each with the first hour of its partner's address, that are tried for one period."""


@dataclass(frozen=True)
class Period:
    """A number of consecutive runs, and how many days their first and last local date can lie apart.

    The run of midnight evaluates the end of the day before, too, and a day on which clocks skip an hour has 23 runs.
    """

    name: str
    hours: int
    days: int


HOURS_OF_A_DAY = 24

PERIODS = (Period("hour", 1, 1), Period("day", HOURS_OF_A_DAY, 2), Period("30 days", 720, 31))


@dataclass(frozen=True)
class Witness:
    """A partner's history (program zone UTC), and the emails that it gets in some period: workflow and hour (UTC).

    The partner's address is known from the run of the hour `since` on; before, it has none and is not contacted.
    """

    history: PartnerHistory
    since: datetime = datetime(2000, 1, 1)
    emails: tuple[tuple[str, datetime], ...] = ()


@dataclass(frozen=True)
class EmailBound:
    """The most emails that a partner of a program can get at one address in a period.

    No partner gets more than `at_most`, and the witness gets as many as it has emails.
    """

    program_id: str
    period: str
    at_most: int
    witness: Witness

    @property
    def reached(self) -> int:
        """Return the number of emails of the witness."""
        return len(self.witness.emails)

    def as_json(self) -> dict[str, Any]:
        """Return the bound and its witness as JSON values."""
        emails = [{"workflow_id": name, "as_of": f"{hour.isoformat()}Z"} for name, hour in self.witness.emails]
        return {
            "program_id": self.program_id, "period": self.period, "at_most": self.at_most, "reached": self.reached,
            "witness": self.witness.history.as_json()
            | {"address_since": f"{self.witness.since.isoformat()}Z", "emails": emails},
        }  # fmt: skip


def email_bounds(
    workflows: Iterable[Workflow], policy: ContactPolicy, compiler: Compiler, on: date, with_witness: bool = True
) -> list[EmailBound]:
    """Return the bounds of each program that has email workflows, for each of PERIODS.

    Witnesses are searched unless `with_witness` is false, and are as of the local date `on`, unless segments name dates
    that exclude it.
    """
    emails = [one for one in workflows if isinstance(one.action, SendEmail)]
    found = []
    for program in sorted({one.program for one in emails}):
        mine = [one for one in emails if one.program == program]
        bound = _ProgramBound(program, mine, policy, segments_of(mine, compiler.builder, on), on)
        found += [bound.of(period, with_witness) for period in PERIODS]
    return found


class _ProgramBound:
    """The bounds of one program."""

    def __init__(
        self,
        program: str,
        workflows: Sequence[Workflow],
        policy: ContactPolicy,
        segments: list[SegmentOfBound],
        on: date,
    ):
        self.program, self.workflows, self.policy, self.segments = program, workflows, policy, segments
        self.contacts = ContactBound(segments, on)
        self.on = on

    def of(self, period: Period, with_witness: bool) -> EmailBound:
        """Return the bound for a period, and the best witness."""
        at_most, sets, days = self._from_above(period)
        best = Witness(PartnerHistory(()))
        tries: Iterator[tuple[PartnerHistory, datetime]] = islice(self._tries(sets, days), MAX_TRIES)
        if period.hours > HOURS_OF_A_DAY and any(self._may_wait(one) for one in self.workflows):
            tries = chain(islice(self._tries_apart(sets, days), MAX_TRIES), tries)
        for history, since in tries if with_witness else ():
            run = _HistoryRun(self.program, self.workflows, self.policy, self.segments, history)
            emails = _most_emails(run.departures(since, period), period.hours)
            if len(emails) > len(best.emails):
                best = Witness(history, since, tuple(emails))
            if len(best.emails) >= at_most:
                break
        return EmailBound(self.program, period.name, at_most, best)

    def _from_above(self, period: Period) -> tuple[int, list[tuple[SegmentOfBound, ...]], int]:
        """Return the bound, sets of workflows that may reach it, and how many days their claims may lie apart."""
        ids = frozenset(one.id for one in self.segments)
        waiting = frozenset(one.id for one in self.workflows if self._may_wait(one))
        days = period.days + (self.policy.max_delay_days if waiting else 0)
        at_most, sets = self.contacts.most(days, is_one_run=period.hours == 1 and not waiting)
        if not self.policy.caps:
            return at_most, sets, days
        limited = min(cap.limit * ceil(period.hours / cap.hours) for cap in self.policy.caps)
        exempt, _ = self.contacts.most(days, ids & self.policy.exempt)
        return min(at_most, limited + exempt), sets, days

    def _may_wait(self, workflow: Workflow) -> bool:
        is_limited = bool(self.policy.caps) and workflow.id not in self.policy.exempt
        return is_limited or (workflow.send_window or self.policy.send_window) is not None

    def _tries(
        self, sets: Sequence[tuple[SegmentOfBound, ...]], days: int
    ) -> Iterator[tuple[PartnerHistory, datetime]]:
        for chosen in sets:
            for history, dates in self.contacts.histories(chosen, days):
                for at in TIMES:
                    timed = replace(history, at=at)
                    hours = [datetime.combine(day, begin) for day in dates for begin in BEGINS]
                    yield from ((timed, hour) for hour in sorted({*hours[:4], *hours[-8:]}))

    def _tries_apart(
        self, sets: Sequence[tuple[SegmentOfBound, ...]], days: int
    ) -> Iterator[tuple[PartnerHistory, datetime]]:
        """Yield histories whose emails need not wait for each other, beginning on each day of a week."""
        for chosen in sets:
            for history, dates in self.contacts.histories(chosen, days, are_apart=True):
                for later, begin in product(range(7), (time(), time(12))):
                    since = datetime.combine(dates[0] + timedelta(days=later), begin)
                    yield history.later(later), since


class _HistoryRun:
    """The runs of all hours of a partner's history."""

    def __init__(
        self,
        program: str,
        workflows: Sequence[Workflow],
        policy: ContactPolicy,
        segments: Sequence[SegmentOfBound],
        history: PartnerHistory,
    ):
        self.program, self.history, self.workflows = program, history, workflows
        self.segments = {one.id: one.alternatives for one in segments}
        self.ledger = SimulatedLedger(policy)
        self.emailed: list[datetime] = []
        events = [datetime.combine(one.day, history.at) for one in history.activity] + [at for at, _ in history.moves]
        self.changes = {at.replace(minute=0) + (HOUR if at.minute else timedelta()) for at in events}

    def departures(self, since: datetime, period: Period) -> list[Departure]:
        """Return what leaves from an hour on, in the period and as long as an email may wait after it."""
        hour, end = since, since + timedelta(hours=period.hours, days=self.ledger.policy.max_delay_days)
        while hour < end:
            if hour == since or self._may_change(hour):
                self._run(hour, self._new_members(hour))
            elif any(one.not_before and one.not_before <= hour for one in self.ledger.waiting.values()):
                self._run(hour, [])
            hour += HOUR
        return self.ledger.departures

    def _may_change(self, hour: datetime) -> bool:
        return hour.time() == time() or hour in self.changes or hour - HOUR in self.emailed

    def _new_members(self, hour: datetime) -> list[Delivery]:
        """Return the emails to the partner by workflows that it is a member of at the instants of a run."""
        instants = [hour - MICROSECOND, hour] if hour.time() == time() else [hour]
        keys = [(name, self.program, PARTNER, "") for name in sorted(self.segments)]
        new = [key for key in keys if key not in self.ledger.contacted]
        members = [key for key in new if any(self._is_in(key[0], at) for at in instants)]
        return [simulated_delivery(key, f"{PARTNER}@example.com", hour) for key in members]

    def _run(self, hour: datetime, new: Sequence[Delivery]) -> None:
        before = len(self.ledger.departures)
        sending = SendingHour(hour, self.ledger.policy, self.workflows, {self.program: "UTC"})
        self.ledger.run(sending, new, self._requalify(hour))
        if len(self.ledger.departures) > before:
            self.emailed.append(hour)

    def _is_in(self, workflow_id: str, at: datetime) -> bool:
        return any(self.history.meets(one, at, self.emailed) for one in self.segments[workflow_id])

    def _requalify(self, hour: datetime) -> Requalify:
        def requalify(partners: set[PartnerOfWorkflow]) -> Mapping[PartnerOfWorkflow, tuple[str, ...]]:
            stage, _ = self.history.stage(hour, self.emailed)
            return {
                who: ("its stage or a sum",)
                for who in partners
                if not any(
                    stage in one.stages and self.history.meets_totals(one, hour, upper_only=True)
                    for one in self.segments[who[0]]
                )
            }

        return requalify


def _most_emails(departures: Iterable[Departure], hours: int) -> list[tuple[str, datetime]]:
    """Return the emails of the consecutive hours in which the most leave."""
    left = sorted((one.as_of, one.workflow_id) for one in departures)
    best: list[tuple[str, datetime]] = []
    for first, _ in left:
        found = [(name, at) for at, name in left if first <= at < first + timedelta(hours=hours)]
        best = found if len(found) > len(best) else best
    return best
