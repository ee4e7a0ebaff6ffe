"""The ledger of a replay: contacts, emails that wait for the contact policy, and the hours at which emails left."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from compiler import ContactPolicy
from flows.ledger.caps import SendingHours
from flows.ledger.delivery import Delivery
from flows.ledger.holdout import Holdouts
from flows.plan.plan import ContactKey, PartnerOfWorkflow
from flows.sending.contact_policy import Requalify, SendingHour, decide, partner_of_email

Outcome = Literal["sent", "disqualified", "given_up", "waiting"]


class Departure(NamedTuple):
    """What a workflow does with a partner at an hour (UTC, without a time zone).

    `emails` has the addresses of the emails that leave; it is empty for an accepted application.
    """

    workflow_id: str
    program_id: str
    partner_id: str
    contract_id: str
    as_of: datetime
    emails: tuple[str, ...]


class HeldOut(NamedTuple):
    """A new member that is in the holdout of its workflow from an hour (UTC, without a time zone) on."""

    workflow_id: str
    program_id: str
    partner_id: str
    as_of: datetime


class Release(NamedTuple):
    """A contact whose partner no longer qualified at an hour: from the next one on, it may be contacted again."""

    workflow_id: str
    program_id: str
    partner_id: str
    as_of: datetime


@dataclass(frozen=True)
class DeferredEmail:
    """An email that waits for the contact policy from the hour `as_of` on, at least until `not_before`.

    `outcome` says what became of it at the hour `ended`, which is None while it waits. Times are UTC, without a zone.
    """

    workflow_id: str
    program_id: str
    partner_id: str
    email: str
    as_of: datetime
    not_before: datetime
    reason: str
    outcome: Outcome = "waiting"
    ended: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the email with its times in ISO 8601."""
        times = {name: getattr(self, name) for name in ("as_of", "not_before", "ended")}
        return asdict(self) | {name: at and at.isoformat().replace("+00:00", "Z") for name, at in times.items()}


@dataclass
class SimulatedLedger:
    """Contacts and emails after some hours of a replay.

    `contacted` are the contacts that the replay has made, and those that wait at its beginning; an email has left to
    those in `written_to`. `decided` are partners that were not held out when they were claimed, and that may be claimed
    again. `deferred` has every email that has waited, by its delivery id and the hour at which it was claimed.
    """

    policy: ContactPolicy
    holdouts: Holdouts = field(default_factory=Holdouts)
    sent: SendingHours = field(init=False)
    contacted: set[ContactKey] = field(default_factory=set)
    written_to: set[ContactKey] = field(default_factory=set)
    decided: set[PartnerOfWorkflow] = field(default_factory=set)
    waiting: dict[str, Delivery] = field(default_factory=dict)
    deferred: dict[tuple[str, datetime], DeferredEmail] = field(default_factory=dict)
    departures: list[Departure] = field(default_factory=list)
    held_out: list[HeldOut] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sent = SendingHours(self.policy)

    def copy(self) -> "SimulatedLedger":
        """Return a copy that knows nothing of what this one did: nobody left, was held out or released."""
        other = SimulatedLedger(
            self.policy, self.holdouts, set(self.contacted), set(self.written_to), set(self.decided),
            dict(self.waiting), dict(self.deferred),
        )  # fmt: skip
        other.sent = self.sent.copy()
        return other

    def make_wait(self, one: Delivery, not_before: datetime, reason: str, hour: datetime) -> None:
        """Record that an email waits from an hour on, or longer than before."""
        self.waiting[one.delivery_id] = replace(one, not_before=not_before, reason=reason)
        email = DeferredEmail(
            one.workflow_id, one.program_id, one.partner_id, one.email or "", hour, not_before, reason
        )
        known = self.deferred.setdefault((one.delivery_id, one.as_of), email)
        self.deferred[one.delivery_id, one.as_of] = replace(known, not_before=not_before, reason=reason)

    def run(self, hour: SendingHour, candidates: Iterable[Delivery], requalify: Requalify) -> None:
        """Contact the candidates that have not been contacted, and let leave at this hour what the policy allows."""
        claimed = [one for one in candidates if contact_of(one) not in self.contacted]
        self.contacted.update(map(contact_of, claimed))
        held_out = {one for one in map(partner_of_email, claimed) if self._is_held_out(one)}
        self.held_out += [HeldOut(*who, hour.as_of) for who in sorted(held_out)]
        claimed = [one for one in claimed if partner_of_email(one) not in held_out]
        decision = decide(hour, self.waiting.values(), lambda _: self.sent, requalify, claimed)
        for one, wait in decision.waits:
            self.make_wait(one, wait.not_before, wait.reason, hour.as_of)
        for one, _ in decision.disqualified:
            self._end(one, "disqualified", hour.as_of)
        for one in decision.given_up:
            self._end(one, "given_up", hour.as_of)
        for one in decision.leaving:
            self._end(one, "sent", hour.as_of)
        applications = [one for one in claimed if one.action != "email"]
        self.departures += _departures([*decision.leaving, *applications], hour.as_of)
        self.written_to.update(contact_of(one) for one in decision.leaving)
        kept = self.written_to | {contact_of(one) for one in self.waiting.values()}
        for key in sorted({contact_of(one) for one, _ in decision.disqualified} - kept):
            self.contacted.discard(key)
            self.releases.append(Release(*key[:3], hour.as_of))

    def _is_held_out(self, who: PartnerOfWorkflow) -> bool:
        return who not in self.decided and self.holdouts.include(who)

    def _end(self, one: Delivery, outcome: Outcome, hour: datetime) -> None:
        if self.waiting.pop(one.delivery_id, None):
            key = one.delivery_id, one.as_of
            self.deferred[key] = replace(self.deferred[key], outcome=outcome, ended=hour)


def contact_of(one: Delivery) -> ContactKey:
    """Return the key of the contact that a delivery belongs to."""
    return one.workflow_id, one.program_id, one.partner_id, one.contract_id


def simulated_delivery(key: ContactKey, email: str, as_of: datetime) -> Delivery:
    """Return a pending delivery, claimed at an hour; `email` is empty for an application."""
    identity = "\n".join((*key, email))
    workflow_id, program_id, partner_id, contract_id = key
    return Delivery(
        identity, workflow_id, program_id, partner_id, email or None, "email" if email else "accept application",
        "pending", identity, {}, "simulated", as_of, as_of, contract_id, email_key=email or None,
    )  # fmt: skip


def _departures(left: Sequence[Delivery], hour: datetime) -> list[Departure]:
    """Return what leaves at an hour, one per contact."""
    emails: dict[ContactKey, list[str]] = defaultdict(list)
    for one in left:
        emails[contact_of(one)] += [one.email] if one.email else []
    return [Departure(*key, hour, tuple(sorted(addresses))) for key, addresses in sorted(emails.items())]
