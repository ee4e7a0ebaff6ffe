"""Settle: what a person, or an event, knows about a delivery that the machine cannot decide."""

from compiler import PartnerflowError
from flows.ledger.delivery import BY_PERSON, LOST, Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries, find_delivery


def settle_by_person(ledger: Ledger, identity: str, state: str, reason: str, person: str) -> Delivery:
    """A person's word: a delivery in doubt is sent, failed or pending again; one certainly not delivered is pending.

    The log keeps who said so, and why. Raises PartnerflowError when the delivery is not in a state that is a person's
    to decide.
    """
    delivery = find_delivery(ledger, identity)
    allowed = BY_PERSON.get(delivery.state, set())
    if not reason.strip():
        raise PartnerflowError("Say how you know it: --reason TEXT. The log keeps it.")
    if state not in allowed:
        can = f"It can be settled as {', '.join(sorted(allowed))}." if allowed else "That is nobody's to change."
        raise PartnerflowError(f"{delivery.delivery_id} is {delivery.state}. {can}")
    if state == "pending" and delivery.context == LOST:
        raise PartnerflowError(
            f"{delivery.delivery_id} was put back by `restore`, and what it is rendered with is lost. "
            "It can be settled as failed or sent."
        )
    if not ledger.resolve(delivery, state, f"person:{person}", reason.strip()):
        raise PartnerflowError(f"{delivery.delivery_id} has moved meanwhile. Look again: `partnerflow deliveries`.")
    return find_delivery(ledger, delivery.delivery_id)


def settle_by_evidence(ledger: Ledger, identity: str, state: str, event_id: str, reason: str) -> bool:
    """An event about a delivery: when it is in doubt, it becomes sent (delivered, opened ...) or failed (bounced).

    `identity` is the delivery's id or Message-ID. False, and nothing changes, when it is not in doubt or not ours.
    """
    if state not in ("sent", "failed"):
        raise ValueError(f"an event cannot make a delivery {state}")
    name = identity.strip("<>")
    for one in deliveries(ledger, ["in_doubt"]):
        if name in (one.delivery_id, one.message_id):
            return ledger.resolve(one, state, f"event:{event_id}", reason)
    return False
