"""Whether a partner can satisfy a segment's constraints, on any day, and an example partner that does.

The result is exact: stages and names are finite or free, days and sums whole numbers. Where segments name calendar
dates, the result can only change where such a date and a number of days ago meet; all of those days are tried.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import product
from math import inf

from compiler.analysis.constraints import (
    ALL_CONTRACT_STAGES,
    CLOSED_STAGES,
    MEASURES,
    UNITS,
    ContractConstraint,
    DayRange,
    SegmentConstraints,
)
from compiler.analysis.example import Activity, Contract, ExamplePartner
from compiler.analysis.interval_sums import UNBOUNDED, Bounds, Interval, regions, solve_sums
from compiler.analysis.many_windows import solve_windows
from compiler.analysis.string_constraint import StringConstraint
from compiler.segment_tree import NO_STAGE, DateRange

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
"""The first and last local date that are considered."""

Strings = tuple[tuple[str, StringConstraint], ...]
Totals = tuple[tuple[DayRange | None, str, Bounds], ...]
Names = tuple[tuple[tuple[str, str], ...], tuple[str, ...]]
"""The values of a partner's own columns by label, and its groups."""

DailyActivity = tuple[tuple[int, int, int, int], ...]
"""Activity on some days: days ago, clicks, actions, and units of revenue."""

STAGE_PREFERENCE = ("Joined", "Outreach", "New", "Negotiating", "Expired", NO_STAGE)
"""An example partner has the first of these stages that is possible."""

CACHE_SIZE = 100_000

MAX_DAYS = 40_000
"""Days ago that lie before FIRST_DAY from every date that is considered."""


def is_satisfiable(constraints: SegmentConstraints, on: date, negative_revenue: bool = False) -> bool:
    """Return whether there is an example partner."""
    return _solve(constraints, on, negative_revenue) is not None


def example_partner(constraints: SegmentConstraints, on: date, negative_revenue: bool = False) -> ExamplePartner | None:
    """Return a partner that satisfies the constraints; None when there can be none.

    The partner is as of the local date `on`, unless segments name dates that exclude it. With `negative_revenue` the
    revenue of a day may be negative, as refunds can make it.
    """
    found = _solve(constraints, on, negative_revenue)
    names = _names(constraints.values, constraints.groups, constraints.excluded_groups)
    contracts = _contracts(constraints.contracts, constraints.excluded_contracts, constraints.has_contract)
    if found is None or names is None or contracts is None:
        return None
    today, since, activity = found
    stage = next(one for one in STAGE_PREFERENCE if one in constraints.stages)
    stage_since = None if stage == NO_STAGE else today - timedelta(days=since)
    values, groups = names
    return ExamplePartner(today, stage, stage_since, _activity(activity, today), contracts, groups, dict(values))


def _solve(constraints: SegmentConstraints, on: date, negative_revenue: bool) -> tuple[date, int, DailyActivity] | None:
    """Return a local date, the days since the last transition, and activity; None when no date has a solution."""
    one = constraints
    if not one.stages:
        return None
    if (one.values or one.groups) and _names(one.values, one.groups, one.excluded_groups) is None:
        return None
    if (one.contracts or one.has_contract) and _contracts(
        one.contracts, one.excluded_contracts, one.has_contract
    ) is None:
        return None
    for today in _days(one, on):
        since = _days_since_transition(one, today)
        activity = _daily_activity(one.totals, today, negative_revenue) if since is not None else None
        if since is not None and activity is not None:
            return today, since, activity
    return None


