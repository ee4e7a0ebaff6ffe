"""Terminal output: progress, and the tables and lines of most commands."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from flows.doctor import Finding
from flows.local_time import counted
from flows.pipeline.steps import run_step
from flows.pipeline.text import COUNTS, SENT
from flows.plan.plan import Plan
from flows.preview.explain import Explained, Explanation, StageReason
from flows.preview.preview import Preview
from flows.report.data import RATES, ReportData
from flows.warehouse.program_names import ProgramNames

P = ParamSpec("P")
R = TypeVar("R")

STYLES = {"done": "green", "over_limit": "yellow", "held": "yellow", "error": "red"}
HEADINGS = {"already_contacted": "already\ncontacted", "no_address": "no\naddress", "recipients": "to send"}
ALWAYS = ("members", "recipients", "sent")
"""Columns that are shown even if every row has 0."""


class Progress:
    """A step runner that shows on stderr the current step, its progress, and how long each step took."""

    def __init__(self, console: Console):
        self.console = console
        self._status: Status | None = None
        self._title = ""

    def __call__(self, title: str, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a step."""
        started, self._title = time.monotonic(), title
        with self.console.status(title) as self._status:
            result = run_step(title, function, *args, **kwargs)
        self.console.print(f"[green]✓[/] {title} [dim]{time.monotonic() - started:.1f} s[/]", highlight=False)
        return result

    def report(self, done: int, total: int) -> None:
        """Show how much of the current step is done."""
        if self._status is not None:
            self._status.update(f"{self._title} [dim]{done:,} of {total:,}[/]")


def run_table(plan: Plan, title: str, sending: bool) -> Table:
    """Return the plan as a table, with the sending results if `sending`. Columns with only zeros are omitted."""
    totals = {name: sum(getattr(row, name) for row in plan.workflows) for name in COUNTS + (SENT if sending else ())}
    columns = [name for name, total in totals.items() if total or name in ALWAYS]
    table = Table(title=title, title_justify="left", show_footer=True, box=box.SIMPLE_HEAD, padding=0)
    table.add_column("workflow", footer=counted(len(plan.workflows), "workflow"), no_wrap=True)
    table.add_column("status", no_wrap=True)
    for column in columns:
        table.add_column(HEADINGS.get(column, column), justify="right", footer=f"{totals[column]:,}", no_wrap=True)
    for row in plan.workflows:
        counts = [getattr(row, column) for column in columns]
        cells = [Text(f"{count:,}", style="" if count else "dim") for count in counts]
        table.add_row(Text(row.workflow_id), Text(row.status, style=STYLES[row.status]), *cells)
    return table


def workflow_report_table(data: ReportData, programs: ProgramNames) -> Table:
    """Return the report as a table: one row per workflow, each count with its rate.

    `reported` is the number of emails that any event speaks of; without one, nothing is known of the others.
    """
    title = f"Email outcomes as of {programs.hour(data.as_of)}" if data.as_of else "No run yet"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    table.add_column("workflow", no_wrap=True)
    for name in ("sent", "reported"):
        table.add_column(name, justify="right")
    headings = {"unsubscribed": "unsub-\nscribed", "complained": "com-\nplained"}
    for name, _ in RATES:
        table.add_column(headings.get(name, name), justify="right", no_wrap=True)
    for row in data.totals:
        known = row["with_events"]
        cells = [_with_rate(row[count], row[rate]) if known else Text("–     ", style="dim") for count, rate in RATES]
        if row["accepted"]:
            table.add_row(Text(row["workflow_id"]), f"{row['accepted']:,} accepted")
        else:
            table.add_row(Text(row["workflow_id"]), f"{row['sent']:,}", f"{known:,}", *cells)
    return table


def workflow_report_lines(data: ReportData) -> list[str]:
    """Return of how many emails the outcome is known, and what the rates are shares of."""
    sent, known = (sum(row[name] for row in data.totals) for name in ("sent", "with_events"))
    if not sent:
        return ["No email has been sent yet."]
    if not known:
        return [
            f"Mail providers have reported nothing about the {counted(sent, 'email')} sent, so what became of them is "
            "not known (–). docs/events-and-reports.md says how to receive events."
        ]
    return [
        f"{known:,} of {sent:,} emails sent are reported by events; of the others nothing is known. Delivered and "
        "bounced are shares of those reported, the others of those delivered."
    ]


