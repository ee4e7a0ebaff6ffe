"""Who waits for the contact policy at an hour, who is given up, and who no longer qualifies after a wait.

`plan` and `run` decide by the same function. In a run the ledger then holds the waits, and checks the caps once more
when it marks an email as `sending`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from compiler import Compiler, ContactPolicy, SendEmail, SendWindow, Workflow
from flows.ledger.caps import SendingHours, Wait, read_sending_hours
from flows.ledger.delivery import Delivery, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.pipeline.recheck import failed_conditions
from flows.plan.plan import Deferred, Disqualified, PartnerOfWorkflow, Plan, with_details
from flows.warehouse.connection import Connection

DAYS_AHEAD = 15
"""Days within which any send window opens again, even if clocks skip its one hour of a week."""

Requalify = Callable[[set[PartnerOfWorkflow]], Mapping[PartnerOfWorkflow, tuple[str, ...]]]
"""Returns the conditions that partners no longer meet at the hour, as sentences."""


@dataclass(frozen=True)
class SendingHour:
    """An evaluation hour (UTC, without a time zone) and the workflows that may send at it.

    `zones` has the time zone of each program, by id.
    """

    as_of: datetime
    policy: ContactPolicy
    workflows: Collection[Workflow]
    zones: Mapping[str, str]

    def window(self, workflow: Workflow) -> SendWindow | None:
        """Return when the workflow's emails may leave; None for at any hour. Applications are decided at any hour."""
        return workflow.send_window or self.policy.send_window if isinstance(workflow.action, SendEmail) else None

    def is_open(self, workflow: Workflow) -> bool:
        """Return whether the workflow's emails may leave at this hour."""
        return self._next_hour(workflow) == self.as_of

    def window_wait(self, workflow: Workflow) -> Wait | None:
        """Return until when the workflow's emails wait for their send window; None if it is open."""
        hour = self._next_hour(workflow)
        return None if hour == self.as_of else Wait(hour, f"Waits for the send window: {self.window(workflow)}.")

    def _next_hour(self, workflow: Workflow) -> datetime:
        window, zone = self.window(workflow), ZoneInfo(self.zones.get(workflow.program, "UTC"))
        hours = (self.as_of + timedelta(hours=number) for number in range(24 * DAYS_AHEAD))
        open_hours = (one for one in hours if not window or window.includes(one.replace(tzinfo=UTC).astimezone(zone)))
        return next(open_hours, self.as_of + timedelta(days=DAYS_AHEAD))


@dataclass(frozen=True)
class Decision:
    """What the contact policy makes of the emails that could leave at an hour.

    `waits` are new waits. `disqualified` have the conditions that their partners no longer meet, `given_up` have waited
    longer than `max_delay`.
    """

    waits: tuple[tuple[Delivery, Wait], ...] = ()
    disqualified: tuple[tuple[Delivery, tuple[str, ...]], ...] = ()
    given_up: tuple[Delivery, ...] = ()


def decide(ledger: Ledger, hour: SendingHour, requalify: Requalify, new: Iterable[Delivery] = ()) -> Decision:
    """Return who waits, of the pending emails of the hour's workflows and of `new` ones that are not in the ledger.

    Workflows go in the order of priority; of one workflow, the email that was claimed first.
    """
    by_id = {one.id: one for one in hour.workflows}
    pending = [one for one in deliveries(ledger, ["pending"]) if one.workflow_id in by_id and one.action == "email"]
    too_old = hour.as_of - timedelta(days=hour.policy.max_delay_days)
    given_up = [one for one in pending if one.not_before and one.as_of < too_old]
    due = [one for one in pending if one.not_before and one.not_before <= hour.as_of and one.as_of >= too_old]
    failed = requalify({_partner(one) for one in due}) if due else {}
    disqualified = [(one, failed[_partner(one)]) for one in due if _partner(one) in failed]
    candidates = [one for one in due if _partner(one) not in failed]
    candidates += [one for one in pending if not one.not_before and _is_tried_now(one)]
    candidates += [one for one in new if one.action == "email"]
    with ledger.store.reading() as connection:
        hours = read_sending_hours(connection, hour.policy, candidates, hour.as_of)
    waits = _waits(hour, by_id, hours, sorted(candidates, key=lambda one: _order(hour.policy, one)))
    return Decision(tuple(waits), tuple(disqualified), tuple(given_up))