def _days(constraints: SegmentConstraints, on: date) -> Iterator[date]:
    """Yield the local dates on which the result can differ: `on`, then later ones, then earlier ones."""
    ranges = [*constraints.since, *(days for days, _, _ in constraints.totals if days)]
    windows = [(days.window, days.shift) for days in ranges]
    named = {
        end + timedelta(days=shift)
        for one, shift in windows
        if isinstance(one, DateRange)
        for end in (one.first, one.last)
    }
    if not named:
        yield on
        return
    ago = {0} | {
        days + shift
        for one, shift in windows
        if not isinstance(one, DateRange)
        for days in (one.first, min(one.last, MAX_DAYS))
    }
    ordinals = {end.toordinal() + days + near for end in named for days in ago for near in (-1, 0, 1)}
    first, last, now = FIRST_DAY.toordinal(), LAST_DAY.toordinal(), on.toordinal()
    candidates = {now, first, last, *(one for one in ordinals if first <= one <= last)}
    for ordinal in sorted(candidates, key=lambda one: (one < now, abs(one - now))):
        yield date.fromordinal(ordinal)


def _days_since_transition(constraints: SegmentConstraints, today: date) -> int | None:
    """Return the fewest days since the last transition that satisfy the constraints."""
    low, high = 0, inf
    for days in constraints.since:
        interval = days.on(today)
        if interval is None:
            return None
        low, high = max(low, interval[0]), min(high, interval[1])
    return low if low <= high else None


@lru_cache(maxsize=CACHE_SIZE)
def _names(values: Strings, groups: Strings, excluded: Strings) -> Names | None:
    """Return the partner's own columns, and one group for each constraint, none of them excluded."""
    required: dict[str, StringConstraint] = {}
    for label, strings in values:
        required[label] = required.get(label, StringConstraint()) & strings
    columns = [(label, strings.example()) for label, strings in required.items()]
    names = [_group(label, strings, excluded) for label, strings in groups]
    known = [(label, value) for label, value in columns if value is not None]
    found = [name for name in names if name is not None]
    if len(known) < len(columns) or len(found) < len(names):
        return None
    return tuple(known), tuple(dict.fromkeys(found))


def _group(label: str, strings: StringConstraint, excluded: Strings) -> str | None:
    candidates = sorted(strings.allowed) if strings.allowed is not None else [strings.example() or ""]
    others = [other for also, other in excluded if also == label]
    return next((name for name in candidates if name and not any(one.matches(name) for one in others)), None)


def _daily_activity(totals: Totals, today: date, negative_revenue: bool) -> DailyActivity | None:
    """Return the activity on one day of each region of the windows."""
    if not totals:
        return ()
    windows = list(dict.fromkeys(days for days, _, _ in totals))
    intervals = tuple((0, inf) if days is None else days.on(today) for days in windows)
    by_window = tuple((windows.index(days), label, bounds) for days, label, bounds in totals)
    return _solve_totals(intervals, by_window, negative_revenue)


@lru_cache(maxsize=CACHE_SIZE)
def _solve_totals(
    intervals: tuple[Interval | None, ...], totals: tuple[tuple[int, str, Bounds], ...], negative_revenue: bool
) -> DailyActivity | None:
    if len(intervals) > 2:
        return _solve_many_totals(intervals, totals, negative_revenue)
    days = regions(intervals[0], intervals[1] if len(intervals) > 1 else None)
    required: dict[str, list[Bounds]] = {}
    for index, label, (low, high) in totals:
        bounds = required.setdefault(label, [UNBOUNDED, UNBOUNDED])
        bounds[index] = (max(bounds[index][0], low), min(bounds[index][1], high))
    pairs = {label: (first, second) for label, (first, second) in required.items()}
    found = solve_sums(days, pairs, negative_revenue)
    if found is None:
        return None
    clicks, actions, revenue = (found.get(label, (0, 0, 0)) for label in MEASURES)
    return tuple(
        (day, clicks[region], actions[region], revenue[region]) for region, day in enumerate(days) if day is not None
    )


def _solve_many_totals(
    intervals: tuple[Interval | None, ...], totals: tuple[tuple[int, str, Bounds], ...], negative_revenue: bool
) -> DailyActivity | None:
    required: dict[str, list[tuple[Interval | None, Bounds]]] = {}
    for index, label, bounds in totals:
        required.setdefault(label, []).append((intervals[index], bounds))
    solved = solve_windows(intervals, required, negative_revenue)
    if solved is None:
        return None
    days, found = solved
    clicks, actions, revenue = (found.get(label, (0,) * len(days)) for label in MEASURES)
    return tuple(
        (day, clicks[number], max(actions[number], int(revenue[number] != 0)), revenue[number])
        for number, day in enumerate(days)
    )


