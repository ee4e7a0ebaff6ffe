"""Totals over two windows of days: can they all be as asked for, and with what on which day?

Exact, on whole numbers. Two windows cut the days into three regions (only the first, both, only the second); a total
over a window is the sum of two regions, so a measure is three numbers and two ranges that decide each other in closed
form.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import inf

Interval = tuple[int, float]
"""Days ago, first to last, both inclusive; the last may be infinite."""

Bounds = tuple[float, float]
"""The least and the greatest total, both inclusive; infinite when open."""

FIRST, BOTH, SECOND = 0, 1, 2
FREE: Bounds = (-inf, inf)
ROUND = 10**8
"""Of the revenue that will do, a round sum is taken."""


def regions(first: Interval | None, second: Interval | None) -> tuple[int | None, int | None, int | None]:
    """A day of each region, None where the region is empty; None as an interval is no day at all.

    >>> regions((0, 30), (1, 60))
    (0, 1, 31)
    """
    return _without(first, second), _first_common(first, second), _without(second, first)


def solve(
    days: Sequence[int | None], asked: Mapping[str, tuple[Bounds, Bounds]], signed: bool = False
) -> dict[str, tuple[int, int, int]] | None:
    """A number for each measure and region, such that every total lies within its bounds; None when there are none.

    `asked` has the bounds of each measure over the two windows. Clicks and Actions are never negative; Revenue is not
    either unless `signed`, and a region has revenue only where it has an action.

    >>> solve((0, 1, 31), {"Clicks": ((100, inf), (-inf, 49))})
    {'Clicks': (100, 0, 0)}
    >>> solve((None, 1, 31), {"Clicks": ((100, inf), (-inf, 49))})
    """
    there = tuple(day is not None for day in days)
    found: dict[str, tuple[int, int, int]] = {}
    for label, (one, two) in asked.items():
        if label not in ("Actions", "Revenue"):
            numbers = _three(one, two, there, (0, 0, 0) if label == "Clicks" else (-inf,) * 3)
            if numbers is None:
                return None
            found[label] = numbers
    if "Actions" in asked or "Revenue" in asked:
        pair = _actions_and_revenue(there, asked.get("Actions"), asked.get("Revenue"), signed)
        return None if pair is None else found | pair
    return found


def _actions_and_revenue(
    there: tuple[bool, ...], actions: tuple[Bounds, Bounds] | None, revenue: tuple[Bounds, Bounds] | None, signed: bool
) -> dict[str, tuple[int, int, int]] | None:
    """Tries every set of regions that have actions at all: few, at most eight."""
    for active in _subsets(there):
        counts = _three(*(actions or (FREE, FREE)), there, tuple(int(one) for one in active))
        least = -inf if signed else 0
        amounts = _three(*(revenue or (FREE, FREE)), active, (least, least, least), ROUND)
        if counts is not None and amounts is not None:
            return {"Actions": counts, "Revenue": amounts}
    return None


def _subsets(there: tuple[bool, ...]) -> Iterator[tuple[bool, ...]]:
    possible = [region for region in (FIRST, BOTH, SECOND) if there[region]]
    for size in range(len(possible) + 1):
        for chosen in combinations(possible, size):
            yield tuple(region in chosen for region in (FIRST, BOTH, SECOND))


def _three(
    one: Bounds, two: Bounds, there: tuple[bool, ...], least: tuple[float, ...], step: int = 1
) -> tuple[int, int, int] | None:
    """Whole numbers x, y, z with x + y in `one`, y + z in `two`, each at least its `least`, 0 where a region is empty.

    The range of y is what both windows leave for it; whatever y is chosen from it, x and z follow.
    """
    low, high = (least[BOTH], inf) if there[BOTH] else (0, 0)
    for (lowest, highest), region in ((one, FIRST), (two, SECOND)):
        if there[region]:
            high = min(high, highest - least[region])
        else:
            low, high = max(low, lowest), min(high, highest)
    if low > high:
        return None
    y = _chosen(low, high, step)
    outer = []
    for (lowest, highest), region in ((one, FIRST), (two, SECOND)):
        low, high = (max(least[region], lowest - y), highest - y) if there[region] else (0, 0)
        if low > high:
            return None
        outer.append(_chosen(low, high, step))
    return outer[0], y, outer[1]


def _chosen(low: float, high: float, step: int) -> int:
    """The number nearest to 0 between two, both inclusive; a multiple of `step` next to it if there is one."""
    nearest = int(min(max(low, 0), high))
    multiple = -(-nearest // step) * step if nearest > 0 else nearest // step * step
    return multiple if low <= multiple <= high else nearest


def _first_common(first: Interval | None, second: Interval | None) -> int | None:
    if first is None or second is None:
        return None
    day = max(first[0], second[0])
    return day if day <= min(first[1], second[1]) else None


def _without(first: Interval | None, second: Interval | None) -> int | None:
    """The first day of one interval that is not in the other."""
    if first is None:
        return None
    if second is None or not second[0] <= first[0] <= second[1]:
        return first[0]
    return int(second[1]) + 1 if second[1] < first[1] else None
