"""Claim: the recipients of a plan become deliveries of the ledger, before any byte leaves."""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from flows.ledger import Delivery, Ledger, utc_now
from flows.plan import Application, Recipient


def claim(
    ledger: Ledger,
    recipients: Iterable[Recipient],
    applications: Iterable[Application],
    run_id: str,
    as_of: datetime,
    domain: str,
) -> list[Delivery]:
    """Claim every recipient and application for this run; whoever was contacted before is left out.

    A delivery's id, and so its Message-ID, is a keyed hash of workflow, program, partner and address: the same for
    every attempt, and not to be guessed. `domain` is the right side of the Message-IDs.
    """
    now, naive = utc_now(), as_of.replace(tzinfo=None)

    def delivery(one: Recipient | Application, email: str | None, action: str, context: dict) -> Delivery:
        identity = _identity(ledger.message_key, one.workflow_id, one.program_id, one.partner_id, email or "")
        return Delivery(
            delivery_id=identity, workflow_id=one.workflow_id, program_id=one.program_id, partner_id=one.partner_id,
            email=email, action=action, state="claimed", message_id=f"{identity}@{domain}", context=context,
            run_id=run_id, as_of=naive, claimed_at=now,
        )  # fmt: skip

    emails = [delivery(one, one.email, "email", one.context()) for one in recipients]
    decisions = [delivery(one, None, "accept application", {"contract_id": one.contract_id}) for one in applications]
    return ledger.claim([*emails, *decisions])


def _identity(key: bytes, *parts: str) -> str:
    digest = hashlib.blake2s(key=key[:32], digest_size=16)
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return digest.hexdigest()
