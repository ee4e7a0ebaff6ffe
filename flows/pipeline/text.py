"""A plan in lines of text, for the terminal, the log and Prefect."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime

from flows.local_time import counted
from flows.plan.plan import Plan, WorkflowPlan

COUNTS = ("members", "already_contacted", "suppressed", "no_address", "held_out", "recipients")
SENT = ("sent", "failed", "in_doubt")


def details(plan: Plan) -> list[str]:
    """Return the plan's notes, and the details of the workflows: why one is not done, or what no column counts."""
    return [*plan.notes, *grouped({row.workflow_id: row.detail for row in plan.workflows if row.detail})]


def grouped(texts: Mapping[str, str]) -> list[str]:
    """Return one line per different text, with the ids that it belongs to, in the order of the ids.

    >>> grouped({"invite": "No clicks.", "remind": "Stale.", "thank": "No clicks."})
    ['2 workflows (invite, thank): No clicks.', 'remind: Stale.']
    """
    ids = defaultdict(list)
    for one, text in texts.items():
        ids[text].append(one)
    return [f"{_workflows(names)}: {text}" for text, names in ids.items()]


def _workflows(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names):,} workflows ({', '.join(names)})"


def catch_up_lines(plan: Plan, at: Callable[[datetime], str]) -> list[str]:
    """Return how many hours are caught up, and a line per hour with recipients or partners left out, or that failed.

    `at` returns an hour as it is to be shown.
    """
    if not plan.catch_up:
        return []
    first, last = at(plan.catch_up[0].as_of), at(plan.catch_up[-1].as_of)
    span = first if first == last else f"{first} to {last}"
    lines = [f"Catch-up: {counted(len(plan.catch_up), 'evaluation')}, {span}."]
    for hour in plan.catch_up:
        parts = [f"{row.workflow_id} {row.recipients:,}" for row in hour.workflows if row.recipients]
        stopped = {row.workflow_id: f"{row.status} ({row.detail})" for row in hour.workflows if row.status != "done"}
        parts += grouped(stopped)
        parts += [
            f"without {one.partner_id} ({one.workflow_id}: not {', '.join(one.conditions)})"
            for one in hour.disqualified
        ]
        if parts:
            lines.append(f"  {at(hour.as_of)}: {', '.join(parts)}")
    return lines


def summary(row: WorkflowPlan) -> str:
    """Return one workflow's status and counts in one line."""
    counts = ", ".join(f"{getattr(row, name)} {name.replace('_', ' ')}" for name in (*COUNTS, *SENT))
    return f"{row.workflow_id}: {row.status}; {counts}" + (f"; {row.detail}" if row.detail else "")
