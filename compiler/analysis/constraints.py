"""Constraints of a segment on a partner, and its negation as alternatives, one of which must hold.

Conditions that this package does not support are left out of the constraints and listed in `unsupported`: what is
impossible without them is also impossible with them.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from math import ceil, floor, inf
from typing import Literal

from compiler.analysis.interval_sums import Bounds, Interval
from compiler.analysis.string_constraint import StringConstraint
from compiler.segment_tree import (
    NO_STAGE,
    AnyOf,
    Compare,
    Condition,
    Contains,
    DateRange,
    DateWithin,
    DaysAgo,
    Window,
    Workflow,
)
from compiler.sql.predicates import PredicateBuilder, selected_stages

STAGE, TRANSITION_DATE = "Relationship Stage", "Last Transition Date"
MEASURES = ("Clicks", "Actions", "Revenue")
CONTRACT_STAGE, CONTRACT_ID, TERM = "Contract Stage", "Contract ID", "Partner Template Term"
UNITS = {"count": 1, "amount": 10**8}
"""Units per 1 of a measure, by kind: sums are whole numbers of units, and revenue has eight decimals."""

CLOSED_STAGES = frozenset(
    {
        "Expired",
        "Pending Contract Expired",
        "Publisher Declined",
        "Advertiser Declined",
        "Publisher Retracted",
        "Advertiser Retracted",
    }
)
"""The stages of a contract that is not open (`is_open` of segments.contracts_as_of)."""

ALL_CONTRACT_STAGES = frozenset(
    {"Joined", "Awaiting Contract Start", "Awaiting Publisher Approval", "Awaiting Advertiser Approval"}
    | {"Advertiser Countered", "Publisher Countered"}
    | CLOSED_STAGES
)


@dataclass(frozen=True)
class DayRange:
    """The days of a window, or those after it (`newer`) or before it (`older`)."""

    window: DaysAgo | DateRange
    side: Literal["in", "newer", "older"] = "in"

    def on(self, today: date) -> Interval | None:
        """Return the range in days ago on a local date, both ends inclusive; None when it has no day up to today."""
        if isinstance(self.window, DaysAgo):
            first, last = self.window.first, self.window.last
        else:
            first, last = (today - self.window.last).days, (today - self.window.first).days
        bounds: dict[str, Interval] = {"in": (first, last), "newer": (0, first - 1), "older": (last + 1, inf)}
        low, high = bounds[self.side]
        low = max(low, 0)
        return (low, high) if low <= high else None


ANY = StringConstraint()


@dataclass(frozen=True)
class ContractConstraint:
    """A constraint that at least one contract, not superseded, satisfies as a whole; with `is_open` an open one."""

    stages: frozenset[str] | None = None
    is_open: bool = False
    id: StringConstraint = ANY
    term: StringConstraint | None = None

    def __and__(self, other: "ContractConstraint") -> "ContractConstraint":
        sets = [one for one in (self.stages, other.stages) if one is not None]
        terms = [one for one in (self.term, other.term) if one is not None]
        return ContractConstraint(
            frozenset.intersection(*sets) if sets else None,
            self.is_open or other.is_open,
            self.id & other.id,
            terms[0] & terms[-1] if len(terms) == 2 else (terms[0] if terms else None),
        )

    def minus(self, other: "ContractConstraint") -> list["ContractConstraint"]:
        """Return the alternatives for a contract that satisfies this constraint and not the other."""
        found = []
        if other.stages is not None:
            everything = self.stages if self.stages is not None else ALL_CONTRACT_STAGES
            found.append(replace(self, stages=everything - other.stages))
        if other.is_open:
            closed = CLOSED_STAGES if self.stages is None else self.stages & CLOSED_STAGES
            found.append(replace(self, stages=frozenset(closed)))
        found += [replace(self, id=self.id & one) for one in _negated(other.id)]
        if other.term is not None:
            found += [replace(self, term=(self.term or ANY) & one) for one in _negated(other.term)]
        return found


@dataclass(frozen=True)
class SegmentConstraints:
    """Constraints on one partner, all of which hold.

    - `stages`: its possible relationship stages; `since`: ranges of the days since its last transition.
    - `values`: constraints on its own columns, by label; `groups`: on one partner group each.
    - `contracts`: lists of alternatives, of each of which one holds: a contract, or None for no contract at all.
    - `has_contract`: the partner has a contract; superseded ones count.
    - `excluded_contracts`, `excluded_groups`: constraints that no contract and no group satisfies.
    - `totals`: bounds of a measure, in UNITS, summed over a range of days (None: all history).
    - `unsupported`: conditions that are left out.
    """

    stages: frozenset[str]
    since: tuple[DayRange, ...] = ()
    values: tuple[tuple[str, StringConstraint], ...] = ()
    groups: tuple[tuple[str, StringConstraint], ...] = ()
    excluded_groups: tuple[tuple[str, StringConstraint], ...] = ()
    contracts: tuple[tuple[ContractConstraint | None, ...], ...] = ()
    excluded_contracts: tuple[ContractConstraint, ...] = ()
    has_contract: bool = False
    totals: tuple[tuple[DayRange | None, str, Bounds], ...] = ()
    unsupported: tuple[str, ...] = field(default=(), compare=False)


def constraints_of(workflow: Workflow, builder: PredicateBuilder) -> SegmentConstraints:
    """Return the constraints of a workflow's segment on a partner of its program."""
    return _Reader(workflow, builder).constraints()


