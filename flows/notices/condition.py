"""The conditions that notices are about, as they are after a run."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flows.definitions.diff import Change
from flows.plan.plan import Plan, WorkflowPlan


@dataclass(frozen=True)
class Condition:
    """Something that can need attention: of a workflow, or with an empty `subject` of the installation.

    `state` is empty while it is well, and another text after every change that is news. `text` says what is the matter,
    `well` that it is no longer so; an empty one is not said.
    """

    kind: str
    subject: str
    state: str
    text: str
    well: str = ""

    @property
    def is_well(self) -> bool:
        """Whether it needs no attention."""
        return not self.state

    def is_news_after(self, notified: str) -> bool:
        """Return whether this state is news to a receiver of the other one. Fewer doubts are no news."""
        if self.is_well:
            return bool(self.well)
        return not (self.kind == "in_doubt" and notified.isdigit() and int(notified) > int(self.state))


def conditions_of_run(
    plan: Plan, changes: Collection[Change], doubts: Counter[str], many_partners: int
) -> list[Condition]:
    """Return the conditions after a run: its rows and notes, the changes of definitions before it, and all doubts.

    `doubts` has the number of deliveries in doubt by workflow id, of this and earlier runs.
    """
    found = [condition for row in plan.workflows for condition in _of_workflow(row, changes, many_partners)]
    found += [_doubts(name, doubts[name]) for name in sorted({*doubts, *(row.workflow_id for row in plan.workflows)})]
    return [*found, _data(plan), Condition("no_run", "", "", "", f"Runs again: as of {plan.as_of:%Y-%m-%d %H:%M} UTC.")]


def no_run(newest: datetime, now: datetime, silent: timedelta) -> Condition:
    """Return the condition of an installation whose newest run was of this hour. Both are UTC without a time zone."""
    if now - newest <= silent:
        return Condition("no_run", "", "", "", f"Runs again: as of {newest:%Y-%m-%d %H:%M} UTC.")
    hours = (now - newest) // timedelta(hours=1)
    hint = "Check that `partnerflow serve` or the timer that runs it is running, and call `partnerflow doctor`."
    text = f"No run for {hours:,} hours: the last one was as of {newest:%Y-%m-%d %H:%M} UTC. {hint}"
    return Condition("no_run", "", "silent", text)


def _of_workflow(row: WorkflowPlan, changes: Collection[Change], many_partners: int) -> Iterable[Condition]:
    name, status = row.workflow_id, row.status.replace("_", " ")
    state = "" if row.status == "done" else row.status
    yield Condition(
        "status", name, state, f"{name} is {status}: {row.detail or 'see the log'}", f"{name} is well again."
    )
    what = next((one.what for one in changes if one.workflow_id == name), None)
    is_many = what in ("new", "activated", "changed") and row.recipients > many_partners
    text = f"{name} is {what} and reaches {row.recipients:,} partners at once. If that is too many, pause it now."
    yield Condition("many_partners", name, "many" if is_many else "", text)


def _doubts(workflow_id: str, count: int) -> Condition:
    where = f"`partnerflow deliveries --state in_doubt --workflow {workflow_id}`"
    text = (
        f"{workflow_id} has {count:,} deliveries in doubt: perhaps sent, and never sent again automatically. "
        f"See {where}, and settle them."
    )
    return Condition("in_doubt", workflow_id, str(count or ""), text, f"{workflow_id} has no more deliveries in doubt.")


def _data(plan: Plan) -> Condition:
    """Return whether data were late or could not be used. Numbers and dates in the notes alone are no news."""
    late = f"{plan.found_late:,} partners were found late: their rows were loaded after the day had been evaluated."
    notes = [*plan.notes, *([late] if plan.found_late else [])]
    state = "\n".join(sorted({re.sub(r"\d[\d,.:-]*", "#", note) for note in notes}))
    return Condition("data", "", state, "\n".join(notes), "All data are there and can be used again.")
