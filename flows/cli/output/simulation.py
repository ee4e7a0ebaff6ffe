"""A simulation and the history of a segment, as the terminal shows them."""

from collections.abc import Iterable
from datetime import datetime

from rich import box
from rich.table import Table
from rich.text import Text

from flows.local_time import counted
from flows.pipeline.text import grouped
from flows.preview.history import MembershipInterval
from flows.preview.replay import Send
from flows.preview.simulate import Simulation
from flows.warehouse.program_names import ProgramNames

SHOWN = 10
"""Number of partners with several workflows that are listed; the JSON has all of them."""


def simulation_table(found: Simulation, programs: ProgramNames) -> Table:
    """Return a table with one row per workflow: partners, emails, the first and last hour, and the busiest."""
    days = f"{found.first}" if found.first == found.last else f"{found.first} to {found.last}"
    table = Table(title=f"Simulation of {days}", title_justify="left", show_footer=True, box=box.SIMPLE_HEAD, padding=0)
    table.add_column("workflow", footer=counted(len(found.workflows), "workflow"), no_wrap=True)
    rows = found.as_json()["workflows"]
    totals = {name: sum(row[name] for row in rows) for name in ("partners", "emails")}
    for name, total in totals.items():
        table.add_column(name, justify="right", footer=f"{total:,}", no_wrap=True)
    of_workflow = {one.workflow_id: one.program_id for one in found.sends}
    zone, shown = programs.column(of_workflow.values())
    for name in ("first", "last"):
        table.add_column(f"{name}{zone}", no_wrap=True)
    table.add_column("most in\nan hour", justify="right")
    for row in rows:
        counts = [Text(f"{row[name]:,}", style="" if row[name] else "dim") for name in totals]
        most = f"{row['busiest']['partners']:,}" if row["busiest"] else ""
        hours = [
            shown(datetime.fromisoformat(row[name]), of_workflow[row["workflow_id"]]) if row[name] else ""
            for name in ("first", "last")
        ]
        table.add_row(Text(row["workflow_id"]), *counts, *hours, most)
    return table


def simulation_lines(found: Simulation, programs: ProgramNames) -> list[str]:
    """Return lines on breaches of the limit, the busiest hour, and partners that several workflows contact."""
    lines = [
        f"{one.workflow_id}: over the limit from {programs.hour(one.first)} to {programs.hour(one.last)}, with up to "
        f"{one.addresses:,} addresses; nothing is sent then."
        for one in found.limit_breaches
    ]
    if found.hours:
        as_of, emails = max(found.hours.items(), key=lambda pair: pair[1])
        lines.append(f"The busiest hour is {programs.hour(as_of)}, with {counted(emails, 'email')}.")
    several = found.several
    partners = counted(len(several), "partner is", "partners are")
    lines.append(f"{partners} contacted by more than one workflow.")
    lines += [
        f"    {partner} of program {program}: {_story(sends, programs)}"
        for (program, partner), sends in sorted(several.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:SHOWN]
    ]
    if len(several) > SHOWN:
        lines.append("    … (--json has all)")
    return [*lines, *grouped(found.held)]


def membership_lines(intervals: Iterable[MembershipInterval], programs: ProgramNames) -> list[str]:
    """Return one line per interval, with the hours of its program."""
    return [
        f"{one.workflow_id}: {one.partner_id} of program {one.program_id} "
        f"from {programs.time(one.valid_from, one.program_id)}{' or earlier' if one.at_start else ''}"
        f"{f' to {programs.time(one.valid_to, one.program_id)}' if one.valid_to else ' onward'}"
        for one in intervals
    ]


def _story(sends: Iterable[Send], programs: ProgramNames) -> str:
    return ", ".join(f"{one.workflow_id} at {programs.time(one.as_of, one.program_id)}" for one in sends)
