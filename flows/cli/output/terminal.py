"""Terminal output: progress, and the tables and lines of most commands."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from flows.plan.plan import Plan, WorkflowPlan
from flows.preview.explain import Explained, Explanation, StageReason
from flows.preview.preview import Preview
from flows.report.data import RATES, ReportData, Row
from flows.report.lift import goal_sentence, lift_sentences
from flows.warehouse.program_names import ProgramNames

P = ParamSpec("P")
R = TypeVar("R")

STYLES = {"done": "green", "over_limit": "yellow", "held": "yellow", "error": "red"}
HEADINGS = {
    "already_contacted": "already\ncontacted", "no_address": "no\naddress", "held_out": "held\nout",
    "recipients": "to send",
}  # fmt: skip
OF_ONE_HOUR = ("members", "already_contacted", "suppressed", "no_address")
"""Columns that are not added up over hours."""

ALWAYS = ("members", "recipients", "sent")
"""Columns that are shown even if every row has 0."""


REPORT_HEADINGS = {"unsubscribed": "unsub-\nscribed", "complained": "com-\nplained"}

NARROW = ("delivery_rate", "open_rate", "click_rate")
"""The rates that a terminal of less than WIDE columns shows."""

WIDE = 100


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


def workflow_report_table(data: ReportData, width: int) -> Table:
    """Return the report as a table: one row per workflow, with its counts, and rates where they have room.

    `reported` is the number of emails that any event speaks of; of the others nothing is known. Columns of outcomes
    that no email has are omitted, and so are all of them without any event.
    """
    shown = [(count, rate) for count, rate in RATES if any(row[count] for row in data.totals)]
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    for name in ("workflow", "sent", *(["reported"] if shown else [])):
        table.add_column(name, justify="left" if name == "workflow" else "right", no_wrap=True)
    for name, _ in shown:
        table.add_column(REPORT_HEADINGS.get(name, name), justify="right", no_wrap=True)
    for row in data.totals:
        known = f"{row['with_events']:,}" if row["sent"] else ""
        cells = [_outcome(row, count, rate if width >= WIDE or rate in NARROW else None) for count, rate in shown]
        sent = f"{row['accepted']:,} accepted" if row["accepted"] else f"{row['sent']:,}"
        outcomes = [Text(known), *cells] if shown else []
        table.add_row(Text(row["workflow_id"]), sent, *outcomes)
    return table


def _outcome(row: Row, count: str, rate: str | None) -> Text:
    if not row["with_events"]:
        return Text("–" if row["sent"] else "", style="dim")
    share = row[rate] if rate and row[count] else None
    shown = "" if rate is None else "     " if share is None else f" {share:4.0%}"
    return Text(f"{row[count]:,}") + Text(shown, style="dim")


def workflow_report_lines(data: ReportData) -> list[str]:
    """Return of how many emails the outcome is known, and what the rates are shares of."""
    sent, known = (sum(row[name] for row in data.totals) for name in ("sent", "with_events"))
    if not sent:
        return ["No email has been sent yet."]
    if not known:
        return [
            f"Mail providers have reported nothing about the {counted(sent, 'email')} sent, so opens, clicks and "
            "bounces are not known. docs/events-and-reports.md says how to receive events."
        ]
    return [
        f"{known:,} of {sent:,} emails sent are reported by events; of the others nothing is known. Delivered and "
        "bounced are shares of those reported, the others of those delivered."
    ]


def goal_lines(data: ReportData) -> list[str]:
    """Return of each workflow with a goal its id and goal, who has reached it, and what a holdout shows."""
    lifts = {row["workflow_id"]: row for row in data.lifts}
    lines = []
    for row in data.totals:
        if row["goal"]:
            lift = lifts.get(row["workflow_id"])
            sentences = [goal_sentence(row), *(lift_sentences(lift) if lift else [])]
            lines += [f"{row['workflow_id']}: {row['goal']}", *(f"  {one}" for one in sentences)]
    return lines


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
        lines.append(Text(_contact(at(found.already_contacted_at), found.state)))
    elif not found.addresses:
        lines.append(Text("Unsubscribed or suppressed." if found.unsubscribed else "Has no email address."))
    change = f"{found.then.capitalize()} at {at(found.next_change)}" if found.then else ""
    lines.append(Text(f"{change or 'No change for the next 400 days'}, if nothing else happens."))
    return lines


def _contact(at: str, state: str | None) -> str:
    if state == "held_out":
        return f"The partner is in the holdout of this workflow since {at}, and is not written to by it."
    return f"This workflow contacted the partner at {at} ({state})."


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
