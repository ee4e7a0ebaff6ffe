"""The conditions that notices are about, as they are after a run."""

import re
from collections import Counter
from collections.abc import Collection
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
    found = [_status(row) for row in plan.workflows] + changes_that_reach_many(plan, changes, many_partners)
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


def changes_that_reach_many(plan: Plan, changes: Collection[Change], many_partners: int) -> list[Condition]:
    """Return for each workflow whether it is new, activated or changed, and reaches more partners than that at once."""
    what = {one.workflow_id: one.what for one in changes if one.what in ("new", "activated", "changed")}
    return [_many(row, what.get(row.workflow_id, ""), many_partners) for row in plan.workflows]


def _status(row: WorkflowPlan) -> Condition:
    name, status = row.workflow_id, row.status.replace("_", " ")
    state = "" if row.status == "done" else row.status
    text = f"{name} is {status}: {row.detail or 'see the log'}"
    return Condition("status", name, state, text, f"{name} is well again.")


def _many(row: WorkflowPlan, what: str, many_partners: int) -> Condition:
    is_many = bool(what) and row.recipients > many_partners
    text = (
        f"{row.workflow_id} is {what} and reaches {row.recipients:,} partners at once. If that is too many, pause it "
        "now and stop the run: what has not left by then does not leave while it is paused."
    )
    return Condition("many_partners", row.workflow_id, "many" if is_many else "", text)


def _doubts(workflow_id: str, count: int) -> Condition:
    where = f"`partnerflow deliveries {workflow_id} --state in_doubt`"
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
