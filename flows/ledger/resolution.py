"""Resolve deliveries that the program cannot decide, with what a person or an event knows."""

from collections.abc import Collection

from sqlalchemy import or_, select

from compiler import PartnerflowError
from flows.ledger.delivery import MANUAL_TRANSITIONS, RESTORED_CONTEXT, Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.queries import find_delivery
from flows.ledger.schema import DELIVERY
from flows.printable import printable


def settle_by_person(ledger: Ledger, identity: str, state: str, reason: str, person: str) -> Delivery:
    """Move a delivery to `state`, as a person decides, and return it. The log keeps the person and the reason.

    A delivery in doubt becomes sent, failed or pending; one that was certainly not delivered becomes pending. Raises
    PartnerflowError without a reason, and for any other transition.
    """
    delivery = find_delivery(ledger, identity)
    check_settlement([delivery], state, reason)
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


def settle_many_by_person(ledger: Ledger, chosen: Collection[Delivery], state: str, reason: str, person: str) -> int:
    """Move deliveries to `state`, as a person decides, in one transaction, and return how many.

    Those that have changed in the meantime stay as they are, and so do those of which `restore` has lost the values, if
    they would become pending. Raises PartnerflowError, and moves none, as `settle_by_person` does.
    """
    check_settlement(chosen, state, reason)
    kept = [one for one in chosen if state != "pending" or one.context != RESTORED_CONTEXT]
    return ledger.resolve_all(kept, state, f"person:{person}", reason.strip())


def settle_by_evidence(ledger: Ledger, identity: str, state: str, event_id: str, reason: str) -> bool:
    """Move a delivery in doubt to sent (delivered, opened ...) or failed (bounced), as an event proves.

    `identity` is the delivery's id or Message-ID. Return False, and change nothing, if no such delivery is in doubt.
    """
    if state not in ("sent", "failed"):
        raise ValueError(f"an event cannot make a delivery {state}")
    name, column = identity.strip("<>"), DELIVERY.c
    query = select(DELIVERY).where(
        column.state == "in_doubt", or_(column.delivery_id == name, column.message_id == name)
    )
    with ledger.store.reading() as connection:
        found = [Delivery(**row._mapping) for row in connection.execute(query)]
    return any(ledger.resolve(one, state, f"event:{event_id}", printable(reason)) for one in found)


def check_settlement(chosen: Collection[Delivery], state: str, reason: str) -> None:
    """Raise PartnerflowError without a reason, and unless a person may move each of the deliveries to `state`."""
    if not reason.strip():
        raise PartnerflowError(
            "The reason is missing. Say with --reason TEXT how you know the result; it is kept in the log."
        )
    for one in chosen:
        allowed = MANUAL_TRANSITIONS.get(one.state, set())
        if state not in allowed:
            can = f"It can become {', '.join(sorted(allowed))}." if allowed else "A person cannot change this state."
            raise PartnerflowError(f"{one.delivery_id} is {one.state}. {can}")
