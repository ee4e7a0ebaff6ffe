"""Sums of measures over two windows of days: whether all bounds can hold, and an example that satisfies them.

The result is exact, in whole numbers. Two windows divide the days into three regions (only in the first, in both, only
in the second). A sum over a window is the sum of two regions, so each measure is three numbers with two bounds, which
has a solution in closed form.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import inf

Interval = tuple[int, float]
"""Days ago, first to last, both inclusive; the last may be infinite."""

Bounds = tuple[float, float]
"""The least and the greatest sum, both inclusive; infinite where unbounded."""

RegionSums = tuple[int, int, int]
"""A measure's sum in each region: only the first window, both, only the second."""

Days = tuple[int | None, int | None, int | None]
"""A day (days ago) of each region; None where a region has no day."""

FIRST, BOTH, SECOND = 0, 1, 2
UNBOUNDED: Bounds = (-inf, inf)
REVENUE_STEP = 10**8
"""Units of revenue in one unit of currency: an example's revenue is a whole amount where the bounds allow it."""


def regions(first: Interval | None, second: Interval | None) -> Days:
    """Return one day of each region. None as an interval contains no day.

    >>> regions((0, 30), (1, 60))
    (0, 1, 31)
    """
    return _difference(first, second), _intersection(first, second), _difference(second, first)


def solve_sums(
    days: Days, bounds: Mapping[str, tuple[Bounds, Bounds]], negative_revenue: bool = False
) -> dict[str, RegionSums] | None:
    """Return sums for each measure and region so that every total lies within its bounds; None when there are none.

    `bounds` has the bounds of each measure over the two windows. Clicks and Actions are never negative; Revenue is
    only with `negative_revenue`. A region has revenue only if it has an action.

    >>> solve_sums((0, 1, 31), {"Clicks": ((100, inf), (-inf, 49))})
    {'Clicks': (100, 0, 0)}
    >>> solve_sums((None, 1, 31), {"Clicks": ((100, inf), (-inf, 49))})
    """
    exists = tuple(day is not None for day in days)
    found: dict[str, RegionSums] = {}
    for label, (one, two) in bounds.items():
        if label not in ("Actions", "Revenue"):
            numbers = _solve_regions(one, two, exists, (0, 0, 0) if label == "Clicks" else (-inf,) * 3)
            if numbers is None:
                return None
            found[label] = numbers
    if "Actions" in bounds or "Revenue" in bounds:
        pair = _actions_and_revenue(exists, bounds.get("Actions"), bounds.get("Revenue"), negative_revenue)
        return None if pair is None else found | pair
    return found


def _actions_and_revenue(
    exists: Sequence[bool],
    actions: tuple[Bounds, Bounds] | None,
    revenue: tuple[Bounds, Bounds] | None,
    negative_revenue: bool,
) -> dict[str, RegionSums] | None:
    """Try every set of regions that have actions; there are at most eight."""
    for active in _subsets(exists):
        counts = _solve_regions(*(actions or (UNBOUNDED, UNBOUNDED)), exists, tuple(int(one) for one in active))
        least = -inf if negative_revenue else 0
        amounts = _solve_regions(*(revenue or (UNBOUNDED, UNBOUNDED)), active, (least, least, least), REVENUE_STEP)
        if counts is not None and amounts is not None:
            return {"Actions": counts, "Revenue": amounts}
    return None


def _subsets(exists: Sequence[bool]) -> Iterator[tuple[bool, ...]]:
    possible = [region for region in (FIRST, BOTH, SECOND) if exists[region]]
    for size in range(len(possible) + 1):
        for chosen in combinations(possible, size):
            yield tuple(region in chosen for region in (FIRST, BOTH, SECOND))


def _solve_regions(
    one: Bounds, two: Bounds, exists: Sequence[bool], least: Sequence[float], step: int = 1
) -> RegionSums | None:
    """Return whole numbers x, y, z with x + y in `one` and y + z in `two`, each at least its `least`.

    A region without days is 0. For every y in the range that both windows leave, there is an x and a z.
    """
    low, high = (least[BOTH], inf) if exists[BOTH] else (0, 0)
    for (lowest, highest), region in ((one, FIRST), (two, SECOND)):
        if exists[region]:
            high = min(high, highest - least[region])
        else:
            low, high = max(low, lowest), min(high, highest)
    if low > high:
        return None
    y = _nearest_to_zero(low, high, step)
    outer = []
    for (lowest, highest), region in ((one, FIRST), (two, SECOND)):
        low, high = (max(least[region], lowest - y), highest - y) if exists[region] else (0, 0)
        if low > high:
            return None
        outer.append(_nearest_to_zero(low, high, step))
    return outer[0], y, outer[1]


def _nearest_to_zero(low: float, high: float, step: int) -> int:
    """Return the number from `low` to `high` that is nearest to 0, or the next multiple of `step` if it lies within."""
    nearest = int(min(max(low, 0), high))
    multiple = -(-nearest // step) * step if nearest > 0 else nearest // step * step
    return multiple if low <= multiple <= high else nearest


def _intersection(first: Interval | None, second: Interval | None) -> int | None:
    if first is None or second is None:
        return None
    day = max(first[0], second[0])
    return day if day <= min(first[1], second[1]) else None


def _difference(first: Interval | None, second: Interval | None) -> int | None:
    """Return the first day of one interval that is not in the other."""
    if first is None:
        return None
    if second is None or not second[0] <= first[0] <= second[1]:
        return first[0]
    return int(second[1]) + 1 if second[1] < first[1] else None
