"""What a person reads in the terminal: progress, the run table, members."""

import time
from collections.abc import Callable
from typing import Any

from rich import box
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from flows.doctor import Finding
from flows.plan.plan import Plan, WorkflowPlan
from flows.preview.explain import Explanation
from flows.preview.preview import Preview
from flows.report.data import ReportData

STYLES = {"done": "green", "over_limit": "yellow", "held": "yellow", "error": "red"}
COUNTS = ("members", "already_contacted", "suppressed", "no_address", "recipients")
SENT = ("sent", "failed", "in_doubt")
HEADINGS = {"already_contacted": "already\nreached", "no_address": "no\naddress", "recipients": "to send"}
ALWAYS = ("members", "recipients", "sent")
"""Columns that are shown even when every row has 0."""


class Progress:
    """A `step` that says on stderr what is being done, how far it is and how long it took."""

    def __init__(self, console: Console):
        self.console = console
        self._status: Status | None = None
        self._title = ""

    def __call__(self, title: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Carry out a step."""
        begun, self._title = time.monotonic(), title
        with self.console.status(title) as self._status:
            result = function(*arguments)
        self.console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - begun:.1f} s[/]", highlight=False)
        return result

    def report(self, done: int, total: int) -> None:
        """How far the step at work is."""
        if self._status is not None:
            self._status.update(f"{self._title} [dim]{done:,} of {total:,}[/]")


def run_table(plan: Plan, title: str, sending: bool) -> Table:
    """The plan's rows as a table; with what was sent when `sending`. A column of nothing but 0 is left out."""
    totals = {name: sum(getattr(row, name) for row in plan.workflows) for name in COUNTS + (SENT if sending else ())}
    columns = [name for name, total in totals.items() if total or name in ALWAYS]
    table = Table(title=title, title_justify="left", show_footer=True, box=box.SIMPLE_HEAD, padding=0)
    table.add_column("workflow", footer=f"{len(plan.workflows)} workflows", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for column in columns:
        table.add_column(HEADINGS.get(column, column), justify="right", footer=f"{totals[column]:,}", no_wrap=True)
    for row in plan.workflows:
        counts = [getattr(row, column) for column in columns]
        cells = [Text(f"{count:,}", style="" if count else "dim") for count in counts]
        table.add_row(Text(row.workflow_id), Text(row.status, style=STYLES[row.status]), *cells)
    return table


RATES = {
    "delivered": "delivery_rate", "opened": "open_rate", "clicked": "click_rate", "bounced": "bounce_rate",
    "complained": "complaint_rate", "unsubscribed": "unsubscribe_rate",
}  # fmt: skip
"""The columns of counts of marts.workflow_report, each with the column of its rate."""


def workflow_report_table(data: ReportData) -> Table:
    """The report: a row a workflow, a rate beside each number; nothing where there is nothing to divide by."""
    title = f"What became of the emails, as of {data.as_of:%Y-%m-%d %H:%M} UTC" if data.as_of else "No run yet"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    table.add_column("workflow", no_wrap=True)
    table.add_column("sent", justify="right")
    headings = {"unsubscribed": "unsub-\nscribed", "complained": "com-\nplained"}
    for name in RATES:
        table.add_column(headings.get(name, name), justify="right", no_wrap=True)
    for row in data.totals:
        cells = [_with_rate(row[name], row[rate]) for name, rate in RATES.items()]
        table.add_row(Text(row["workflow_id"]), f"{row['sent']:,}", *cells)
    return table


def _with_rate(count: int, rate: float | None) -> Text:
    return Text(f"{count:,}") + Text(f" {rate:4.0%}" if rate is not None and count else "     ", style="dim")


def details(plan: Plan) -> list[str]:
    """Why workflows are not done, a line each."""
    return [f"{row.workflow_id}: {row.detail}" for row in plan.workflows if row.detail]


def late_lines(plan: Plan) -> list[str]:
    """The hours that are caught up: how many, and a line for each that brings anybody or could not be evaluated."""
    if not plan.late:
        return []
    first, last = f"{plan.late[0].as_of:%Y-%m-%d %H:%M}", f"{plan.late[-1].as_of:%Y-%m-%d %H:%M}"
    lines = [f"Caught up before: {len(plan.late)} times from {first} to {last} UTC."]
    for one in plan.late:
        said = [f"{row.workflow_id} {row.recipients:,}" for row in one.workflows if row.recipients]
        said += [f"{row.workflow_id} {row.status} ({row.detail})" for row in one.workflows if row.status != "done"]
        if said:
            lines.append(f"  {one.as_of:%Y-%m-%d %H:%M} UTC: {', '.join(said)}")
    return lines


def members_table(workflow_id: str, preview: Preview) -> Table:
    """The members of a segment."""
    title = f"{workflow_id}: {len(preview.members)} members, {preview.addresses} addresses"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("program", "partner", "name"):
        table.add_column(column)
    for program, partner, name in preview.members:
        table.add_row(Text(program), Text(partner), Text(" ".join((name or "").split())))
    return table


def explanation_lines(found: Explanation) -> list[Text]:
    """Why a partner is in or out, a line a condition, and what follows from it."""
    name = f" ({' '.join(found.name.split())})" if found.name else ""
    verdict = "is in" if found.member else "is not in"
    lines = [Text(f"{found.partner_id}{name} {verdict} {found.workflow_id} as of {found.as_of}.", style="bold")]
    for one in found.conditions:
        mark = Text("✓ ", style="green") if one.holds else Text("✗ ", style="red")
        dates = f" ({one.dates})" if one.dates else ""
        lines.append(mark + Text(f"{one.text}{dates}") + Text(f": {one.actual}" if one.actual is not None else ""))
    if found.already_contacted_at:
        lines.append(Text(f"Contacted by this workflow at {found.already_contacted_at} ({found.state}); never again."))
    elif not found.addresses:
        lines.append(Text("Unsubscribed or suppressed." if found.unsubscribed else "Has no address to write to."))
    change = f"{found.then.capitalize()} at {found.next_change}" if found.then else "Stays so for the next 400 days"
    lines.append(Text(f"{change}, if nothing else happens."))
    return lines


def finding_lines(findings: list[Finding]) -> list[Text]:
    """What doctor found: a line a finding, and below it what to do."""
    marks = {"ok": Text("✓ ", style="green"), "warning": Text("! ", style="yellow"), "error": Text("✗ ", style="red")}
    lines = []
    for one in findings:
        lines.append(marks[one.severity] + Text(f"{one.check}: {one.message}"))
        if one.hint:
            lines.append(Text(f"  {one.hint}", style="dim"))
    return lines


def fields_table(fields: list[dict]) -> Table:
    """The conditions that a segment may use: name, what may follow it, and the column that it reads."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("condition", no_wrap=True)
    table.add_column("followed by")
    table.add_column("column", no_wrap=True)
    for field in fields:
        follows = ", ".join(field["operators"]) + (": " + ", ".join(field["values"]) if field["values"] else "")
        table.add_row(Text(field["label"]), Text(follows), Text(f"{field['model']}.{field['column']}"))
    return table


def summary(row: WorkflowPlan) -> str:
    """One workflow in one line, for logs."""
    counts = ", ".join(f"{getattr(row, name)} {name.replace('_', ' ')}" for name in (*COUNTS, *SENT))
    return f"{row.workflow_id}: {row.status}; {counts}" + (f"; {row.detail}" if row.detail else "")
