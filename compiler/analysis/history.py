"""A partner's history: facts over time, and whether they meet the constraints of a segment at an instant.

The program's time zone is UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from math import inf
from typing import Any

from compiler.analysis.constraints import CLOSED_STAGES, UNITS, ContractConstraint, SegmentConstraints
from compiler.analysis.example import Activity, Contract, ExamplePartner
from compiler.segment_tree import NO_STAGE

EARLY = (NO_STAGE, "New")
"""The stages that an email moves to Outreach."""

NAMES = {"Partner ID": "p", "Partner Name": "Somebody"}
"""The partner's id and name where no condition is about them."""


@dataclass(frozen=True)
class PartnerHistory:
    """The facts of one partner. Transitions and actions are at the time of day `at` (UTC) of their dates.

    `transitions` are stages with the date of their beginning, in order; before the first one the stage is None. Of
    several on one date, each is an hour after the one before it, or ten minutes late in the evening. The contracts,
    groups and values (by condition label) are the same all the time.
    """

    transitions: tuple[tuple[date, str], ...]
    activity: tuple[Activity, ...] = ()
    contracts: tuple[Contract, ...] = ()
    groups: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    at: time = time()

    @property
    def dates(self) -> list[date]:
        """Return the dates on which something happens, sorted."""
        return sorted({day for day, _ in self.transitions} | {one.day for one in self.activity})

    def later(self, days: int) -> "PartnerHistory":
        """Return the same history so many days later."""
        shift = timedelta(days=days)
        transitions = tuple((day + shift, stage) for day, stage in self.transitions)
        return replace(
            self, transitions=transitions, activity=tuple(replace(one, day=one.day + shift) for one in self.activity)
        )

    @cached_property
    def moves(self) -> list[tuple[datetime, str]]:
        """Return the transitions with their instants (UTC)."""
        step, found = timedelta(hours=1) if self.at.hour < 20 else timedelta(minutes=10), list[tuple[datetime, str]]()
        for number, (day, stage) in enumerate(self.transitions):
            earlier = sum(other == day for other, _ in self.transitions[:number])
            found.append((datetime.combine(day, self.at) + earlier * step, stage))
        return found

    def __str__(self) -> str:
        """Return the history as one sentence, with times in UTC."""
        moves = [f"{stage} since {at:%Y-%m-%d %H:%M}" for at, stage in self.moves]
        rest = self._facts().parts()[1:]
        return "; ".join([*moves, *rest]) or "nothing"

    def _facts(self) -> ExamplePartner:
        return ExamplePartner(date.min, NO_STAGE, None, self.activity, self.contracts, self.groups, dict(self.values))

    def as_json(self) -> dict[str, Any]:
        """Return the history as JSON values."""
        facts = self._facts().as_json()
        transitions = [{"at": f"{at.isoformat()}Z", "stage": stage} for at, stage in self.moves]
        return {"transitions": transitions} | {
            name: facts[name] for name in ("activity", "contracts", "groups", "values")
        }

    def stage(self, instant: datetime, emailed: Sequence[datetime] = ()) -> tuple[str, date | None]:
        """Return the stage at an instant (UTC), and its date; `emailed` are the hours at which emails left.

        An email moves None and New to Outreach from the next instant on, and None or New of the same date does not take
        it back (semantics, "Relationship stage").
        """
        stage, since = NO_STAGE, None
        events = [*self.moves, *((hour + timedelta(microseconds=1), "") for hour in emailed)]
        for at, name in sorted(events, key=lambda one: one[0]):
            if at > instant:
                break
            is_early = name in EARLY and any(one < at and one.date() == at.date() for one in emailed)
            if name and not is_early:
                stage, since = name, at.date()
            elif not name and stage in EARLY:
                stage, since = "Outreach", at.date()
        return stage, since

    def meets(self, constraints: SegmentConstraints, instant: datetime, emailed: Sequence[datetime] = ()) -> bool:
        """Return whether the partner meets all constraints at an instant; never one that is not analyzed."""
        stage, since = self.stage(instant, emailed)
        if constraints.unsupported or stage not in constraints.stages:
            return False
        today = instant.date()
        for days in constraints.since:
            interval = days.on(today)
            if since is None or interval is None or not interval[0] <= (today - since).days <= interval[1]:
                return False
        return self.meets_totals(constraints, instant) and self._meets_names(constraints)

    def meets_totals(self, constraints: SegmentConstraints, instant: datetime, upper_only: bool = False) -> bool:
        """Return whether all sums are within their bounds, or with `upper_only` not above them."""
        for days, label, (low, high) in constraints.totals:
            interval = (0, inf) if days is None else days.on(instant.date())
            total = self._total(label, interval, instant) if interval else 0
            if total > high or (total < low and not upper_only):
                return False
        return True

    def _total(self, label: str, interval: tuple[int, float], instant: datetime) -> int:
        known = [one for one in self.activity if interval[0] <= (instant.date() - one.day).days <= interval[1]]
        if label == "Clicks":
            return sum(one.clicks for one in known)
        done = [one for one in known if datetime.combine(one.day, self.at) <= instant]
        if label == "Actions":
            return sum(one.actions for one in done)
        return int(sum(one.revenue for one in done) * UNITS["amount"])

    def _meets_names(self, constraints: SegmentConstraints) -> bool:
        values = NAMES | dict(self.values)
        return (
            all(label in values and strings.matches(values[label]) for label, strings in constraints.values)
            and all(any(strings.matches(one) for one in self.groups) for _, strings in constraints.groups)
            and not any(strings.matches(one) for _, strings in constraints.excluded_groups for one in self.groups)
            and all(any(map(self._has_contract, alternatives)) for alternatives in constraints.contracts)
            and not any(self._has_contract(one) for one in constraints.excluded_contracts)
            and (bool(self.contracts) or not constraints.has_contract)
        )

    def _has_contract(self, wanted: ContractConstraint | None) -> bool:
        if wanted is None:
            return not self.contracts
        return any(
            (wanted.stages is None or one.stage in wanted.stages)
            and not (wanted.is_open and one.stage in CLOSED_STAGES)
            and wanted.id.matches(one.id)
            and (wanted.term is None or (one.term is not None and wanted.term.matches(one.term)))
            for one in self.contracts
        )
