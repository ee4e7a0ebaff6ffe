"""The table of a plan or a run."""

from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from flows.local_time import counted
from flows.pipeline.text import COUNTS, SENT
from flows.plan.plan import Plan, WorkflowPlan

STYLES = {"done": "green", "over_limit": "yellow", "held": "yellow", "error": "red"}

HEADINGS = {
    "already_contacted": "already\ncontacted", "no_address": "no\naddress", "held_out": "held\nout",
    "recipients": "to send",
}  # fmt: skip

OF_ONE_HOUR = ("members", "already_contacted", "suppressed", "no_address")
"""Columns that are not added up over hours."""

ALWAYS = ("members", "recipients", "sent")
"""Columns that are shown even if every row has 0."""


def run_table(plan: Plan, earlier: Sequence[Plan], sending: bool) -> Table:
    """Return the plan as a table, with the sending results if `sending`. Columns with only zeros are omitted.

    Below a workflow that contacts partners of `earlier` hours, which are caught up, is a row with what it sends for
    them; the totals include it. Members of several hours are not added up, since they are mostly the same partners.
    """
    names = COUNTS + (SENT if sending else ())
    caught_up = {row.workflow_id: row for row in _caught_up(earlier, plan)}
    totals = {name: sum(getattr(row, name) for row in (*plan.workflows, *caught_up.values())) for name in names}
    columns = [name for name in names if totals[name] or name in ALWAYS]
    table = Table(show_footer=True, box=box.SIMPLE_HEAD, padding=0)
    table.add_column("workflow", footer=counted(len(plan.workflows), "workflow"), no_wrap=True)
    table.add_column("status", no_wrap=True)
    for column in columns:
        table.add_column(HEADINGS.get(column, column), justify="right", footer=f"{totals[column]:,}", no_wrap=True)
    for row in plan.workflows:
        table.add_row(Text(row.workflow_id), Text(row.status, style=STYLES[row.status]), *_counts(row, columns))
        if row.workflow_id in caught_up:
            cells = zip(columns, _counts(caught_up[row.workflow_id], columns), strict=True)
            hours = [Text() if name in OF_ONE_HOUR else cell for name, cell in cells]
            table.add_row(Text("  earlier hours", style="dim"), "", *hours)
    return table


def _caught_up(earlier: Sequence[Plan], plan: Plan) -> Iterator[WorkflowPlan]:
    """Yield one row per workflow of the plan with the contacts of earlier hours, added up."""
    for row in plan.workflows:
        rows = [one for hour in earlier for one in hour.workflows if one.workflow_id == row.workflow_id]
        sums = {name: sum(getattr(one, name) for one in rows) for name in ("recipients", *SENT)}
        if any(sums.values()):
            yield WorkflowPlan(row.workflow_id, **sums)


def _counts(row: WorkflowPlan, columns: Iterable[str]) -> list[Text]:
    counts = [getattr(row, column) for column in columns]
    return [Text(f"{count:,}", style="" if count else "dim") for count in counts]
