"""Render: a claimed delivery becomes the parcel that is handed over, from what was fixed when it was claimed."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Protocol

from compiler import PartnerflowError
from flows.addresses import address
from flows.messages.envelope import Parcel
from flows.messages.message import Message, RenderedContent
from flows.messages.mime.compose import compose
from flows.messages.mime.headers import mailbox, unstructured, without_controls
from flows.messages.unsubscribe import unsubscribe_links
from flows.messages.variables import today
from flows.settings import Settings


class Renderable(Protocol):
    """What is to be rendered: a delivery of the ledger, or a test email. Times are UTC."""

    delivery_id: str
    workflow_id: str
    program_id: str
    partner_id: str
    email: str | None
    message_id: str
    context: dict
    as_of: datetime
    claimed_at: datetime


def render(delivery: Renderable, message: Message | None, settings: Settings) -> Parcel:
    """The email of a delivery, or where there is no message the decision about an application.

    Of a delivery and a message the bytes are always the same. Raises PartnerflowError when the message cannot be filled
    in or the address not written to.
    """
    if message is None:
        return Parcel(delivery.delivery_id, _decision(delivery))
    return render_email(delivery, message, settings)


def render_email(delivery: Renderable, message: Message, settings: Settings, is_test: bool = False) -> Parcel:
    """The email of a delivery. A test email says so in its subject and a header, and goes to one address only."""
    to, sender = address(delivery.email), settings.sender_address
    answers = address(message.reply_to) if message.reply_to else None
    context, program = delivery.context, delivery.context["program"]
    out = unsubscribe_links(
        delivery.delivery_id, settings.unsubscribe_url, settings.unsubscribe_signing_keys, answers or sender
    )
    written = render_content(message, context, delivery.as_of, out.link)
    copies = {} if is_test else {"Cc": message.cc, "Bcc": message.bcc}
    copies = {name: address(copy) for name, copy in copies.items() if copy}
    headers = {
        "From": mailbox(message.sender_name or without_controls(program["name"]) or program["id"], sender),
        "To": to,
        "Cc": copies.get("Cc"),
        "Reply-To": answers,
        "Subject": unstructured(f"[Test] {written.subject}" if is_test else written.subject),
        "Date": _date(delivery.claimed_at),
        "Message-ID": f"<{delivery.message_id}>",
        "Content-Language": written.language,
        **out.headers,
        **_list_headers(delivery.workflow_id, delivery.program_id, sender),
        "X-Partnerflow-Delivery": delivery.delivery_id,
        "X-Partnerflow-Test": "true" if is_test else None,
    }
    content = compose({name: value for name, value in headers.items() if value}, written.text, written.html)
    return Parcel(delivery.delivery_id, content, _envelope_sender(delivery, settings), (to, *copies.values()))


def render_content(message: Message, context: dict, as_of: datetime, unsubscribe_link: str) -> RenderedContent:
    """What a recipient reads at an hour (UTC), in its own language where the message has it.

    Raises PartnerflowError when the message cannot be filled in.
    """
    language = message.language_for(context["partner"].get("language"))
    values = {"today": today(as_of, context["program"].get("timezone"), language), "unsubscribe_link": unsubscribe_link}
    return message.render(context | values, language)


@lru_cache(maxsize=256)
def _date(moment: datetime) -> str:
    return format_datetime(moment.replace(tzinfo=UTC))


@lru_cache(maxsize=256)
def _list_headers(workflow_id: str, program_id: str, sender: str) -> Mapping[str, str]:
    """What marks the email as automatic and as one of many: RFC 2919, RFC 3834, and by custom."""
    workflow, program = _label(workflow_id), _label(program_id)
    return {
        "List-Id": f"<{workflow}.{sender.rpartition('@')[2]}>",
        "Feedback-ID": f"{workflow}:{program}:email:partnerflow",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }


def _label(text: str) -> str:
    """An id as one label of a List-Id or a field of a Feedback-ID, which dots and colons would part."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text)[:100].strip("-") or "none"


def _envelope_sender(delivery: Renderable, settings: Settings) -> str:
    """Where a bounce goes: an address that names the delivery, so that a bounce is understood without its text."""
    if settings.bounce_address is None:
        return settings.sender_address
    local, _, domain = settings.bounce_address.rpartition("@")
    return f"{local}+{delivery.delivery_id}@{domain}"


def _decision(delivery: Renderable) -> bytes:
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
