"""What is known about one partner. All times are UTC."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

OUTCOMES = {
    "opened": "is_opened",
    "clicked": "is_clicked",
    "bounced": "is_bounced",
    "complained": "is_complained",
    "unsubscribed": "is_unsubscribed",
}
"""What can become of an email, and the attribute of PartnerDelivery that says whether it did."""


class PartnerId(NamedTuple):
    """A partner of a program, with its name."""

    program_id: str
    partner_id: str
    name: str | None


@dataclass(frozen=True)
class Stage:
    """A relationship stage and the event that led to it: a row of marts.fct_relationship_history."""

    relationship_stage: str
    valid_from: datetime
    valid_to: datetime | None
    event: str
    contract_id: str | None
    seen_at: datetime | None
    is_inferred: bool


@dataclass(frozen=True)
class Address:
    """An address of a partner. `is_unsubscribed`: no workflow writes to it; `reason` says why if a person or event did.

    Without a reason, the contact has unsubscribed.
    """

    email: str
    is_primary: bool
    is_unsubscribed: bool
    reason: str | None


@dataclass(frozen=True)
class InWorkflow:
    """A workflow of the partner's program, and what it has to do with the partner.

    `member` is whether the partner is in the segment as of the last run; None if that is not known. `unmet` are the
    conditions that it does not meet, with its actual values. `why_not` says why the workflow has not written to the
    partner; None if it has, or will with the next run. `next_change` is when the partner `enters` or `leaves` the
    segment (`then`) if nothing else happens.
    """

    workflow_id: str
    name: str
    status: str
    action: str
    member: bool | None
    unmet: tuple[str, ...] = ()
    why_not: str | None = None
    next_change: datetime | None = None
    then: str | None = None


@dataclass(frozen=True)
class PartnerDelivery:
    """An email to the partner, or a decision about its application (without `email`), and what became of it.

    The outcomes are None while no event of the mail provider is known for it.
    """

    delivery_id: str
    workflow_id: str
    action: str
    email: str | None
    contract_id: str | None
    state: str
    reason: str | None
    as_of: datetime
    sent_at: datetime | None
    not_before: datetime | None
    is_opened: bool | None = None
    is_clicked: bool | None = None
    is_bounced: bool | None = None
    is_complained: bool | None = None
    is_unsubscribed: bool | None = None

    @property
    def outcome(self) -> str:
        """What became of the email, in words."""
        if self.is_opened is None:
            return "no events received"
        return ", ".join(name for name, attribute in OUTCOMES.items() if getattr(self, attribute)) or "not opened"


@dataclass(frozen=True)
class Partner:
    """All that is known about a partner as of the last run (`as_of`). `addresses` is None while they are not known.

    `notes` say what is not known, and why.
    """

    program_id: str
    partner_id: str
    name: str | None
    language: str | None
    as_of: datetime | None
    relationship_stage: str
    stages: tuple[Stage, ...]
    addresses: tuple[Address, ...] | None
    workflows: tuple[InWorkflow, ...]
    deliveries: tuple[PartnerDelivery, ...]
    notes: tuple[str, ...] = ()

    @property
    def written_to_next(self) -> list[InWorkflow]:
        """Return the workflows that write to the partner with the next run, or accept its application."""
        contacted = {one.workflow_id for one in self.deliveries}
        return [one for one in self.workflows if one.member and not one.why_not and one.workflow_id not in contacted]

    @property
    def next_changes(self) -> list[tuple[datetime, InWorkflow]]:
        """Return when the partner enters or leaves which segment next, by time.

        A segment that it enters after the workflow has written to it is left out, since nothing follows from that.
        """
        contacted = {one.workflow_id for one in self.deliveries}
        found = [
            (one.next_change, one)
            for one in self.workflows
            if one.next_change and (one.member or one.workflow_id not in contacted)
        ]
        return sorted(found, key=lambda pair: (pair[0], pair[1].workflow_id))

    def as_json(self) -> dict[str, Any]:
        """Return the partner as JSON values, with times in ISO 8601."""
        return {name: _json(value) for name, value in asdict(self).items()}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: _json(one) for name, one in value.items()}
    return [_json(one) for one in value] if isinstance(value, (list, tuple)) else value
