"""Claiming: the recipients of a plan become deliveries in the ledger, before anything is sent."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any, TypeVar

from flows.addresses import address_key
from flows.ledger.delivery import Delivery, utc_now
from flows.ledger.ledger import Ledger
from flows.plan.plan import Application, Plan, Recipient, contact_key

BATCH_SIZE = 1_000
"""Deliveries claimed in one transaction, so that memory does not grow with the number of recipients."""

Planned = TypeVar("Planned", Recipient, Application)


def claim(ledger: Ledger, plan: Plan, run_id: str, domain: str, as_of: datetime | None = None) -> int:
    """Claim the recipients and applications of the plan for this run, and return the number of new deliveries.

    Partners whom the workflow has contacted before are left out, and so are applications that it has accepted. The
    current version of the message is stored with the claim, so that an edit before the email is sent does not change
    it. The other parameters are those of `planned_deliveries`. What a killed run has claimed, the next one sends.
    """
    claimed = 0
    for part in _parts(plan):
        planned = planned_deliveries(ledger.message_key, part, run_id, domain, as_of)
        used = {one.workflow_id for one in planned if one.action == "email"}
        messages = {plan.messages[name].version: plan.messages[name].content for name in used}
        claimed += len(ledger.claim(planned, messages))
    return claimed


def _parts(plan: Plan) -> Iterator[Plan]:
    """Yield the plan in parts of about BATCH_SIZE deliveries. All addresses of one contact are in the same part."""
    nobody = replace(plan, recipients=(), held_out=(), applications=())
    yield from (replace(nobody, recipients=some) for some in _batches(plan.recipients))
    yield from (replace(nobody, held_out=some) for some in _batches(plan.held_out))
    yield from (replace(nobody, applications=some) for some in _batches(plan.applications))


def _batches(planned: Iterable[Planned]) -> Iterator[tuple[Planned, ...]]:
    batch: list[Planned] = []
    for _, contact in groupby(sorted(planned, key=contact_key), contact_key):
        batch += contact
        if len(batch) >= BATCH_SIZE:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def planned_deliveries(
    key: bytes, plan: Plan, run_id: str, domain: str, as_of: datetime | None = None
) -> list[Delivery]:
    """Return the deliveries of the plan's recipients and applications, pending and not in the ledger.

    Those of recipients in a holdout are `held_out`. Which they are is in the plan, which has decided it by the ledger's
    key; the claim decides again only for contacts that the ledger has already.
    `as_of` is the evaluation hour of the claiming run, for a plan of an earlier hour that it catches up: an email moves
    its partner to Outreach when it is sent, not when it should have been sent. `domain` is the right side of the
    Message-IDs.

    A delivery id, and with it the Message-ID, is a keyed hash of workflow, program, partner and address, or contract of
    an application: the same for every attempt, and not guessable.
    """
    now, as_of = utc_now(), (as_of or plan.as_of).replace(tzinfo=None)

    def delivery(one: Recipient | Application, **more: Any) -> Delivery:
        *who, contract_id = contact_key(one)
        percent = plan.holdouts.get(one.workflow_id)
        identity = _identity(key, *who, more["email"] or "", *filter(None, [contract_id]))
        message = plan.messages.get(one.workflow_id)
        return Delivery(
            delivery_id=identity, workflow_id=one.workflow_id, program_id=one.program_id, partner_id=one.partner_id,
            contract_id=contract_id, message_id=f"{identity}@{domain}", run_id=run_id, as_of=as_of, claimed_at=now,
            template_version=message.version if message else None, holdout_percent=percent, **more,
        )  # fmt: skip

    def email(one: Recipient, state: str) -> Delivery:
        reason = f"In the holdout of {plan.holdouts[one.workflow_id]} %." if state == "held_out" else None
        key, context = address_key(one.email), one.context()
        return delivery(
            one, email=one.email, email_key=key, action="email", context=context, state=state, reason=reason
        )

    emails = [email(one, "pending") for one in plan.recipients]
    held_out = [email(one, "held_out") for one in plan.held_out]
    decisions = [
        delivery(one, email=None, action="accept application", context={}, state="pending") for one in plan.applications
    ]
    return [*emails, *held_out, *decisions]


def _identity(key: bytes, *parts: str) -> str:
    digest = hashlib.blake2s(key=key[:32], digest_size=16)
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()
