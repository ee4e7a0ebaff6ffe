"""A delivery, and the states through which it may go.

    pending ─▶ claimed ─▶ sending ─▶ sent
       ▲          │          ├─────▶ failed, expired
       ├──────────┴──────────┤                           only on a definite no (see BY_MACHINE)
       │                     └─────▶ in_doubt ─▶ sent, failed (evidence), pending (a person)

`skipped` (another spelling of an address that the partner is written to already) and `suppressed` are left at once.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

STATES = ("pending", "claimed", "sending", "sent", "failed", "in_doubt", "suppressed", "skipped", "expired")

BY_MACHINE = {
    "pending": {"claimed"},
    "claimed": {"pending", "sending", "failed", "suppressed"},
    "sending": {"sent", "failed", "pending", "expired", "in_doubt"},
    "in_doubt": {"sent", "failed"},
}
"""Where a delivery may go by itself. `sending` goes back to `pending` only by the runner that did the sending, on an
answer that says no for now; a crash, a time-out, a lease that ran out, and everything in doubt never lead there."""

BY_PERSON = {
    "in_doubt": {"sent", "failed", "pending"},
    "failed": {"pending"},
    "expired": {"pending"},
    "suppressed": {"pending"},
}
"""Where a person's word may move it: what was certainly not delivered may be tried again, what is in doubt decided."""


LOST = {"restored": True}
"""The context of a delivery that was put back from what is remembered of it: what it was rendered with is lost."""


@dataclass(frozen=True)
class Delivery:
    """One email to one address, or one application to accept (`email` is None), as the ledger holds it.

    `context` is what the message is rendered with, `template_version` which message; both, like `message_id` and
    `claimed_at` (the Date of the email), are fixed when the partner is claimed, so that every attempt is the same
    bytes. `run_id` is the run that claimed the partner; `holder` the run that has leased the delivery to send it, and
    `fence` how often it was leased. Times are UTC without a zone, as stored.
    """

    delivery_id: str
    workflow_id: str
    program_id: str
    partner_id: str
    email: str | None
    action: str
    state: str
    message_id: str
    context: dict
    run_id: str
    as_of: datetime
    claimed_at: datetime
    sent_at: datetime | None = None
    reason: str | None = None
    email_key: str | None = None
    template_version: str | None = None
    holder: str | None = None
    fence: int = 0
    sending_at: datetime | None = None
    attempt: int = 0
    refused_at: datetime | None = None
    not_before: datetime | None = None
    phase: str | None = None
    reply_code: int | None = None
    reply_status: str | None = None
    reply_text: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What became of one attempt: the state it leads to, and what the other side said, word for word.

    `state` is sent, failed (never again), pending (no for now) or in_doubt. `code` and `status` are the reply's basic
    and enhanced code, `text` its words, `phase` the step at which it was given. `undeliverable`: the address does not
    exist, so no workflow writes to it again. `unwell`: the other side is in trouble, whoever is written to.
    """

    state: str
    reason: str | None = None
    phase: str | None = None
    code: int | None = None
    status: str | None = None
    text: str | None = None
    undeliverable: bool = False
    unwell: bool = field(default=False, compare=False)


class Settlement(NamedTuple):
    """What became of a delivery that a run holds, to be written down: from state `source` to the verdict's.

    `not_before`: when it is due again, where the verdict is pending.
    """

    delivery: Delivery
    source: str
    verdict: Verdict
    not_before: datetime | None = None


def utc_now() -> datetime:
    """The clock in UTC, without a zone: what the ledger records as the time of a thing that it did."""
    return datetime.now(UTC).replace(tzinfo=None)
