"""Render a delivery: its email with all headers, or the decision about an application.

Rendering is deterministic: everything it reads was stored with the delivery.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, Protocol

from compiler import PartnerflowError
from flows.addresses import mask_address, normalize_address
from flows.ledger.delivery import Delivery
from flows.messages.envelope import OutgoingMessage
from flows.messages.message import Message, RenderedContent
from flows.messages.mime.compose import compose
from flows.messages.mime.headers import mailbox, unstructured, without_controls
from flows.messages.unsubscribe import UnsubscribePage, unsubscribe_links
from flows.messages.variables import today
from flows.settings import Settings


class Renderable(Protocol):
    """What an email can be rendered from: a delivery of the ledger, or a test email. Times are UTC, without a zone."""

    @property
    def delivery_id(self) -> str: ...

    @property
    def workflow_id(self) -> str: ...

    @property
    def program_id(self) -> str: ...

    @property
    def partner_id(self) -> str: ...

    @property
    def email(self) -> str | None: ...

    @property
    def message_id(self) -> str: ...

    @property
    def context(self) -> dict[str, Any]: ...

    @property
    def as_of(self) -> datetime: ...

    @property
    def claimed_at(self) -> datetime: ...


def render(delivery: Delivery, message: Message | None, settings: Settings) -> OutgoingMessage:
    """Return the email of a delivery or, without a message, the decision about an application.

    The same delivery and message always give the same bytes. Raises PartnerflowError when a template fails or an
    address is not valid.
    """
    if message is None:
        return OutgoingMessage(delivery.delivery_id, _decision(delivery))
    return render_email(delivery, message, settings)


def render_email(delivery: Renderable, message: Message, settings: Settings, is_test: bool = False) -> OutgoingMessage:
    """Return the email of a delivery. A test email is marked in its subject and a header, and has no cc or bcc."""
    to, sender = normalize_address(delivery.email or ""), settings.sender_address
    reply_to = normalize_address(message.reply_to) if message.reply_to else None
    cc, bcc = (normalize_address(copy) if copy and not is_test else None for copy in (message.cc, message.bcc))
    keys, program = settings.unsubscribe_signing_keys, delivery.context["program"]
    language = message.language_for(delivery.context["partner"].get("language"))
    page = UnsubscribePage(delivery.delivery_id, without_controls(program["name"]), mask_address(to), language)
    links = unsubscribe_links(page, settings.unsubscribe_url, keys, reply_to or sender)
    content = render_content(message, delivery.context, delivery.as_of, links.link)
    headers = {
        "From": mailbox(message.sender_name or without_controls(program["name"]) or program["id"], sender),
        "To": to,
        "Cc": cc,
        "Reply-To": reply_to,
        "Subject": unstructured(f"[Test] {content.subject}" if is_test else content.subject),
        "Date": _date(delivery.claimed_at),
        "Message-ID": f"<{delivery.message_id}>",
        "Content-Language": content.language,
        **links.headers,
        **_list_headers(delivery.workflow_id, delivery.program_id, sender),
        "X-Partnerflow-Delivery": delivery.delivery_id,
        "X-Partnerflow-Test": "true" if is_test else None,
    }
    email = compose({name: value for name, value in headers.items() if value}, content.text, content.html)
    recipients = (to, *(copy for copy in (cc, bcc) if copy))
    return OutgoingMessage(delivery.delivery_id, email, _envelope_sender(delivery, settings), recipients)


def render_content(
    message: Message, context: Mapping[str, Any], as_of: datetime, unsubscribe_link: str
) -> RenderedContent:
    """Return subject and bodies as of an hour (UTC), in the partner's language where the message has it.

    Raises PartnerflowError when a template fails.
    """
    language = message.language_for(context["partner"].get("language"))
    values = {"today": today(as_of, context["program"].get("timezone"), language), "unsubscribe_link": unsubscribe_link}
    return message.render({**context, **values}, language)


@lru_cache(maxsize=256)
def _date(moment: datetime) -> str:
    return format_datetime(moment.replace(tzinfo=UTC))


@lru_cache(maxsize=256)
def _list_headers(workflow_id: str, program_id: str, sender: str) -> Mapping[str, str]:
    """Return the headers that mark automatic bulk email: RFC 2919, RFC 3834, and those used by convention."""
    workflow, program = _label(workflow_id), _label(program_id)
    return {
        "List-Id": f"<{workflow}.{sender.rpartition('@')[2]}>",
        "Feedback-ID": f"{workflow}:{program}:email:partnerflow",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }


def _label(text: str) -> str:
    """Return an id as one label of a List-Id or field of a Feedback-ID, whose separators are dots and colons."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text)[:100].strip("-") or "none"


def _envelope_sender(delivery: Renderable, settings: Settings) -> str:
    """Return the bounce address with the delivery id in it, which identifies a bounce without parsing its text."""
    if settings.bounce_address is None:
        return settings.sender_address
    local, _, domain = settings.bounce_address.rpartition("@")
    return f"{local}+{delivery.delivery_id}@{domain}"


def _decision(delivery: Delivery) -> bytes:
    """Return `accept application` as a JSON document for the application API."""
    if not delivery.contract_id:
        raise PartnerflowError("The delivery has no contract_id.")
    decision = {
        "decision": "accept",
        "decision_id": delivery.delivery_id,
        "workflow_id": delivery.workflow_id,
        "program_id": delivery.program_id,
        "partner_id": delivery.partner_id,
        "contract_id": delivery.contract_id,
        "as_of": delivery.as_of.isoformat() + "Z",
    }
    return (json.dumps(decision, indent=2, ensure_ascii=False) + "\n").encode()
