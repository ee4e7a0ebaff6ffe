"""The most workflows that can contact one partner within some days, and histories of partners that may reach it.

From above: a set of workflows is excluded if two of its segments can never have the same partner within those days,
whatever happens between them, or if the days since the last transition that they name are too far apart. Between two
instants, a partner may have any number of transitions, and other contracts, groups and another name. What is left out
(conditions that are not analyzed, more than two sums at once) only makes the bound larger. Activity of days that have
passed does not change.

From below: for the largest sets that are not excluded, one history is made whose transitions and sums suit all of their
segments, one after the other. Where a policy makes emails wait, histories are made, too, in which the partner enters
the segments on days as far apart as possible, so that few emails wait at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import islice, product
from math import inf

from compiler.analysis.constraints import DayRange, SegmentConstraints, alternatives_of, conjunction
from compiler.analysis.history import PartnerHistory
from compiler.analysis.satisfiability import example_partner, is_satisfiable
from compiler.segment_reader import SegmentReader
from compiler.segment_tree import DaysAgo, Workflow

ALL_DAYS = DaysAgo(0, 10**6)

MAX_COMPARED = 60
"""Workflows up to which every two are compared; of more, only the days since the last transition are."""

MAX_SETS, MAX_NODES, MAX_PLANS, MAX_PLANS_APART, MAX_ALTERNATIVES = 6, 50_000, 12, 40, 8
"""The most sets for which histories are made, sets that are looked at, plans and alternatives of a set."""


@dataclass(frozen=True)
class SegmentOfBound:
    """The segment of one workflow: alternatives, one of which every partner in it meets."""

    id: str
    alternatives: tuple[SegmentConstraints, ...]

    @cached_property
    def stages(self) -> frozenset[str]:
        """Return the stages that partners in it can have."""
        return frozenset[str]().union(*(one.stages for one in self.alternatives))

    @cached_property
    def days(self) -> tuple[float, float]:
        """Return the fewest and the most days since the last transition that partners in it can have."""
        ranges = [_days_since(one) for one in self.alternatives]
        return min(first for first, _ in ranges), max(last for _, last in ranges)


@dataclass(frozen=True)
class _Epoch:
    """Segments that a partner is in between two transitions: the day of the first one, counted from the first hour."""

    stage: str
    since: int
    segments: tuple[SegmentOfBound, ...]

    @property
    def end(self) -> int:
        """Return the first day on which the partner has been in all segments."""
        return max([0, self.since, *(self.since + int(one.days[0]) for one in self.segments)])


@dataclass(frozen=True)
class _Place:
    """A segment and the day, counted from the first hour, on which the partner is to be in it.

    Without `is_new`, sums may be those of any day; with True they are those of the newest day that counts, so that the
    partner is not in the segment before, and with False of the oldest one, so that other segments do not see them.
    """

    segment: SegmentOfBound
    day: int
    is_new: bool | None = None

    def constraints(self, alternative: SegmentConstraints, last: int) -> SegmentConstraints:
        """Return what an alternative of the segment requires, as of the day `last`."""
        narrowed = alternative if self.is_new is None else _of_one_day(alternative, self.is_new)
        return _shifted(narrowed, last - self.day)


def segments_of(workflows: Iterable[Workflow], reader: SegmentReader, on: date) -> list[SegmentOfBound]:
    """Return the segments of workflows, without those that can never have a member."""
    found = []
    for one in sorted(workflows, key=lambda one: one.id):
        alternatives = tuple(part for part in alternatives_of(one, reader) if is_satisfiable(part, on, True))
        if alternatives:
            found.append(SegmentOfBound(one.id, alternatives))
    return found


class ContactBound:
    """The bound for the segments of one program."""

    def __init__(self, segments: Sequence[SegmentOfBound], on: date):
        self.segments, self.on = segments, on
        self._compatible: dict[tuple[str, str, int, bool], bool] = {}

    def most(
        self, days: int, among: frozenset[str] | None = None, is_one_run: bool = False
    ) -> tuple[int, list[tuple[SegmentOfBound, ...]]]:
        """Return the bound for instants whose dates are up to `days` apart, and the largest sets not excluded.

        With `among`, only these workflows count. With `is_one_run` the instants are those of one run, in which the name
        and the groups of a partner do not change.
        """
        chosen = [one for one in self.segments if among is None or one.id in among]
        best: list[tuple[SegmentOfBound, ...]] = [()]
        nodes = 0

        def grow(taken: tuple[SegmentOfBound, ...], rest: Sequence[SegmentOfBound]) -> None:
            nonlocal best, nodes
            nodes += 1
            if len(taken) > len(best[0]):
                best = [taken]
            elif len(taken) == len(best[0]) and len(best) < MAX_SETS:
                best.append(taken)
            for number, one in enumerate(rest):
                if len(taken) + len(rest) - number < len(best[0]) or nodes > MAX_NODES:
                    return
                if self._fits(taken, one, days, is_one_run, len(chosen)):
                    grow((*taken, one), rest[number + 1 :])

        grow((), chosen)
        if nodes > MAX_NODES:
            return len(chosen) - self._excluded_pairs(chosen, days), best
        return len(best[0]), best

    def histories(
        self, chosen: Sequence[SegmentOfBound], days: int, are_apart: bool = False
    ) -> Iterator[tuple[PartnerHistory, list[date]]]:
        """Yield histories of partners that may be in all of these segments on dates up to `days` apart.

        With `are_apart` the dates are as far apart as possible. With each history come the dates on which the partner
        is meant to be in a segment, sorted.
        """
        for epochs in _plans_apart(chosen) if are_apart else _plans(chosen):
            if epochs[-1].end <= days:
                for places in [_places_apart(epochs)] if are_apart else [_places(epochs, late) for late in (0, 1)]:
                    yield from self._histories(epochs, places)

    def _histories(
        self, epochs: Sequence[_Epoch], places: Sequence[_Place]
    ) -> Iterator[tuple[PartnerHistory, list[date]]]:
        last = max(one.day for one in places)
        for alternatives in islice(product(*(one.segment.alternatives for one in places)), MAX_ALTERNATIVES):
            parts = [place.constraints(part, last) for part, place in zip(alternatives, places, strict=True)]
            found = example_partner(_together(parts), self.on)
            if found is None:
                continue
            begin = found.as_of_date - timedelta(days=last)
            moves = tuple((begin + timedelta(days=one.since), one.stage) for one in epochs)
            names = tuple(found.values.items())
            history = PartnerHistory(moves, found.activity, found.contracts, found.groups, names)
            yield history, sorted({begin + timedelta(days=one.day) for one in places})

    def _fits(
        self, taken: Sequence[SegmentOfBound], one: SegmentOfBound, days: int, is_one_run: bool, number: int
    ) -> bool:
        together = (*taken, one)
        if not (_can_be_in_one_run(together) if is_one_run else _least_days(together) <= days):
            return False
        return number > MAX_COMPARED or all(self._are_compatible(other, one, days, is_one_run) for other in taken)

    def _are_compatible(self, one: SegmentOfBound, other: SegmentOfBound, days: int, is_one_run: bool) -> bool:
        key = one.id, other.id, days, is_one_run
        if key not in self._compatible:
            orders = ((one, other), (other, one))
            self._compatible[key] = any(
                self._can_follow(first, second, apart, is_one_run)
                for apart in range(days + 1)
                for first, second in orders
            )
        return self._compatible[key]

    def _can_follow(self, first: SegmentOfBound, second: SegmentOfBound, apart: int, is_one_run: bool) -> bool:
        """Return whether a partner can be in a segment, and so many days later, or at once, in another one."""
        for early, late in product(first.alternatives, second.alternatives):
            if not apart and self._holds(early, late):
                return True
            before = _lasting(_shifted(early, apart) if apart else _earlier_that_day(early), is_one_run)
            after = _lasting(late, is_one_run)
            if self._holds(before, after):
                return True
            if _days_since(late)[0] <= apart and self._holds(_without_stage(before), _without_stage(after)):
                return True
        return False

    def _holds(self, one: SegmentConstraints, other: SegmentConstraints) -> bool:
        return is_satisfiable(conjunction(one, other), self.on, negative_revenue=True)

    def _excluded_pairs(self, chosen: Sequence[SegmentOfBound], days: int) -> int:
        """Return the number of pairs, no segment in two of them, of which one at most can contact a partner."""
        left, pairs = list(chosen), 0
        while left:
            one = left.pop()
            other = next((two for two in left if _least_days((one, two)) > days), None)
            if other is not None:
                left.remove(other)
                pairs += 1
        return pairs


def _days_since(constraints: SegmentConstraints) -> tuple[float, float]:
    low, high = 0.0, inf
    for one in constraints.since:
        interval = one.on(date(2000, 1, 1)) if isinstance(one.window, DaysAgo) else None
        if interval is not None:
            low, high = max(low, interval[0]), min(high, interval[1])
    return low, high


def _least_days(segments: Sequence[SegmentOfBound]) -> float:
    """Return a number of days within which no partner can be in all segments, as far as their days and stages say.

    The partner's transition of before the first day suits some of them; for the others there must be one transition for
    each stage, and the days since it must pass.
    """
    least = _days_of_later(segments)
    for stage in {stage for one in segments for stage in one.stages}:
        for latest in {one.days[0] for one in segments}:
            for earliest in {one.days[1] for one in segments}:
                rest = [one for one in segments if not _is_first(one, stage, latest, earliest)]
                least = min(least, max(0, latest - earliest) + _days_of_later(rest))
    return least


def _can_be_in_one_run(segments: Sequence[SegmentOfBound]) -> bool:
    """Return whether a partner can be in each segment at one of the two instants of one run, by days and stages.

    These are the end of a day and the midnight after it; between them there may be a transition.
    """
    ends = {int(day) + near for one in segments for day in one.days if day < inf for near in (-1, 0)}
    stages = {stage for one in segments for stage in one.stages}
    for days, stage in product({0, *(day for day in ends if day >= 0)}, stages):
        rest = [one for one in segments if not _is_in(one, stage, days)]
        if all(_is_in(one, stage, days + 1) for one in rest):
            return True
        if any(all(_is_in(one, new, 0) for one in rest) for new in stages):
            return True
    return not segments


def _is_in(one: SegmentOfBound, stage: str, days: int) -> bool:
    return stage in one.stages and one.days[0] <= days <= one.days[1]


def _is_first(one: SegmentOfBound, stage: str, latest: float, earliest: float) -> bool:
    return stage in one.stages and one.days[0] <= latest and one.days[1] >= earliest


def _days_of_later(segments: Iterable[SegmentOfBound]) -> float:
    most: dict[frozenset[str], float] = {}
    for one in segments:
        most[one.stages] = max(most.get(one.stages, 0), one.days[0])
    single = sum(days for stages, days in most.items() if len(stages) == 1)
    return max([single, *most.values()]) if most else 0


def _plans(segments: Sequence[SegmentOfBound]) -> list[tuple[_Epoch, ...]]:
    """Return orders of transitions that suit the segments, those that need the fewest days first."""
    plans = []
    for stage in sorted({stage for one in segments for stage in one.stages}):
        for latest in {one.days[0] for one in segments}:
            for earliest in {one.days[1] for one in segments}:
                first = tuple(one for one in segments if _is_first(one, stage, latest, earliest))
                rest = [one for one in segments if one not in first]
                plans += [_plan(stage, first, rest, gaps) for gaps in ((1, 1), (1, 0), (0, 0)) if first]
    distinct = {
        tuple((one.stage, one.since, tuple(s.id for s in one.segments)) for one in plan): plan for plan in plans
    }
    return sorted(distinct.values(), key=lambda plan: plan[-1].end)[:MAX_PLANS]


def _plan(
    stage: str, first: tuple[SegmentOfBound, ...], rest: Iterable[SegmentOfBound], gaps: tuple[int, int]
) -> tuple[_Epoch, ...]:
    """Return the first transition and one for each stage of the rest.

    `gaps` are the days after what comes before, of the second transition and of later ones.
    """
    since = -min(max(one.days[0] for one in first), min(one.days[1] for one in first))
    epochs = [_Epoch(stage, int(since), first)]
    groups: dict[str, list[SegmentOfBound]] = {}
    for one in sorted(rest, key=lambda one: (len(one.stages), -one.days[0])):
        known = next((name for name in groups if name in one.stages), None)
        groups.setdefault(known or min(one.stages), []).append(one)
    for number, (name, members) in enumerate(groups.items()):
        epochs.append(_Epoch(name, epochs[-1].end + gaps[min(number, 1)], tuple(members)))
    return tuple(epochs)


def _plans_apart(segments: Sequence[SegmentOfBound]) -> list[tuple[_Epoch, ...]]:
    """Return orders of transitions as `_plans` does, also with fewer segments before the second transition."""
    plans = {}
    for stage in sorted({stage for one in segments for stage in one.stages}):
        for latest, earliest in product({one.days[0] for one in segments}, {one.days[1] for one in segments}):
            fitting = [one for one in segments if _is_first(one, stage, latest, earliest)]
            for least in {one.days[0] for one in fitting}:
                first = tuple(one for one in fitting if one.days[0] >= least)
                rest = [one for one in segments if one not in first]
                for plan in (_plan(stage, first, rest, gaps) for gaps in ((1, 1), (1, 0), (0, 0))):
                    plans[tuple((one.stage, one.since, tuple(s.id for s in one.segments)) for one in plan)] = plan
    return [plans[key] for key in sorted(plans, key=lambda key: (plans[key][-1].end, len(key[0][2]), key))][
        :MAX_PLANS_APART
    ]


def _places(epochs: Sequence[_Epoch], late: int) -> list[_Place]:
    """Return a day for each segment: the first one, or the last before the next transition."""
    return [_Place(one, _days_of(epoch, one, end)[late]) for epoch, end in _with_ends(epochs) for one in epoch.segments]


def _places_apart(epochs: Sequence[_Epoch]) -> list[_Place]:
    """Return a day for each segment; of those that leave a choice after the second transition, evenly spread ones.

    Those with small sums come first, since a large sum lets the partner enter them, too.
    """
    first, *later = _with_ends(epochs)
    found = [_Place(one, _days_of(first[0], one, first[1])[0], is_new=False) for one in first[0].segments]
    for epoch, end in later:
        free = sorted((one for one in epoch.segments if one.days[0] < one.days[1]), key=lambda one: (_sum(one), one.id))
        for one in epoch.segments:
            day, last = _days_of(epoch, one, end)
            if one in free:
                even = epoch.since + (end - epoch.since) * (free.index(one) + 1) // (len(free) + 1)
                day = min(max(day, even), last)
            found.append(_Place(one, day, is_new=True))
    return found


def _with_ends(epochs: Sequence[_Epoch]) -> list[tuple[_Epoch, int]]:
    """Return each epoch with the day on which the next one begins; with its own last one if there is none."""
    return list(zip(epochs, [*(one.since for one in epochs[1:]), epochs[-1].end], strict=True))


def _days_of(epoch: _Epoch, one: SegmentOfBound, end: int) -> tuple[int, int]:
    """Return the first and the last day of an epoch on which the partner can be in a segment."""
    first = max(0, epoch.since, epoch.since + int(one.days[0]))
    return first, max(first, int(min(epoch.since + one.days[1], end)))


def _sum(one: SegmentOfBound) -> float:
    """Return the largest sum that a segment asks for."""
    return max((low for part in one.alternatives for _, _, (low, _) in part.totals), default=-inf)


def _of_one_day(constraints: SegmentConstraints, newest: bool) -> SegmentConstraints:
    """Return the constraints with the sums that are to be reached on the newest, or the oldest, day of their window."""

    def narrowed(days: DayRange | None) -> DayRange | None:
        if days is None or days.side != "in" or not isinstance(days.window, DaysAgo):
            return days
        day = days.window.first if newest else days.window.last
        return replace(days, window=DaysAgo(day, day))

    totals = tuple(
        (narrowed(days) if low > 0 else days, label, (low, high)) for days, label, (low, high) in constraints.totals
    )
    return replace(constraints, totals=totals)


def _shifted(constraints: SegmentConstraints, days: int) -> SegmentConstraints:
    """Return the constraints as of some days later."""
    if not days:
        return constraints
    return replace(
        constraints,
        since=tuple(_later(one, days) for one in constraints.since),
        totals=tuple((_later(one, days), label, bounds) for one, label, bounds in constraints.totals),
    )


def _later(one: DayRange | None, days: int) -> DayRange:
    return replace(one, shift=one.shift + days) if one else DayRange(ALL_DAYS, shift=days)


def _earlier_that_day(constraints: SegmentConstraints) -> SegmentConstraints:
    """Return what is left of the constraints later on the same day: more may have happened by then."""
    kept = tuple((days, label, (low, inf)) for days, label, (low, _) in constraints.totals if label != "Revenue")
    past = tuple(
        one for one in constraints.totals if one[0] and isinstance(one[0].window, DaysAgo) and one[0].window.first > 0
    )
    return replace(constraints, totals=tuple(dict.fromkeys((*kept, *past))))


def _lasting(constraints: SegmentConstraints, is_one_run: bool) -> SegmentConstraints:
    """Return the constraints on what cannot change until another instant, besides the stage and sums."""
    same = replace(constraints, contracts=(), excluded_contracts=(), has_contract=False)
    if is_one_run:
        return same
    values = tuple(one for one in constraints.values if one[0] == "Partner ID")
    return replace(same, values=values, groups=(), excluded_groups=())


def _without_stage(constraints: SegmentConstraints) -> SegmentConstraints:
    return replace(constraints, stages=frozenset({"Joined"}), since=())


def _together(constraints: Sequence[SegmentConstraints]) -> SegmentConstraints:
    """Return the constraints of all, with nothing left out, for a partner whose transitions are chosen."""
    first = _without_stage(constraints[0])
    for one in constraints[1:]:
        first = replace(
            first,
            values=first.values + one.values,
            groups=first.groups + one.groups,
            excluded_groups=first.excluded_groups + one.excluded_groups,
            contracts=first.contracts + one.contracts,
            excluded_contracts=first.excluded_contracts + one.excluded_contracts,
            has_contract=first.has_contract or one.has_contract,
            totals=first.totals + one.totals,
            unsupported=first.unsupported + one.unsupported,
        )
    return first
