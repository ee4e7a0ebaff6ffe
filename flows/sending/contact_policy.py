"""Who waits for the contact policy at an hour, who is given up, and who no longer qualifies after a wait.

`plan`, `run` and `simulate` decide by the same function. In a run the ledger then holds the waits, and checks the
policy once more when it marks an email as `sending`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from compiler import ContactPolicy, SendEmail, SendWindow, Workflow
from flows.ledger.caps import SendingHours, Wait
from flows.ledger.delivery import Delivery, utc_now
from flows.plan.plan import PartnerOfWorkflow

DAYS_AHEAD = 15
"""Days within which any send window opens again, even if clocks skip its one hour of a week."""

Requalify = Callable[[set[PartnerOfWorkflow]], Mapping[PartnerOfWorkflow, tuple[str, ...]]]
"""Returns the conditions that partners no longer meet at the hour, as sentences."""

SentBefore = Callable[[Collection[Delivery]], SendingHours]
"""Returns the hours at which emails were sent to the partners and addresses of some deliveries."""


@dataclass(frozen=True)
class SendingHour:
    """An evaluation hour (UTC, without a time zone) and the workflows that may send at it.

    `zones` has the time zone of each program, by id; `partner_zones` that of partners, by program and partner, where
    one is known.
    """

    as_of: datetime
    policy: ContactPolicy
    workflows: Collection[Workflow]
    zones: Mapping[str, str]
    partner_zones: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def by_id(self) -> dict[str, Workflow]:
        """Return the workflows by id."""
        return {one.id: one for one in self.workflows}

    @property
    def may_hold_back(self) -> bool:
        """Whether an email that does not wait yet may have to: there is a cap, or a send window."""
        return bool(self.policy.caps) or any(self.window(one) is not None for one in self.workflows)

    def window(self, workflow: Workflow) -> SendWindow | None:
        """Return when the workflow's emails may leave; None for at any hour. Applications are decided at any hour."""
        return workflow.send_window or self.policy.send_window if isinstance(workflow.action, SendEmail) else None

    def may_send(self, workflow: Workflow) -> bool:
        """Return whether emails of the workflow may leave at this hour, at least to some partners."""
        window = self.window(workflow)
        if window is None or window.is_of_partner:
            return True
        return next_open_hour(window, self._zone(workflow.program), self.as_of) == self.as_of

    def window_wait(self, one: Delivery) -> Wait | None:
        """Return until when an email of one of the workflows waits for its send window; None if that is open."""
        window = self.window(self.by_id[one.workflow_id]) if one.action == "email" else None
        opens = self.opens(one, self.as_of)
        return None if opens == self.as_of else Wait(opens, f"Waits for the send window: {window}.")

    def opens(self, one: Delivery, hour: datetime) -> datetime:
        """Return the first hour from an hour on that is in the send window of an email."""
        window = self.window(self.by_id[one.workflow_id]) if one.action == "email" else None
        if window is None:
            return hour
        own = self.partner_zones.get((one.program_id, one.partner_id)) if window.is_of_partner else None
        return next_open_hour(window, own or self._zone(one.program_id), hour)

    def _zone(self, program: str) -> str:
        return self.zones.get(program, "UTC")


@lru_cache(maxsize=10_000)
def next_open_hour(window: SendWindow, zone: str, as_of: datetime) -> datetime:
    """Return the first hour from `as_of` on (UTC, without a time zone) that is in the window in a zone."""
    local, hours = ZoneInfo(zone), (as_of + timedelta(hours=number) for number in range(24 * DAYS_AHEAD))
    open_hours = (one for one in hours if window.includes(one.replace(tzinfo=UTC).astimezone(local)))
    return next(open_hours, as_of + timedelta(days=DAYS_AHEAD))


@dataclass(frozen=True)
class Decision:
    """What the contact policy makes of the emails that could leave at an hour.

    `waits` are new waits. `disqualified` have the conditions that their partners no longer meet, `given_up` have waited
    longer than `max_delay`. `leaving` may leave at this hour.
    """

    waits: tuple[tuple[Delivery, Wait], ...] = ()
    disqualified: tuple[tuple[Delivery, tuple[str, ...]], ...] = ()
    given_up: tuple[Delivery, ...] = ()
    leaving: tuple[Delivery, ...] = field(default=(), repr=False)


def decide(
    hour: SendingHour,
    pending: Iterable[Delivery],
    sent_before: SentBefore,
    requalify: Requalify,
    new: Iterable[Delivery] = (),
) -> Decision:
    """Return who waits, of the pending emails of the hour's workflows and of `new` ones that are not among them.

    Workflows go in the order of priority; of one workflow, the email that was claimed first. The emails that may leave
    are added to the result of `sent_before`.
    """
    emails = [one for one in pending if one.workflow_id in hour.by_id and one.action == "email"]
    too_old = hour.as_of - timedelta(days=hour.policy.max_delay_days)
    given_up = [one for one in emails if one.not_before and one.as_of < too_old]
    due = [one for one in emails if one.not_before and one.not_before <= hour.as_of and one.as_of >= too_old]
    failed = requalify({partner_of_email(one) for one in due}) if due else {}
    disqualified = [(one, failed[partner_of_email(one)]) for one in due if partner_of_email(one) in failed]
    candidates = [one for one in due if partner_of_email(one) not in failed]
    candidates += [one for one in emails if not one.not_before and _is_tried_now(one)]
    candidates += [one for one in new if one.action == "email"]
    waits, leaving = _waits(hour, sent_before(candidates), candidates)
    return Decision(tuple(waits), tuple(disqualified), tuple(given_up), tuple(leaving))


def partner_of_email(one: Delivery) -> PartnerOfWorkflow:
    """Return whom an email is for."""
    return one.workflow_id, one.program_id, one.partner_id


def _waits(
    hour: SendingHour, sent: SendingHours, candidates: Iterable[Delivery]
) -> tuple[list[tuple[Delivery, Wait]], list[Delivery]]:
    waits, leaving = [], []
    for one in sorted(candidates, key=lambda one: _order(hour.policy, one)):
        wait = hour.window_wait(one) or sent.wait(one, hour.as_of)
        if wait:
            waits.append((one, wait._replace(not_before=hour.opens(one, wait.not_before))))
        else:
            leaving.append(one)
            sent.add(one, hour.as_of)
    return waits, leaving


def _order(policy: ContactPolicy, one: Delivery) -> tuple[object, ...]:
    return (
        policy.rank(one.workflow_id), one.claimed_at, one.workflow_id, one.program_id, one.partner_id,
        one.email_key or "",
    )  # fmt: skip


def _is_tried_now(one: Delivery) -> bool:
    """Return whether no earlier attempt makes the delivery wait; the caps are checked again when it is sent."""
    return one.next_attempt_at is None or one.next_attempt_at <= utc_now()