def _activity(activity: DailyActivity, today: date) -> tuple[Activity, ...]:
    return tuple(
        Activity(today - timedelta(days=day), clicks, actions, _amount(revenue))
        for day, clicks, actions, revenue in activity
        if clicks or actions
    )


def _amount(units: int) -> Decimal:
    amount = Decimal(units).scaleb(-len(str(UNITS["amount"])) + 1)
    return amount.quantize(Decimal(1)) if amount == int(amount) else amount.normalize()


@lru_cache(maxsize=CACHE_SIZE)
def _contracts(
    required: tuple[tuple[ContractConstraint | None, ...], ...],
    excluded: tuple[ContractConstraint, ...],
    has_contract: bool,
) -> tuple[Contract, ...] | None:
    """Return the partner's contracts: one per constraint, or one for several where the ids leave no other way."""
    for alternatives in product(*required):
        chosen = [one for one in alternatives if one is not None]
        if len(chosen) < len(alternatives):
            if not chosen and not has_contract:
                return ()
            continue
        if not chosen and not has_contract:
            return ()
        if not chosen:
            return _example_contracts([ContractConstraint()], excluded)
        for parts in _partitions(chosen):
            found = _example_contracts([_merged(part) for part in parts], excluded)
            if found is not None:
                return found
    return None


def _partitions(constraints: Sequence[ContractConstraint]) -> Iterator[list[list[ContractConstraint]]]:
    """Yield the ways to divide the constraints among contracts, beginning with one contract for each."""
    *others, last = constraints
    if not others:
        yield [[last]]
        return
    smaller = list(_partitions(others))
    yield from ([*parts, [last]] for parts in smaller)
    for parts in smaller:
        for number, part in enumerate(parts):
            yield [*parts[:number], [*part, last], *parts[number + 1 :]]


def _merged(constraints: Sequence[ContractConstraint]) -> ContractConstraint:
    first, *others = constraints
    for other in others:
        first = first & other
    return first


def _example_contracts(
    constraints: Sequence[ContractConstraint], excluded: Sequence[ContractConstraint]
) -> tuple[Contract, ...] | None:
    """Return one contract per constraint, with distinct ids, none of which is excluded."""
    options = [_minus_all(one, excluded) for one in constraints]
    for refined in product(*options):
        found: list[Contract] = []
        for one in sorted(refined, key=lambda option: len(option.id.allowed or ()) or 1_000_000):
            contract = _example_contract(one, [other.id for other in found])
            if contract is None:
                break
            found.append(contract)
        else:
            return tuple(sorted(found, key=lambda contract: contract.id))
    return None


def _minus_all(one: ContractConstraint, excluded: Sequence[ContractConstraint]) -> list[ContractConstraint]:
    found = [one]
    for other in excluded:
        refined = [option for one in found for option in one.minus(other)]
        found = [option for option in refined if _example_contract(option, ()) is not None]
    return found


def _example_contract(one: ContractConstraint, taken: Sequence[str]) -> Contract | None:
    possible = one.stages if one.stages is not None else ALL_CONTRACT_STAGES
    possible = possible - CLOSED_STAGES if one.is_open else possible
    if one.id.allowed is None:
        numbers = (f"S-{number}" for number in range(1, 3 + len(taken) + len(one.id.excluded)))
        identity = next((name for name in numbers if name not in taken and one.id.matches(name)), None)
    else:
        identity = one.id.example(taken)
    term = one.term.example() if one.term is not None else None
    if not possible or identity is None or (one.term is not None and term is None):
        return None
    stage = "Joined" if "Joined" in possible else min(possible)
    return Contract(identity, stage, term)