def apply(ledger: Ledger, decision: Decision, run_id: str) -> None:
    """Record a decision in the ledger."""
    if decision.waits:
        ledger.make_wait(decision.waits, run_id)
    for one, conditions in decision.disqualified:
        ledger.resolve(one, "disqualified", run_id, f"No longer in the segment: {', '.join(conditions)}.")
    for one in decision.given_up:
        ledger.resolve(one, "expired", run_id, f"Given up: it waited for too long. {one.reason or ''}".strip())


def with_decision(plan: Plan, decision: Decision) -> Plan:
    """Return the plan with the emails that wait, and the partners that no longer qualify after a wait."""
    counts = Counter((one.workflow_id, wait.reason) for one, wait in decision.waits)
    details: dict[str, list[str]] = {}
    for (workflow_id, reason), count in sorted(counts.items()):
        details.setdefault(workflow_id, []).append(f"{count:,} {_sentence(count, reason)}")
    for workflow_id, count in sorted(Counter(one.workflow_id for one, _ in decision.disqualified).items()):
        details.setdefault(workflow_id, []).append(f"{count:,} left out after a wait: no longer in the segment")
    for workflow_id, count in sorted(Counter(one.workflow_id for one in decision.given_up).items()):
        details.setdefault(workflow_id, []).append(f"{count:,} given up after a wait")
    deferred = [
        Deferred(*_partner(one), one.email or "", wait.not_before.replace(tzinfo=UTC), wait.reason)
        for one, wait in sorted(decision.waits, key=lambda both: (_partner(both[0]), both[0].email or ""))
    ]
    left_out = [
        Disqualified(*_partner(one), conditions)
        for one, conditions in sorted(decision.disqualified, key=lambda both: _partner(both[0]))
    ]
    changed = with_details(plan, {name: ". ".join(texts) for name, texts in details.items()})
    return replace(changed, deferred=tuple(deferred), disqualified=(*plan.disqualified, *left_out))


def requalify_by(connection: Connection, hour: SendingHour, compiler: Compiler) -> Requalify:
    """Return the check of partners at the hour of raw.evaluations, which must be that of `hour`."""
    return lambda partners: failed_conditions(connection, partners, hour.workflows, compiler)


def _waits(
    hour: SendingHour, workflows: Mapping[str, Workflow], hours: SendingHours, candidates: Iterable[Delivery]
) -> list[tuple[Delivery, Wait]]:
    closed = {name: hour.window_wait(workflow) for name, workflow in workflows.items()}
    waits = []
    for one in candidates:
        wait = closed[one.workflow_id] or hours.wait(one, hour.as_of)
        if wait:
            waits.append((one, wait))
        else:
            hours.add(one, hour.as_of)
    return waits


def _order(policy: ContactPolicy, one: Delivery) -> tuple[object, ...]:
    return (
        policy.rank(one.workflow_id), one.claimed_at, one.workflow_id, one.program_id, one.partner_id,
        one.email_key or "",
    )  # fmt: skip


def _is_tried_now(one: Delivery) -> bool:
    """Return whether no earlier attempt makes the delivery wait; the caps are checked again when it is sent."""
    return one.next_attempt_at is None or one.next_attempt_at <= utc_now()


def _partner(one: Delivery) -> PartnerOfWorkflow:
    return one.workflow_id, one.program_id, one.partner_id


def _sentence(count: int, reason: str) -> str:
    return reason.removesuffix(".").replace("Waits", "waits" if count == 1 else "wait", 1)
