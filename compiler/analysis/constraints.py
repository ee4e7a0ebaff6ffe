"""Constraints of a segment on a partner, and its negation as alternatives, one of which must hold.

Conditions that this package does not support are left out of the constraints and listed in `unsupported`: what is
impossible without them is also impossible with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from math import ceil, floor, inf
from typing import Literal

from compiler.analysis.interval_sums import Bounds, Interval
from compiler.analysis.string_constraint import StringConstraint
from compiler.segment_reader import SegmentReader, selected_stages
from compiler.segment_tree import (
    NO_STAGE,
    AnyOf,
    Compare,
    Condition,
    Contains,
    DateRange,
    DateWithin,
    DaysAgo,
    NoneOf,
    Window,
    Workflow,
)

STAGE, TRANSITION_DATE = "Relationship Stage", "Last Transition Date"
MEASURES = ("Clicks", "Actions", "Revenue")
CONTRACT_STAGE, CONTRACT_ID, TERM = "Contract Stage", "Contract ID", "Partner Template Term"
UNITS = {"count": 1, "amount": 10**8}
"""Units per 1 of a measure, by kind: sums are whole numbers of units, and revenue has eight decimals."""

MAX_ALTERNATIVES, MAX_CONTRACTS, MAX_EXCLUDED_CONTRACTS, MAX_WINDOWS = 32, 4, 6, 5
"""The most alternatives of a segment, contracts that it needs and excludes, and windows that are decided exactly."""

LIMITS = (MAX_CONTRACTS, MAX_EXCLUDED_CONTRACTS, MAX_WINDOWS)

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
    """The days of a window, or those after it (`newer`) or before it (`older`).

    With `shift`, the window is that of so many days before.
    """

    window: DaysAgo | DateRange
    side: Literal["in", "newer", "older"] = "in"
    shift: int = 0

    def on(self, today: date) -> Interval | None:
        """Return the range in days ago on a local date, both ends inclusive; None when it has no day up to today."""
        if self.shift:
            found = replace(self, shift=0).on(today - timedelta(days=self.shift))
            return (found[0] + self.shift, found[1] + self.shift) if found else None
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
    - `has_contract`: the partner has a contract; the last one in a row of successors is not superseded.
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


def constraints_of(workflow: Workflow, reader: SegmentReader) -> SegmentConstraints:
    """Return the constraints of a workflow's segment on a partner of its program."""
    return _Reader(workflow, reader).constraints()


def alternatives_of(workflow: Workflow, reader: SegmentReader) -> list[SegmentConstraints]:
    """Return alternatives, of which every partner in a workflow's segment meets one.

    There is one for a segment without a condition on other segments. Where there would be more than MAX_ALTERNATIVES,
    such a condition is left out, and listed as unsupported.
    """
    return _Reader(workflow, reader).alternatives()


def negations(workflow: Workflow, reader: SegmentReader) -> list[SegmentConstraints]:
    """Return the alternatives for a partner that is not in a workflow's segment.

    The one for an unsupported condition has no constraints, but lists it.
    """
    return _Reader(workflow, reader).negations()


