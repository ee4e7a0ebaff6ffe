"""A simulation and the history of a segment, as the terminal shows them."""

from collections.abc import Iterable
from datetime import datetime

from rich import box
from rich.table import Table
from rich.text import Text

from flows.pipeline.text import grouped
from flows.preview.history import MembershipInterval
from flows.preview.simulate import Simulation

SHOWN = 10
"""Number of partners with several workflows that are listed; the JSON has all of them."""


def simulation_table(found: Simulation) -> Table:
    """Return a table with one row per workflow: partners, emails, the first and last hour (UTC), and the busiest."""
    days = f"{found.first}" if found.first == found.last else f"{found.first} to {found.last}"
    table = Table(title=f"Simulation of {days}", title_justify="left", show_footer=True, box=box.SIMPLE_HEAD, padding=0)
    table.add_column("workflow", footer=f"{len(found.workflows)} workflows", no_wrap=True)
    rows = found.as_json()["workflows"]
    totals = {name: sum(row[name] for row in rows) for name in ("partners", "emails")}
    for name, total in totals.items():
        table.add_column(name, justify="right", footer=f"{total:,}", no_wrap=True)
    for name in ("first", "last"):
        table.add_column(name, no_wrap=True)
    table.add_column("most in\nan hour", justify="right")
    for row in rows:
        counts = [Text(f"{row[name]:,}", style="" if row[name] else "dim") for name in totals]
        most = f"{row['busiest']['partners']:,}" if row["busiest"] else ""
        table.add_row(Text(row["workflow_id"]), *counts, _hour(row["first"]), _hour(row["last"]), most)
    return table


def simulation_lines(found: Simulation) -> list[str]:
    """Return lines on breaches of the limit, the busiest hour, and partners that several workflows contact."""
    lines = [
        f"{one.workflow_id}: over the limit from {one.first:%Y-%m-%d %H:%M} to {one.last:%Y-%m-%d %H:%M}, with up to "
        f"{one.addresses:,} addresses; nothing is sent then."
        for one in found.limit_breaches
    ]
    if found.hours:
        as_of, emails = max(found.hours.items(), key=lambda pair: pair[1])
        lines.append(f"The busiest hour is {as_of:%Y-%m-%d %H:%M} UTC, with {emails:,} emails.")
    several = found.several
    lines.append(f"{len(several):,} partners are contacted by more than one workflow.")
    lines += [
        f"    {partner} of program {program}: {_story((one.workflow_id, one.as_of) for one in sends)}"
        for (program, partner), sends in sorted(several.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:SHOWN]
    ]
    if len(several) > SHOWN:
        lines.append("    … (--json has all)")
    return [*lines, *grouped(found.held)]


def membership_lines(intervals: Iterable[MembershipInterval]) -> list[str]:
    """Return one line per interval. Hours are UTC."""
    return [
        f"{one.workflow_id}: {one.partner_id} of program {one.program_id} "
        f"from {one.valid_from:%Y-%m-%d %H:%M}{' or earlier' if one.at_start else ''}"
        f"{f' to {one.valid_to:%Y-%m-%d %H:%M}' if one.valid_to else ' onward'}"
        for one in intervals
    ]


def _story(sends: Iterable[tuple[str, datetime]]) -> str:
    return ", ".join(f"{workflow_id} on {as_of:%Y-%m-%d %H:%M}" for workflow_id, as_of in sends)


def _hour(text: str | None) -> str:
    return text[:16].replace("T", " ") if text else ""
