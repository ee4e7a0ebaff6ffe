"""The report: a table, and what its counts and goals mean."""

from rich import box
from rich.table import Table
from rich.text import Text

from flows.local_time import counted
from flows.report.data import RATES, ReportData, Row
from flows.report.lift import goal_sentence, lift_sentences

REPORT_HEADINGS = {"unsubscribed": "unsub-\nscribed", "complained": "com-\nplained"}

NARROW = ("delivery_rate", "open_rate", "click_rate")
"""The rates that a terminal of less than WIDE columns shows."""

WIDE = 100


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
