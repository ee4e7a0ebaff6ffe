"""A simulation and the history of a segment, as the terminal shows them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from rich import box
from rich.table import Table
from rich.text import Text

from flows.cli.output.sparkline import per_day
from flows.local_time import counted
from flows.pipeline.text import grouped
from flows.preview.history import MembershipInterval
from flows.preview.replay import Send
from flows.preview.simulate import ENDS, Simulation
from flows.warehouse.partner_names import PartnerNames
from flows.warehouse.program_names import ProgramNames

SHOWN = 10
"""Number of partners with several workflows, and of deferred emails, that are listed; the JSON has all of them."""

HEADINGS = {
    "held_out": "held\nout",
    "disqualified": "no longer\nin segment",
    "given_up": "given up",
    "waiting": "still\nwaiting",
}

OUTCOMES = {
    "sent": "until",
    "disqualified": "until its partner no longer qualified at",
    "given_up": "until it was given up at",
    "waiting": "until at least",
}

COMPARED = {
    "emails": "emails",
    "most_per_partner_per_hour": "most to one partner in an hour",
    "most_per_partner_per_day": "most to one partner in 24 hours",
    "most_per_address_per_hour": "most to one address in an hour",
    "most_per_address_per_day": "most to one address in 24 hours",
    "deferred": "deferred",
    "disqualified": "of these, no longer in the segment",
    "given_up": "of these, given up",
    "waiting": "of these, still waiting at the end",
    "longest_wait_hours": "longest wait of a sent email, in hours",
}
"""The rows of the comparison, by their name in Simulation.summary."""


def simulation_table(found: Simulation, programs: ProgramNames) -> Table:
    """Return a table with one row per workflow: partners, emails, the first and last hour, and the busiest.

    It has columns for partners in a holdout, and for emails that the contact policy made wait, if there are any.
    """
    days = f"{found.first}" if found.first == found.last else f"{found.first} to {found.last}"
    table = Table(title=f"Simulation of {days}", title_justify="left", show_footer=True, box=box.SIMPLE_HEAD, padding=0)
    table.add_column("workflow", footer=counted(len(found.workflows), "workflow"), no_wrap=True)
    rows = found.as_json()["workflows"]
    totals = {name: sum(row.get(name, 0) for row in rows) for name in ("partners", "emails", "held_out", *ENDS)}
    totals = {name: total for name, total in totals.items() if total or name in ("partners", "emails")}
    for name, total in totals.items():
        table.add_column(HEADINGS.get(name, name), justify="right", footer=f"{total:,}", no_wrap=True)
    of_workflow = {one.workflow_id: one.program_id for one in found.sends}
    zone, shown = programs.column(of_workflow.values())
    for name in ("first", "last"):
        table.add_column(f"{name}{zone}", no_wrap=True)
    table.add_column("most in\nan hour", justify="right")
    for row in rows:
        counts = [Text(f"{row.get(name, 0):,}", style="" if row.get(name) else "dim") for name in totals]
        most = f"{row['busiest']['partners']:,}" if row["busiest"] else ""
        hours = [
            shown(datetime.fromisoformat(row[name]), of_workflow[row["workflow_id"]]) if row[name] else ""
            for name in ("first", "last")
        ]
        table.add_row(Text(row["workflow_id"]), *counts, *hours, most)
    return table


def simulation_lines(found: Simulation, programs: ProgramNames, names: PartnerNames) -> list[str]:
    """Return lines on breaches of the limit, the busiest hour, and partners that several workflows contact."""
    days = [
        one.as_of.astimezone(programs.zone(one.program_id)).date() for one in found.sends for _ in range(one.emails)
    ]
    lines = per_day(days, "email") + [
        f"{one.workflow_id}: over the limit from {programs.hour(one.first)} to {programs.hour(one.last)}, with up to "
        f"{one.addresses:,} addresses; nothing is sent then."
        for one in found.limit_breaches
    ]
    if found.hours:
        as_of, emails = max(found.hours.items(), key=lambda pair: pair[1])
        lines.append(f"The busiest hour is {programs.hour(as_of)}, with {counted(emails, 'email')}.")
    lines += _deferred(found, programs, names)
    several = found.several
    partners = counted(len(several), "partner is", "partners are")
    lines.append(f"{partners} contacted by more than one workflow.")
    lines += [
        f"    {names.beside(program, partner)} of program {program}: {_story(sends, programs)}"
        for (program, partner), sends in sorted(several.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:SHOWN]
    ]
    if len(several) > SHOWN:
        lines.append("    … (--json has all)")
    return [*lines, *grouped(found.held)]


def comparison_table(found: Mapping[str, Simulation]) -> Table:
    """Return a table with one column per policy, by its name: emails, the most to one partner, and what waited."""
    table = Table(title="Policies compared", title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    table.add_column("", no_wrap=True)
    for name in found:
        table.add_column(Text(name), justify="right")
    summaries = [one.summary() for one in found.values()]
    for name in summaries[0]:
        table.add_row(COMPARED.get(name, name), *(f"{summary[name]:,}" for summary in summaries))
    return table


def _deferred(found: Simulation, programs: ProgramNames, names: PartnerNames) -> Iterable[str]:
    """Yield how many emails waited for each reason, and the emails that waited longest."""
    for reason, emails in Counter(one.reason for one in found.deferred).most_common():
        yield f"{counted(emails, 'email')} deferred. {reason}"
    longest = sorted(found.deferred, key=lambda one: one.as_of - (one.ended or one.not_before))[:SHOWN]
    for one in longest:
        yield (
            f"    {one.workflow_id} to {names.beside(one.program_id, one.partner_id)} of program {one.program_id} from "
            f"{programs.time(one.as_of, one.program_id)} {OUTCOMES[one.outcome]} "
            f"{programs.time(one.ended or one.not_before, one.program_id)}"
        )
    if len(found.deferred) > SHOWN:
        yield "    … (--json has all)"


def membership_lines(intervals: Iterable[MembershipInterval], programs: ProgramNames, names: PartnerNames) -> list[str]:
    """Return one line per interval, with the hours of its program."""
    return [
        f"{one.workflow_id}: {names.beside(one.program_id, one.partner_id)} of program {one.program_id} "
        f"from {programs.time(one.valid_from, one.program_id)}{' or earlier' if one.at_start else ''}"
        f"{f' to {programs.time(one.valid_to, one.program_id)}' if one.valid_to else ' onward'}"
        for one in intervals
    ]


def _story(sends: Iterable[Send], programs: ProgramNames) -> str:
    return ", ".join(f"{one.workflow_id} at {programs.time(one.as_of, one.program_id)}" for one in sends)
