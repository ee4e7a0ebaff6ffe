"""Sums of measures over three windows of days or more: whether all bounds can hold, and an example that satisfies them.

The ends of the windows cut the days into ranges, and a window is a row of neighboring ranges. So a bound on a sum is a
bound on the difference of two running totals: a system of difference constraints, which has a solution in whole
numbers unless its graph has a negative cycle (Bellman-Ford).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from math import inf

from compiler.analysis.interval_sums import Bounds, Interval

Sums = tuple[int, ...]
"""A measure's sum in each range of days."""

Requirements = Sequence[tuple[Interval | None, Bounds]]
"""The windows of a measure, None for one without a day, with the bounds of its sum."""


def solve_windows(
    windows: Sequence[Interval | None], bounds: Mapping[str, Requirements], negative_revenue: bool = False
) -> tuple[list[int], dict[str, Sums]] | None:
    """Return the first day (days ago) of each range, and the sums by measure; None when there are none.

    Clicks and Actions are never negative; Revenue is only with `negative_revenue`. A range has revenue only if it has
    an action.

    >>> windows = [(0, 30), (0, 60), (31, 60)]
    >>> at_least, at_most = (100, inf), (-inf, 49)
    >>> solve_windows(windows, {"Clicks": list(zip(windows, (at_most, at_least, at_most), strict=True))})
    >>> at_most = (-inf, 50)
    >>> solve_windows(windows, {"Clicks": list(zip(windows, (at_most, at_least, at_most), strict=True))})
    ([0, 31, 61], {'Clicks': (50, 50, 0), 'Actions': (0, 0, 0), 'Revenue': (0, 0, 0)})
    """
    if any(days is None and not low <= 0 <= high for found in bounds.values() for days, (low, high) in found):
        return None
    starts = sorted({0, *(end for one in windows if one for end in (one[0], one[1] + 1) if end < inf)})
    first_days = [int(day) for day in starts]
    found: dict[str, Sums] = {}
    for label in bounds.keys() - {"Actions", "Revenue"}:
        sums = _solve(first_days, bounds[label], [0] * len(first_days), [inf] * len(first_days))
        if sums is None:
            return None
        found[label] = sums
    pair = _actions_and_revenue(first_days, bounds.get("Actions", ()), bounds.get("Revenue", ()), negative_revenue)
    return None if pair is None else (first_days, found | pair)


def _actions_and_revenue(
    starts: list[int], actions: Requirements, revenue: Requirements, negative_revenue: bool
) -> dict[str, Sums] | None:
    """Try the sets of ranges that may have revenue; only where both are bounded must more than one be tried."""
    least = -inf if negative_revenue else 0
    unlimited = [inf] * len(starts)
    for active in _subsets(len(starts)) if actions and revenue else [range(len(starts)) if revenue else ()]:
        is_active = [number in active for number in range(len(starts))]
        amounts = _solve(
            starts, revenue, [least if one else 0 for one in is_active], [inf if one else 0 for one in is_active]
        )
        counts = _solve(starts, actions, [int(one) for one in is_active], unlimited)
        if amounts is not None and counts is not None:
            return {"Actions": counts, "Revenue": amounts}
    return None


def _subsets(count: int) -> Iterator[tuple[int, ...]]:
    for size in range(count + 1):
        yield from combinations(range(count), size)


def _solve(starts: list[int], required: Requirements, least: Sequence[float], most: Sequence[float]) -> Sums | None:
    """Return a sum for each range between its `least` and its `most`, so that all bounds hold."""
    edges: list[tuple[int, int, float]] = []
    for number, (low, high) in enumerate(zip(least, most, strict=True)):
        edges += [(number, number + 1, high), (number + 1, number, -low)]
    for days, (low, high) in required:
        if days is not None:
            begin = starts.index(int(days[0]))
            end = starts.index(int(days[1]) + 1) if days[1] < inf else len(starts)
            edges += [(begin, end, high), (end, begin, -low)]
    finite = [edge for edge in edges if edge[2] < inf]
    totals: list[float] = [0] * (len(starts) + 1)
    for _ in range(len(totals) + 1):
        is_changed = False
        for one, other, most_apart in finite:
            if totals[one] + most_apart < totals[other]:
                totals[other], is_changed = totals[one] + most_apart, True
        if not is_changed:
            return tuple(int(after - before) for before, after in pairwise(totals))
    return None