def negations(workflow: Workflow, builder: PredicateBuilder) -> list[SegmentConstraints]:
    """Return the alternatives for a partner that is not in a workflow's segment; unsupported conditions have none."""
    return _Reader(workflow, builder).negations()


def conjunction(first: SegmentConstraints, second: SegmentConstraints) -> SegmentConstraints:
    """Return the constraints of both."""
    return SegmentConstraints(
        stages=first.stages & second.stages,
        since=first.since + second.since,
        values=first.values + second.values,
        groups=first.groups + second.groups,
        excluded_groups=first.excluded_groups + second.excluded_groups,
        contracts=first.contracts + second.contracts,
        excluded_contracts=first.excluded_contracts + second.excluded_contracts,
        has_contract=first.has_contract or second.has_contract,
        totals=first.totals + second.totals,
        unsupported=first.unsupported + second.unsupported,
    )


class _Reader:
    """Reads one segment."""

    def __init__(self, workflow: Workflow, builder: PredicateBuilder):
        self.builder = builder
        self.window = builder.window_of(workflow)
        self.segment = workflow.segment
        self.on_contracts = builder.conditions_at_grain(workflow, "contract")
        self.all_stages = frozenset(builder.vocabulary[STAGE].values)

    def constraints(self) -> SegmentConstraints:
        found = SegmentConstraints(self.all_stages)
        for condition in self.segment:
            found = self._add(found, condition)
        if self.on_contracts:
            found = replace(found, contracts=(self._contracts(),))
        return found

    def _add(self, found: SegmentConstraints, condition: Condition) -> SegmentConstraints:
        field = self.builder.field(condition)
        if condition.label == STAGE and isinstance(condition, AnyOf):
            return replace(found, stages=found.stages & frozenset(selected_stages(condition, field)))
        if condition.label == TRANSITION_DATE and isinstance(condition, DateWithin):
            days = DayRange(self._days(condition.window))
            return replace(found, since=(*found.since, days), stages=found.stages - {NO_STAGE})
        if not _is_supported(condition, field.kind, field.grain):
            return replace(found, unsupported=(*found.unsupported, str(condition)))
        if isinstance(condition, AnyOf | Contains):
            entry = (condition.label, self._strings(condition))
            if field.grain == "partner":
                return replace(found, values=(*found.values, entry))
            if field.grain == "group":
                return replace(found, groups=(*found.groups, entry))
        if isinstance(condition, Compare):
            return replace(found, totals=(*found.totals, self._total(condition)))
        return found

    def negations(self) -> list[SegmentConstraints]:
        found = [one for condition in self.segment for one in self._negated(condition)]
        if self.on_contracts:
            alternatives = self._contracts()
            excluded = tuple(one for one in alternatives if one is not None)
            anybody = SegmentConstraints(self.all_stages)
            found.append(replace(anybody, excluded_contracts=excluded, has_contract=None in alternatives))
        return found

    def _negated(self, condition: Condition) -> list[SegmentConstraints]:
        """Return the alternatives to one condition; those on contracts are negated together."""
        field, anybody = self.builder.field(condition), SegmentConstraints(self.all_stages)
        if condition.label == STAGE and isinstance(condition, AnyOf):
            return [replace(anybody, stages=self.all_stages - frozenset(selected_stages(condition, field)))]
        if condition.label == TRANSITION_DATE and isinstance(condition, DateWithin):
            moved, window = self.all_stages - {NO_STAGE}, self._days(condition.window)
            ranges = (DayRange(window, "newer"), DayRange(window, "older"))
            outside = [replace(anybody, stages=moved, since=(days,)) for days in ranges]
            return [*outside, replace(anybody, stages=frozenset({NO_STAGE}))]
        if not _is_supported(condition, field.kind, field.grain):
            return []
        if isinstance(condition, AnyOf | Contains) and field.grain == "partner":
            strings = _negated(self._strings(condition))
            return [replace(anybody, values=((condition.label, one),)) for one in strings]
        if isinstance(condition, AnyOf | Contains) and field.grain == "group":
            return [replace(anybody, excluded_groups=((condition.label, self._strings(condition)),))]
        if isinstance(condition, Compare):
            days, label, (low, high) = self._total(condition)
            other = (-inf, low - 1) if low > -inf else (high + 1, inf)
            return [replace(anybody, totals=((days, label, other),))]
        return []

    def _contracts(self) -> tuple[ContractConstraint | None, ...]:
        """Return the alternatives: a contract that meets all conditions, or None where Contract Stage None is alone."""
        found, named = ContractConstraint(), None
        for condition in self.on_contracts:
            field = self.builder.field(condition)
            if condition.label == CONTRACT_STAGE and isinstance(condition, AnyOf):
                named = selected_stages(condition, field)
                found &= ContractConstraint(stages=frozenset(named) - {NO_STAGE})
            elif condition.label == CONTRACT_ID and isinstance(condition, AnyOf):
                found &= ContractConstraint(id=self._strings(condition))
            elif condition.label == TERM and isinstance(condition, AnyOf | Contains):
                found &= ContractConstraint(term=self._strings(condition))
        if named is None:
            is_open = any(self.builder.field(one).default_filter_column for one in self.on_contracts)
            found = replace(found, is_open=is_open)
        alternatives: list[ContractConstraint | None] = [] if named == [NO_STAGE] else [found]
        if named is not None and NO_STAGE in named and len(self.on_contracts) == 1:
            alternatives.append(None)
        return tuple(alternatives)

    def _total(self, condition: Compare) -> tuple[DayRange | None, str, Bounds]:
        units = condition.value * UNITS[self.builder.field(condition).kind]
        bounds = (floor(units) + 1, inf) if condition.operator == "greater than" else (-inf, ceil(units) - 1)
        return (DayRange(self._days(self.window)) if self.window is not None else None), condition.label, bounds

    def _days(self, window: Window) -> DaysAgo | DateRange:
        return window if isinstance(window, DateRange) else self.builder.days(window)

    def _strings(self, condition: AnyOf | Contains) -> StringConstraint:
        if isinstance(condition, Contains):
            return StringConstraint(substrings=(condition.text,))
        field = self.builder.field(condition)
        values = selected_stages(condition, field) if field.kind == "stage" else condition.values
        return StringConstraint(allowed=frozenset(values))


def _negated(strings: StringConstraint) -> list[StringConstraint]:
    """Return the alternatives for a text that does not match."""
    found = [StringConstraint(excluded=tuple(sorted(strings.allowed)))] if strings.allowed is not None else []
    return found + [StringConstraint(excluded_substrings=(part,)) for part in strings.substrings]


def _is_supported(condition: Condition, kind: str, grain: str) -> bool:
    """Return whether such a condition is part of the constraints; conditions on contracts are known by their label."""
    if grain == "contract":
        return condition.label in (CONTRACT_STAGE, CONTRACT_ID, TERM)
    if grain == "day":
        return isinstance(condition, DateWithin) or condition.label in MEASURES
    return isinstance(condition, AnyOf | Contains) and kind in ("list", "text", "stage")
