"""Render: a claimed delivery becomes the parcel that is handed over."""

import json

from compiler import PartnerflowError
from flows.compose import address, compose
from flows.delivery import Delivery
from flows.messages import Message
from flows.parcel import Parcel
from flows.settings import Settings


def render(delivery: Delivery, message: Message | None, settings: Settings) -> Parcel:
    """The email, or the decision (`message` is None), of a delivery, from what was fixed when it was claimed.

    Raises PartnerflowError when the message cannot be rendered or the address not written to.
    """
    if message is None:
        return Parcel(delivery.delivery_id, _decision(delivery))
    sender = settings.sender_address
    content = compose(
        message.render(delivery.context), sender, delivery.email, delivery.message_id, delivery.claimed_at,
        delivery.delivery_id,
    )  # fmt: skip
    return Parcel(delivery.delivery_id, content, sender, (address(delivery.email),))


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
