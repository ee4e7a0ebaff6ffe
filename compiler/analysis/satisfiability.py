"""Is there a partner, on any day, of whom all of a demand is the case? The witness, or None for never.

Exact: stages and names are finite or free, days and totals whole numbers. Where segments name calendar dates, the
answer can only change where such a date and a number of days ago meet; those days are all looked at.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import product
from math import inf

from compiler.analysis.constraints import ALL_CONTRACT_STAGES, MEASURES, OVER, UNITS, Demand, Some, Span
from compiler.analysis.example import Activity, Contract, Witness
from compiler.analysis.interval_sums import FREE, Bounds, Interval, regions, solve
from compiler.analysis.string_constraint import Texts
from compiler.segment_tree import NO_STAGE, Dates

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
"""The hours that "never" speaks of lie between these."""

Named = tuple[tuple[str, Texts], ...]
Totals = tuple[tuple[Span | None, str, Bounds], ...]

LIKELY = ("Joined", "Outreach", "New", "Negotiating", "Expired", NO_STAGE)


def is_possible(demand: Demand, on: date, signed: bool = False) -> bool:
    """Whether there is a witness; at once, because it is not told."""
    return _found(demand, on, signed) is not None


def witness(demand: Demand, on: date, signed: bool = False) -> Witness | None:
    """A partner who meets a demand, on the date `on` where no segment names dates; None when there can be none.

    With `signed` a day's revenue may be negative, which refunds can make it.
    """
    found = _found(demand, on, signed)
    if found is None:
        return None
    today, since, done = found
    stage = next(one for one in LIKELY if one in demand.stages)
    moved = None if stage == NO_STAGE else today - timedelta(days=since)
    values, groups = _names(demand.values, demand.groups, demand.barred_groups)
    contracts = _contracts(demand.contracts, demand.barred_contracts, demand.has_contract)
    return Witness(today, stage, moved, _activity(done, today), contracts, groups, dict(values))


Done = tuple[tuple[int, int, int, int], ...]
"""What is done on some days: days ago, clicks, actions, and units of revenue."""


def _found(demand: Demand, on: date, signed: bool) -> tuple[date, int, Done] | None:
    """A day, the days since the last transition, and what was done; None when there is no partner on any day."""
    if not demand.stages:
        return None
    if (demand.values or demand.groups) and _names(demand.values, demand.groups, demand.barred_groups) is None:
        return None
    if demand.contracts and _contracts(demand.contracts, demand.barred_contracts, demand.has_contract) is None:
        return None
    for today in _days(demand, on):
        since = _since(demand, today)
        done = _done(demand.totals, today, signed) if since is not None else None
        if done is not None:
            return today, since, done
    return None


def _days(demand: Demand, on: date) -> Iterator[date]:
    """The dates on which anything can be different: `on`, then later ones, then earlier ones."""
    spans = [*demand.since, *[span for span, _, _ in demand.totals if span is not None]]
    named = {end for span in spans if isinstance(span.window, Dates) for end in (span.window.first, span.window.last)}
    if not named:
        yield on
        return
    ago = {0} | {n for one in spans if not isinstance(one.window, Dates) for n in (one.window.first, one.window.last)}
    ordinals = {end.toordinal() + days + beside for end in named for days in ago for beside in (-1, 0, 1)}
    first, last, now = FIRST_DAY.toordinal(), LAST_DAY.toordinal(), on.toordinal()
    looked_at = {now, first, last, *(one for one in ordinals if first <= one <= last)}
    for ordinal in sorted(looked_at, key=lambda one: (one < now, abs(one - now))):
        yield date.fromordinal(ordinal)


def _since(demand: Demand, today: date) -> int | None:
    """The fewest days since the last transition that will do."""
    low, high = 0, inf
    for span in demand.since:
        interval = span.on(today)
        if interval is None:
            return None
        low, high = max(low, interval[0]), min(high, interval[1])
    return low if low <= high else None


@lru_cache(maxsize=100_000)
def _names(values: Named, groups: Named, barred: Named) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]] | None:
    """The partner's own columns, and its groups: one for each that is asked for, none that is barred."""
    asked: dict[str, Texts] = {}
    for label, texts in values:
        asked[label] = asked.get(label, Texts()) & texts
    found = [(label, texts.one()) for label, texts in asked.items()]
    names = []
    for label, texts in groups:
        known = sorted(texts.allowed) if texts.allowed is not None else [texts.one()]
        others = [other for also, other in barred if also == label]
        names.append(next((name for name in known if name and not any(one.meets(name) for one in others)), None))
    if None in names or any(value is None for _, value in found):
        return None
    return tuple(found), tuple(dict.fromkeys(names))


