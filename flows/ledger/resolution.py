"""Resolve deliveries that the program cannot decide, with what a person or an event knows."""

from compiler import PartnerflowError
from flows.ledger.delivery import MANUAL_TRANSITIONS, RESTORED_CONTEXT, Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries, find_delivery


def settle_by_person(ledger: Ledger, identity: str, state: str, reason: str, person: str) -> Delivery:
    """Move a delivery to `state`, as a person decides, and return it. The log keeps the person and the reason.

    A delivery in doubt becomes sent, failed or pending; one that was certainly not delivered becomes pending. Raises
    PartnerflowError without a reason, and for any other transition.
    """
    delivery = find_delivery(ledger, identity)
    allowed = MANUAL_TRANSITIONS.get(delivery.state, set())
    if not reason.strip():
        raise PartnerflowError(
            "The reason is missing. Say with --reason TEXT how you know the result; it is kept in the log."
        )
    if state not in allowed:
        can = f"It can become {', '.join(sorted(allowed))}." if allowed else "A person cannot change this state."
        raise PartnerflowError(f"{delivery.delivery_id} is {delivery.state}. {can}")
    if state == "pending" and delivery.context == RESTORED_CONTEXT:
        raise PartnerflowError(
            f"{delivery.delivery_id} was re-imported by `restore`, and the values of its message are lost. "
            "It can become failed or sent."
        )
    if not ledger.resolve(delivery, state, f"person:{person}", reason.strip()):
        raise PartnerflowError(
            f"{delivery.delivery_id} has changed in the meantime. See `partnerflow deliveries`, then try again."
        )
    return find_delivery(ledger, delivery.delivery_id)


def settle_by_evidence(ledger: Ledger, identity: str, state: str, event_id: str, reason: str) -> bool:
    """Move a delivery in doubt to sent (delivered, opened ...) or failed (bounced), as an event proves.

    `identity` is the delivery's id or Message-ID. Return False, and change nothing, if no such delivery is in doubt.
    """
    if state not in ("sent", "failed"):
        raise ValueError(f"an event cannot make a delivery {state}")
    name = identity.strip("<>")
    for one in deliveries(ledger, ["in_doubt"]):
        if name in (one.delivery_id, one.message_id):
            return ledger.resolve(one, state, f"event:{event_id}", reason)
    return False
