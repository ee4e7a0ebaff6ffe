"""The data of a workflow's bar chart, which templates/chart.html draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flows.report.data import WEEKS, Row

SERIES = ("sent", "opened", "clicked")
"""The counts that are drawn, back to front: each bar covers part of the one before it."""

MIN_COLUMNS = 6
"""A chart has at least this many weeks, so that a single one does not fill the whole width."""


@dataclass(frozen=True)
class Chart:
    """One bar per week and count of SERIES. `weeks` are consecutive, oldest first; `ticks` label the vertical axis."""

    weeks: list[Row]
    ticks: list[int]


def weekly_chart(rows: Sequence[Row]) -> Chart:
    """Return the chart of one workflow's rows of marts.workflow_report_weekly; a week without a row counts 0 emails."""
    by_week = {row["week"]: row for row in rows}
    newest = max(by_week)
    count = max(MIN_COLUMNS, min(WEEKS, (newest - min(by_week)).days // 7 + 1))
    mondays = [newest - timedelta(weeks=back) for back in reversed(range(count))]
    zeros = dict.fromkeys(SERIES, 0)
    weeks = [zeros | by_week.get(monday, {}) | {"week": monday} for monday in mondays]
    top = axis_top(max(row["sent"] for row in rows))
    return Chart(weeks, [0, top // 2, top])


def axis_top(largest: int) -> int:
    """Return the smallest of 2, 4, 6, 8, 10, 20, 40 … that is at least `largest`.

    >>> [axis_top(count) for count in (0, 2, 9, 11, 1_200)]
    [2, 2, 10, 20, 2000]
    """
    step = 1
    while largest > 10 * step:
        step *= 10
    return next(factor * step for factor in (2, 4, 6, 8, 10) if factor * step >= largest)