def _done(totals: Totals, today: date, signed: bool) -> Done | None:
    """What was done on a day of each region of the one or two windows."""
    if not totals:
        return ()
    windows = list(dict.fromkeys(span for span, _, _ in totals))
    intervals = tuple((0, inf) if span is None else span.on(today) for span in windows)
    return _solved(intervals, tuple((windows.index(span), label, bounds) for span, label, bounds in totals), signed)


@lru_cache(maxsize=100_000)
def _solved(
    intervals: tuple[Interval | None, ...], totals: tuple[tuple[int, str, Bounds], ...], signed: bool
) -> Done | None:
    days = regions(intervals[0], intervals[1] if len(intervals) > 1 else None)
    asked: dict[str, list[Bounds]] = {}
    for index, label, (low, high) in totals:
        bounds = asked.setdefault(label, [FREE, FREE])
        bounds[index] = (max(bounds[index][0], low), min(bounds[index][1], high))
    found = solve(days, {label: tuple(bounds) for label, bounds in asked.items()}, signed)
    if found is None:
        return None
    measures = [found.get(label, (0, 0, 0)) for label in MEASURES]
    return tuple((day, *(one[region] for one in measures)) for region, day in enumerate(days) if day is not None)


def _activity(done: Done, today: date) -> tuple[Activity, ...]:
    return tuple(
        Activity(today - timedelta(days=day), clicks, actions, _amount(revenue))
        for day, clicks, actions, revenue in done
        if clicks or actions
    )


def _amount(units: int) -> Decimal:
    amount = Decimal(units).scaleb(-len(str(UNITS["amount"])) + 1)
    return amount.quantize(Decimal(1)) if amount == int(amount) else amount.normalize()


@lru_cache(maxsize=100_000)
def _contracts(
    demanded: tuple[tuple[Some | None, ...], ...], barred: tuple[Some, ...], has_contract: bool
) -> tuple[Contract, ...] | None:
    """The partner's contracts: one for each that is asked for, or one for all where ids leave no other way."""
    for alternatives in product(*demanded):
        asked = [one for one in alternatives if one is not None]
        if len(asked) < len(alternatives):
            if not asked and not has_contract:
                return ()
            continue
        if not asked:
            return (Contract("S-1", "Expired", superseded=True),) if has_contract else ()
        for chosen in (asked, _merged(asked)):
            found = _signed(chosen, barred)
            if found is not None:
                return found
    return None


def _merged(asked: Sequence[Some]) -> list[Some]:
    first, *others = asked
    for other in others:
        first = first & other
    return [first]


def _signed(asked: Sequence[Some], barred: Sequence[Some]) -> tuple[Contract, ...] | None:
    """A contract for each, with ids of their own, none of which meets one that is barred."""
    options = [_but_not(one, barred) for one in asked]
    for refined in product(*options):
        found: list[Contract] = []
        for one in sorted(refined, key=lambda some: len(some.id.allowed or ()) or 1_000_000):
            contract = _contract(one, [other.id for other in found])
            if contract is None:
                break
            found.append(contract)
        else:
            return tuple(sorted(found, key=lambda contract: contract.id))
    return None


def _but_not(one: Some, barred: Sequence[Some]) -> list[Some]:
    found = [one]
    for other in barred:
        found = [refined for some in found for refined in some.but_not(other)]
    return found


def _contract(one: Some, taken: Sequence[str]) -> Contract | None:
    possible = (one.stages if one.stages is not None else ALL_CONTRACT_STAGES) - (OVER if one.counted else frozenset())
    if one.id.allowed is None:
        numbers = (f"S-{number}" for number in range(1, 3 + len(taken) + len(one.id.barred)))
        identity = next((name for name in numbers if name not in taken and one.id.meets(name)), None)
    else:
        identity = one.id.one(taken)
    term = one.term.one() if one.term is not None else None
    if not possible or identity is None or (one.term is not None and term is None):
        return None
    stage = "Joined" if "Joined" in possible else min(possible)
    return Contract(identity, stage, term)
