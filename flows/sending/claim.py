"""Claiming: the recipients of a plan become deliveries in the ledger, before anything is sent."""

import hashlib
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

from flows.addresses import address_key
from flows.ledger.delivery import Delivery, utc_now
from flows.ledger.ledger import Ledger
from flows.plan.plan import Application, Plan, Recipient


def claim(ledger: Ledger, plan: Plan, run_id: str, domain: str, as_of: datetime | None = None) -> list[Delivery]:
    """Claim the recipients and applications of the plan for this run, and return the new deliveries.

    Partners whom the workflow has contacted before are left out. `as_of` is the evaluation hour of the claiming run,
    for a plan of an earlier hour that it catches up: an email moves its partner to Outreach when it is sent, not when
    it should have been sent. `domain` is the right side of the Message-IDs.

    A delivery id, and with it the Message-ID, is a keyed hash of workflow, program, partner and address: the same for
    every attempt, and not guessable. The current version of the message is stored with the claim, so that an edit
    before the email is sent does not change it.
    """
    now, as_of = utc_now(), (as_of or plan.as_of).replace(tzinfo=None)

    def delivery(one: Recipient | Application, email: str | None, action: str, context: dict[str, Any]) -> Delivery:
        identity = _identity(ledger.message_key, one.workflow_id, one.program_id, one.partner_id, email or "")
        message = plan.messages.get(one.workflow_id)
        return Delivery(
            delivery_id=identity, workflow_id=one.workflow_id, program_id=one.program_id, partner_id=one.partner_id,
            email=email, action=action, state="pending", message_id=f"{identity}@{domain}", context=context,
            run_id=run_id, as_of=as_of, claimed_at=now, email_key=address_key(email) if email else None,
            template_version=message.version if message else None,
        )  # fmt: skip

    emails = [delivery(one, one.email, "email", one.context()) for one in plan.recipients]
    decisions = [
        delivery(one, None, "accept application", {"contract_id": one.contract_id}) for one in plan.applications
    ]
    used = {one.workflow_id for one in emails}
    messages = {plan.messages[name].version: plan.messages[name].content for name in used}
    return ledger.claim([*_once_per_address(emails), *decisions], messages)


def _once_per_address(emails: list[Delivery]) -> list[Delivery]:
    """Skip all but the first of a partner's contacts with the same address.

    The warehouse has compared addresses without letter case already; this compares normalized domains as well.
    """
    kept = []
    for _, ones in groupby(emails, lambda one: (one.workflow_id, one.program_id, one.partner_id)):
        seen: dict[str | None, str | None] = {}
        for one in ones:
            first = seen.setdefault(one.email_key, one.email)
            why = f"The same address as {first}." if first != one.email else None
            kept.append(replace(one, state="skipped", reason=why) if why else one)
    return kept


def _identity(key: bytes, *parts: str) -> str:
    digest = hashlib.blake2s(key=key[:32], digest_size=16)
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()