def conjunction(first: SegmentConstraints, second: SegmentConstraints) -> SegmentConstraints:
    """Return the constraints of both."""
    both = SegmentConstraints(
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
    is_small = all(size <= limit for size, limit in zip(sizes_of(both), LIMITS, strict=True))
    return both if is_small else _reduced(both)


def sizes_of(constraints: SegmentConstraints) -> tuple[int, ...]:
    """Return the numbers of contracts, excluded contracts and totals, which LIMITS is about."""
    return len(constraints.contracts), len(constraints.excluded_contracts), len(constraints.totals)


def _reduced(constraints: SegmentConstraints) -> SegmentConstraints:
    """Return the constraints without those that would take too long to decide; these are unsupported."""
    one = constraints
    windows = list(dict.fromkeys(days for days, _, _ in one.totals))[:MAX_WINDOWS]
    totals = tuple(total for total in one.totals if total[0] in windows)
    unsupported = one.unsupported
    if len(totals) < len(one.totals):
        unsupported += (f"more than {MAX_WINDOWS} Performance Date Ranges",)
    if len(one.contracts) > MAX_CONTRACTS or len(one.excluded_contracts) > MAX_EXCLUDED_CONTRACTS:
        unsupported += ("too many conditions on contracts",)
    return replace(
        one,
        totals=totals,
        contracts=one.contracts[:MAX_CONTRACTS],
        excluded_contracts=one.excluded_contracts[:MAX_EXCLUDED_CONTRACTS],
        unsupported=unsupported,
    )


class _Reader:
    """Reads one segment."""

    def __init__(self, workflow: Workflow, reader: SegmentReader):
        self.reader = reader
        self.workflow = workflow
        self.window = reader.window_of(workflow)
        self.segment = workflow.segment
        self.on_contracts = reader.on_one_contract(workflow)
        self.all_stages = frozenset(reader.vocabulary[STAGE].values)

    def alternatives(self) -> list[SegmentConstraints]:
        found = [self.constraints()]
        for condition in self._on_segments():
            found = _all_of(found, self._in_segments(condition), str(condition))
        return found

    def _on_segments(self) -> list[AnyOf | NoneOf]:
        return [
            one for one in self.segment if isinstance(one, AnyOf | NoneOf) and self.reader.field(one).kind == "segment"
        ]

    def _in_segments(self, condition: AnyOf | NoneOf) -> list[SegmentConstraints]:
        """Return the alternatives for a partner in one of the segments, or in none of them."""
        parts = [_Reader(self.workflow.inside(name), self.reader) for name in condition.values]
        if isinstance(condition, AnyOf):
            return [one for part in parts for one in part.alternatives()]
        found = [SegmentConstraints(self.all_stages)]
        for part in parts:
            found = _all_of(found, part.negations(), str(condition))
        return found

    def constraints(self) -> SegmentConstraints:
        """Return the constraints of the conditions, without those on other segments."""
        found = SegmentConstraints(self.all_stages)
        for condition in self.segment:
            if condition not in self._on_segments():
                found = self._add(found, condition)
        if self.on_contracts:
            found = replace(found, contracts=(*found.contracts, self._contracts(self.on_contracts)))
        return found

    def _add(self, found: SegmentConstraints, condition: Condition) -> SegmentConstraints:
        field = self.reader.field(condition)
        if condition.label == STAGE and isinstance(condition, AnyOf | NoneOf):
            return replace(found, stages=found.stages & frozenset(selected_stages(condition, field)))
        if condition.label == TRANSITION_DATE and isinstance(condition, DateWithin):
            days = DayRange(self._days(condition.window))
            return replace(found, since=(*found.since, days), stages=found.stages - {NO_STAGE})
        if not _is_supported(condition, field.kind, field.grain):
            return replace(found, unsupported=(*found.unsupported, str(condition)))
        if isinstance(condition, NoneOf):
            (without,) = self._negated(condition.opposite)
            return conjunction(found, without)
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
        alone = [condition for condition in self.segment if condition not in self.on_contracts]
        found = [one for condition in alone for one in self._negated(condition)]
        return [*found, self._without_contract(self.on_contracts)] if self.on_contracts else found

    def _with(self, condition: Condition) -> SegmentConstraints:
        """Return the constraints of a segment with this condition alone."""
        anybody = SegmentConstraints(self.all_stages)
        if self.reader.field(condition).grain == "contract":
            return replace(anybody, contracts=(self._contracts([condition]),))
        return self._add(anybody, condition)

    def _without_contract(self, conditions: Sequence[Condition]) -> SegmentConstraints:
        """Return the constraints on a partner for whom conditions on one contract do not hold."""
        anybody = SegmentConstraints(self.all_stages)
        others = tuple(str(one) for one in conditions if one.label not in (CONTRACT_STAGE, CONTRACT_ID, TERM))
        if others:
            return replace(anybody, unsupported=others)
        alternatives = self._contracts(conditions)
        excluded = tuple(one for one in alternatives if one is not None)
        return replace(anybody, excluded_contracts=excluded, has_contract=None in alternatives)

    def _negated(self, condition: Condition) -> list[SegmentConstraints]:
        """Return the alternatives to one condition; those on one contract are negated together."""
        field, anybody = self.reader.field(condition), SegmentConstraints(self.all_stages)
        if field.kind == "segment" and isinstance(condition, AnyOf | NoneOf):
            opposite = NoneOf if isinstance(condition, AnyOf) else AnyOf
            return self._in_segments(opposite(condition.label, condition.values))
        if condition.label == STAGE and isinstance(condition, AnyOf | NoneOf):
            return [replace(anybody, stages=self.all_stages - frozenset(selected_stages(condition, field)))]
        if condition.label == TRANSITION_DATE and isinstance(condition, DateWithin):
            moved, window = self.all_stages - {NO_STAGE}, self._days(condition.window)
            ranges = (DayRange(window, "newer"), DayRange(window, "older"))
            outside = [replace(anybody, stages=moved, since=(days,)) for days in ranges]
            return [*outside, replace(anybody, stages=frozenset({NO_STAGE}))]
        if not _is_supported(condition, field.kind, field.grain):
            return [replace(anybody, unsupported=(str(condition),))]
        if isinstance(condition, NoneOf):
            return [self._with(condition.opposite)]
        if isinstance(condition, AnyOf | Contains) and field.grain == "partner":
            strings = _negated(self._strings(condition))
            return [replace(anybody, values=((condition.label, one),)) for one in strings]
        if field.grain == "contract":
            return [self._without_contract([condition])]
        if isinstance(condition, AnyOf | Contains) and field.grain == "group":
            return [replace(anybody, excluded_groups=((condition.label, self._strings(condition)),))]
        if isinstance(condition, Compare):
            days, label, (low, high) = self._total(condition)
            others = [(-inf, low - 1)] if low > -inf else []
            others += [(high + 1, inf)] if high < inf else []
            return [replace(anybody, totals=((days, label, other),)) for other in others]
        return []

    def _contracts(self, conditions: Sequence[Condition]) -> tuple[ContractConstraint | None, ...]:
        """Return the alternatives: a contract that meets all conditions, or None where Contract Stage None is alone."""
        found, named = ContractConstraint(), None
        for condition in conditions:
            field = self.reader.field(condition)
            if condition.label == CONTRACT_STAGE and isinstance(condition, AnyOf):
                named = selected_stages(condition, field)
                found &= ContractConstraint(stages=frozenset(named) - {NO_STAGE})
            elif condition.label == CONTRACT_ID and isinstance(condition, AnyOf):
                found &= ContractConstraint(id=self._strings(condition))
            elif condition.label == TERM and isinstance(condition, AnyOf | Contains):
                found &= ContractConstraint(term=self._strings(condition))
        if named is None:
            is_open = all(one.label in (CONTRACT_ID, TERM) for one in conditions)
            is_open = is_open and any(one.label == TERM for one in conditions)
            found = replace(found, is_open=is_open)
        alternatives: list[ContractConstraint | None] = [] if named == [NO_STAGE] else [found]
        if named is not None and NO_STAGE in named and len(conditions) == 1:
            alternatives.append(None)
        return tuple(alternatives)

    def _total(self, condition: Compare) -> tuple[DayRange | None, str, Bounds]:
        units = condition.value * UNITS[self.reader.field(condition).kind]
        if condition.operator == "greater than":
            bounds: Bounds = (floor(units) + 1, inf)
        else:
            bounds = (-inf, ceil(units) - 1) if condition.operator == "less than" else (int(units), int(units))
        return (DayRange(self._days(self.window)) if self.window is not None else None), condition.label, bounds

    def _days(self, window: Window) -> DaysAgo | DateRange:
        return window if isinstance(window, DateRange) else self.reader.days(window)

    def _strings(self, condition: AnyOf | Contains) -> StringConstraint:
        if isinstance(condition, Contains):
            return StringConstraint(substrings=(condition.text,))
        field = self.reader.field(condition)
        values = selected_stages(condition, field) if field.kind == "stage" else condition.values
        return StringConstraint(allowed=frozenset(values))


def _all_of(
    found: list[SegmentConstraints], others: list[SegmentConstraints], sentence: str
) -> list[SegmentConstraints]:
    """Return the alternatives for a partner that meets one of each list; too many are left out as unsupported."""
    if len(found) * len(others) > MAX_ALTERNATIVES:
        return [replace(one, unsupported=(*one.unsupported, sentence)) for one in found]
    return [conjunction(one, other) for one in found for other in others]


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
    return isinstance(condition, AnyOf | NoneOf | Contains) and kind in ("list", "text", "stage")
