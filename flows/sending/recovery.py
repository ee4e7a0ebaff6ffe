"""Recover: what runs that died have left behind, settled before anything new is sent. Never sends anew."""

from collections.abc import Mapping
from functools import partial

from compiler import PartnerflowError
from flows.ledger.delivery import utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.sending.rendering import Parcels
from flows.sending.summary import Outcome
from flows.sending.transport import Sender


def recover(ledger: Ledger, senders: Mapping[str, Sender], parcels: Parcels, run_id: str, outcome: Outcome) -> None:
    """Take what dead runners held, and find out what became of what is in doubt, where the sender can tell.

    A file that was written is completed; an endpoint that is idempotent is asked again. What a mail server took, nobody
    can tell: that stays in doubt, for an event or a person to settle.
    """
    before = {one.delivery_id for one in deliveries(ledger, ["in_doubt"])}
    ledger.reap(run_id, utc_now())
    for delivery in deliveries(ledger, ["in_doubt"]):
        try:
            verdict = senders[delivery.action].recall(delivery.delivery_id, partial(parcels.make, delivery))
        except PartnerflowError:
            verdict = None  # it cannot be made again, so it cannot be asked for
        state = verdict.state if verdict else "in_doubt"
        if verdict:
            why = verdict.reason or "Found out after a crash."
            if not ledger.resolve(delivery, state, run_id, why):
                continue
        if verdict or delivery.delivery_id not in before:
            outcome.add(delivery, state)
