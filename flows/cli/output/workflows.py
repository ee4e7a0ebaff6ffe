"""The list of workflows, changes of their status, and the values of conditions, as the terminal shows them."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from flows.local_time import counted
from flows.pipeline.text import grouped
from flows.report.workflow_list import ListedWorkflow
from flows.warehouse.program_names import ProgramNames

if TYPE_CHECKING:  # `list` needs neither, and starts faster without them
    from flows.activation import StatusChanges
    from flows.preview.values import FieldValues

STYLES = {"active": "green", "paused": "yellow", "draft": "dim", "broken": "red", "deleted": "dim"}
RUN_STYLES = {"done": "", "over_limit": "yellow", "held": "yellow", "error": "red"}
MARKS = {"active": "green", "paused": "yellow"}
SHOWN = 40
"""Values that are listed; the JSON has all."""


def workflows_table(found: Sequence[ListedWorkflow], programs: ProgramNames) -> Table:
    """Return a table with one row per workflow: id and name, status, last run in its program's zone, members, sent."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("workflow", ratio=1)
    for name in ("status", "last run"):
        table.add_column(name, no_wrap=True)
    for name in ("members", "sent"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found:
        run, accepted = one.last_run, " accepted" if one.action == "accept application" else ""
        named = Text(one.workflow_id) + Text(f"\n{one.name}" if one.name else "", style="dim")
        last = Text(programs.time(run.as_of, one.program_id) if run else "never", style="" if run else "dim")
        if run and run.status != "done":
            last += Text(f"\n{run.status.replace('_', ' ')}", style=RUN_STYLES[run.status])
        members = f"{run.members:,}" if run else "–"
        sent = "–" if one.sent is None else f"{one.sent:,}{accepted}"
        table.add_row(named, Text(one.status, style=STYLES[one.status]), last, members, sent)
    return table


def workflows_lines(found: Sequence[ListedWorkflow]) -> list[str]:
    """Return how many workflows have each status, what became of those that did not run, and what was not known."""
    statuses = Counter(one.status for one in found)
    lines = [f"{counted(len(found), 'workflow')}: {', '.join(f'{statuses[one]} {one}' for one in statuses)}."]
    problems = {
        one.workflow_id: one.last_run.detail or one.last_run.status
        for one in found
        if one.last_run and one.last_run.status != "done" and one.status == "active"
    }
    lines += grouped(problems)
    if statuses["broken"]:
        lines.append("`partnerflow check` says what is wrong with those that are broken.")
    if all(one.sent is None for one in found):
        lines.append("Nothing has been published yet, so last runs and emails are not known: `partnerflow run`.")
    return lines


def status_lines(found: "StatusChanges") -> list[Text]:
    """Return a line per workflow, and the warnings about them."""
    lines = []
    for one in found.changes:
        was = f" (was {one.was})" if one.was != one.status else " already"
        lines.append(Text(f"{one.workflow_id} is ") + Text(one.status, style=MARKS[one.status]) + f"{was}: {one.file}")
    return [*lines, *[Text(str(problem), style="yellow") for problem in found.warnings]]


def values_table(found: "FieldValues", programs: ProgramNames) -> Table:
    """Return a table with one row per value, as it is written in a condition, and its partners by program."""
    shown = found.values[:SHOWN]
    ids = sorted({program for one in shown for program in one.partners or {}})
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(found.label)
    if has_names := any(one.name for one in shown):
        table.add_column("name")
    for program in ids:
        table.add_column(f"partners of\n{programs.name(program)}", justify="right")
    for one in shown:
        counts = [f"{count:,}" if (count := (one.partners or {}).get(program, 0)) else "" for program in ids]
        table.add_row(*map(Text, [one.written, *([one.name] if has_names else []), *counts]))
    return table


def values_lines(found: "FieldValues", text: str) -> list[str]:
    """Return how many values there are, and a condition to copy."""
    if not found.values:
        return [f"No value of {found.label} has {text!r} in it." if text else f"{found.label} has no value yet."]
    hint = f'; --json has all, and `partnerflow values "{found.label}" TEXT` searches'
    more = f"These are the first {SHOWN}{hint}." if len(found.values) > SHOWN else ""
    example = f"Write, for example: {found.values[0].sentence}"
    return [f"{counted(len(found.values), 'value')}. {more}".strip(), example]
