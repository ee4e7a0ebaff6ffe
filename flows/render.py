"""Render: a claimed delivery becomes the bytes that are handed over."""

import json
from collections.abc import Mapping

from compiler import PartnerflowError
from flows.compose import compose
from flows.ledger import Delivery
from flows.messages import Message


def render(delivery: Delivery, messages: Mapping[str, Message], sender_address: str) -> bytes:
    """The email, or the decision file, of a delivery, from what was fixed when it was claimed.

    Raises PartnerflowError when the message cannot be rendered or the address not written to.
    """
    if delivery.email is None:
        return _decision(delivery)
    email = messages[delivery.workflow_id].render(delivery.context)
    return compose(
        email, sender_address, delivery.email, delivery.message_id, delivery.claimed_at, delivery.delivery_id
    )


def _decision(delivery: Delivery) -> bytes:
    """`accept application` as a JSON document, for whoever carries it out."""
    if not delivery.context.get("contract_id"):
        raise PartnerflowError("The delivery names no contract.")
    decision = {
        "decision": "accept",
        "decision_id": delivery.delivery_id,
        "workflow_id": delivery.workflow_id,
        "program_id": delivery.program_id,
        "partner_id": delivery.partner_id,
        "contract_id": delivery.context["contract_id"],
        "as_of": delivery.as_of.isoformat() + "Z",
    }
    return (json.dumps(decision, indent=2, ensure_ascii=False) + "\n").encode()
