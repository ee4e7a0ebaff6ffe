"""A delivery, and the states that it goes through.

    pending ─▶ leased ─▶ sending ─▶ sent
       ▲          │         ├─────▶ failed, expired
       ├──────────┴─────────┤                           only on a definite refusal (see AUTOMATIC_TRANSITIONS)
       │                    └─────▶ in_doubt ─▶ sent, failed (an event), pending (a person)
       └──────────▶ disqualified, expired               an email that the contact policy made wait
    held_out                                            from the claim on, and for good

A contact of which no email could be rendered, or whose partner no longer qualified after a wait, may be claimed again,
which replaces its deliveries.
`suppressed` follows `leased`. `held_out` are the emails of partners in the holdout of their workflow. `skipped`
(another spelling of an address that already gets the email) is final; only earlier programs wrote it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

STATES = (
    "pending", "leased", "sending", "sent", "failed", "in_doubt", "suppressed", "skipped", "expired", "disqualified",
    "held_out",
)  # fmt: skip

AUTOMATIC_TRANSITIONS = {
    "pending": {"leased", "disqualified", "expired"},
    "leased": {"pending", "sending", "failed", "suppressed"},
    "sending": {"sent", "failed", "pending", "expired", "in_doubt"},
    "in_doubt": {"sent", "failed"},
}
"""State to the states that the program may move a delivery to.

Only the worker that sent it moves a delivery from `sending` back to `pending`, after a temporary refusal. A crash, a
time-out or an expired lease never does, and nothing moves from `in_doubt` to `pending` automatically.
"""

MANUAL_TRANSITIONS = {
    "in_doubt": {"sent", "failed", "pending"},
    "failed": {"pending"},
    "expired": {"pending"},
    "suppressed": {"pending"},
    "disqualified": {"pending"},
}
"""State to the states that a person may move a delivery to: retry what was not delivered, decide what is in doubt."""

RENDERING = "rendering"
"""The `smtp_stage` of a delivery that failed before its first byte left: it could not be rendered."""

RESTORED_CONTEXT = {"restored": True}
"""The context of a delivery that `restore` has re-imported; the values that its message is rendered with are lost."""


@dataclass(frozen=True)
class Delivery:
    """One email to one address, or one application to accept. Times are UTC without a time zone.

    An email has no contract (`contract_id` is empty), an application no address (`email` is None).

    `context` holds the values that the message is rendered with, `template_version` names the message. Both, like
    `message_id` and `claimed_at` (the Date header), are fixed when the partner is claimed, so every attempt sends the
    same bytes. `run_id` is the run that claimed the partner, `leased_by` the run that leased the delivery last, and
    `fencing_token` the number of leases so far. `not_before` is the first evaluation hour at which the contact policy
    lets the email leave; `reason` then says why it waits. `holdout_percent` is the holdout of the workflow when the
    partner was claimed, None without one.
    """

    delivery_id: str
    workflow_id: str
    program_id: str
    partner_id: str
    email: str | None
    action: str
    state: str
    message_id: str
    context: dict[str, Any]
    run_id: str
    as_of: datetime
    claimed_at: datetime
    contract_id: str = ""
    sent_at: datetime | None = None
    reason: str | None = None
    email_key: str | None = None
    template_version: str | None = None
    leased_by: str | None = None
    fencing_token: int = 0
    send_started_at: datetime | None = None
    attempts: int = 0
    first_deferred_at: datetime | None = None
    next_attempt_at: datetime | None = None
    smtp_stage: str | None = None
    reply_code: int | None = None
    reply_status: str | None = None
    reply_text: str | None = None
    not_before: datetime | None = None
    holdout_percent: int | None = None

    @property
    def failed_before_sending(self) -> bool:
        """Whether it ended without an attempt, so that the contact is not used up (see flows.ledger.unsent_contacts).

        Its email could not be rendered, or its partner no longer qualified after a wait.
        """
        is_unrendered = self.state == "failed" and self.smtp_stage == RENDERING
        return self.action == "email" and (is_unrendered or self.state == "disqualified")


@dataclass(frozen=True)
class SendResult:
    """The result of one attempt: the next state, and the reply that led to it.

    `state` is sent, failed, pending (a temporary refusal) or in_doubt. `code` and `status` are the basic and the
    enhanced status code of the reply, `text` is its text, `smtp_stage` the command or step that it answers (RENDERING
    for a message that could not be rendered).
    `is_hard_bounce`: the address does not exist, so it is suppressed for every workflow. `is_server_error`: the failure
    is about the server or our account, not about the recipient. `is_account_error`: it refuses our login, token or
    endpoint, so it would refuse every other delivery too; the delivery is pending, and the attempt does not count.
    """

    state: str
    reason: str | None = None
    smtp_stage: str | None = None
    code: int | None = None
    status: str | None = None
    text: str | None = None
    is_hard_bounce: bool = False
    is_server_error: bool = field(default=False, compare=False)
    is_account_error: bool = field(default=False, compare=False)


class ResultToRecord(NamedTuple):
    """A result that is not yet in the ledger.

    It moves the delivery from `source` to the result's state; if that is pending, it is due again at `next_attempt_at`.
    """

    delivery: Delivery
    source: str
    result: SendResult
    next_attempt_at: datetime | None = None


def utc_now() -> datetime:
    """Return the current time in UTC, without a time zone, as the ledger stores it."""
    return datetime.now(UTC).replace(tzinfo=None)
