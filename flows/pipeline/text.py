"""A plan in lines of text, for the terminal, the log and Prefect."""

from flows.plan.plan import Plan, WorkflowPlan

COUNTS = ("members", "already_contacted", "suppressed", "no_address", "recipients")
SENT = ("sent", "failed", "in_doubt")


def details(plan: Plan) -> list[str]:
    """Return the plan's notes, and a line per workflow with a detail: why it is not done, or what no column counts."""
    return [*plan.notes, *(f"{row.workflow_id}: {row.detail}" for row in plan.workflows if row.detail)]


def catch_up_lines(plan: Plan) -> list[str]:
    """Return how many hours are caught up, and a line per hour with recipients or partners left out, or that failed."""
    if not plan.catch_up:
        return []
    first, last = f"{plan.catch_up[0].as_of:%Y-%m-%d %H:%M}", f"{plan.catch_up[-1].as_of:%Y-%m-%d %H:%M}"
    lines = [f"Catch-up: {len(plan.catch_up)} evaluations from {first} to {last} UTC."]
    for hour in plan.catch_up:
        parts = [f"{row.workflow_id} {row.recipients:,}" for row in hour.workflows if row.recipients]
        parts += [f"{row.workflow_id} {row.status} ({row.detail})" for row in hour.workflows if row.status != "done"]
        parts += [
            f"without {one.partner_id} ({one.workflow_id}: not {', '.join(one.conditions)})"
            for one in hour.disqualified
        ]
        if parts:
            lines.append(f"  {hour.as_of:%Y-%m-%d %H:%M} UTC: {', '.join(parts)}")
    return lines


def summary(row: WorkflowPlan) -> str:
    """Return one workflow's status and counts in one line."""
    counts = ", ".join(f"{getattr(row, name)} {name.replace('_', ' ')}" for name in (*COUNTS, *SENT))
    return f"{row.workflow_id}: {row.status}; {counts}" + (f"; {row.detail}" if row.detail else "")