def _with_rate(count: int, rate: float | None) -> Text:
    return Text(f"{count:,}") + Text(f" {rate:4.0%}" if rate is not None and count else "     ", style="dim")


def members_table(workflow_id: str, preview: Preview) -> Table:
    """Return the members of a segment as a table."""
    members, addresses = counted(len(preview.members), "member"), counted(preview.addresses, "address", "addresses")
    title = f"{workflow_id}: {members}, {addresses}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, min_width=cell_len(title))
    for column in ("program", "partner", "name"):
        table.add_column(column)
    for program, partner, name in preview.members:
        table.add_row(Text(program), Text(partner), Text(" ".join((name or "").split())))
    return table


def explanation_lines(found: Explanation, programs: ProgramNames) -> list[Text]:
    """Return why a partner is in a segment or not: one line per condition, then what follows."""

    def at(text: str | None) -> str:
        try:
            return programs.time(datetime.fromisoformat(text or ""), found.program_id)
        except ValueError:  # in a year that Python has no date for
            return str(text)

    name = f" ({' '.join(found.name.split())})" if found.name else ""
    verdict = "is in" if found.member else "is not in"
    lines = [Text(f"{found.partner_id}{name} {verdict} {found.workflow_id} as of {at(found.as_of)}.", style="bold")]
    lines += _condition_lines(found.conditions)
    if found.stage_reason:
        lines.append(Text(_stage_reason(found.stage_reason, at)))
    if found.already_contacted_at:
        lines.append(Text(f"This workflow contacted the partner at {at(found.already_contacted_at)} ({found.state})."))
    elif not found.addresses:
        lines.append(Text("Unsubscribed or suppressed." if found.unsubscribed else "Has no email address."))
    change = f"{found.then.capitalize()} at {at(found.next_change)}" if found.then else ""
    lines.append(Text(f"{change or 'No change for the next 400 days'}, if nothing else happens."))
    return lines


def _condition_lines(conditions: Iterable[Explained], indent: str = "") -> Iterator[Text]:
    for one in conditions:
        mark = Text("✓ ", style="green") if one.holds else Text("✗ ", style="red")
        dates = f" ({one.dates})" if one.dates else ""
        actual = f": {one.actual}" if one.actual is not None else ""
        yield Text(indent) + mark + Text(f"{one.text}{dates}{actual}")
        for segment in one.segments:
            yield Text(f"{indent}    {segment.name}:")
            yield from _condition_lines(segment.conditions, f"{indent}    ")


def _stage_reason(why: StageReason, at: Callable[[str | None], str]) -> str:
    contract = f" ({why.contract_id})" if why.contract_id else ""
    seen = f", loaded at {at(why.seen_at)}" if why.seen_at else ""
    inferred = ", inferred from a later stage of the contract" if why.is_inferred else ""
    return f"{why.stage} since {at(why.since)}: {why.event}{contract}{seen}{inferred}."


def finding_lines(findings: list[Finding]) -> list[Text]:
    """Return one line per finding of doctor, with its hint below it."""
    marks = {"ok": Text("✓ ", style="green"), "warning": Text("! ", style="yellow"), "error": Text("✗ ", style="red")}
    lines = []
    for one in findings:
        lines.append(marks[one.severity] + Text(f"{one.check}: {one.message}"))
        if one.hint:
            lines.append(Text(f"  {one.hint}", style="dim"))
    return lines


def fields_table(fields: list[dict[str, Any]]) -> Table:
    """Return the conditions that a segment can use: label, operators and values, and the column."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("condition", no_wrap=True)
    table.add_column("followed by")
    table.add_column("column", no_wrap=True)
    for field in fields:
        follows = ", ".join(field["operators"]) + (": " + ", ".join(field["values"]) if field["values"] else "")
        table.add_row(Text(field["label"]), Text(follows), Text(f"{field['model']}.{field['column']}"))
    return table
