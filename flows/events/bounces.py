"""A bounce message (RFC 3464, or any of the shapes that mail servers invent) as facts.

Which delivery it is about is asked first of our own envelope sender, `bounce+<delivery id>@…`, which no server can
leave out; then of the headers of the message that came back.
"""

import logging
import re
from datetime import UTC
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

from flufl.bounce import all_failures

_VERP = re.compile(r"\+([0-9a-f]{32})@")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")

_STUMBLES = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What flufl.bounce's detectors raise on mail that is not what they expect, one without a sender for example."""

logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


def read_bounce(content: bytes) -> dict:
    """The facts of a bounce message, as JSON holds them.

    `kind` is bounce, complaint (RFC 5965) or delay; `recipients` one object a failed address: email, action, status,
    diagnostic_code, is_permanent. `delivery_id` and `message_id` are those of the message that came back, where they
    can be found. Never raises: what cannot be read has no recipients.
    """
    message = message_from_bytes(content)
    original = _original(message)
    reports = _recipients(message)
    complaint = next((part for part in _walk(message) if part.get_content_type() == "message/feedback-report"), None)
    return {
        "kind": _kind(reports, complaint),
        "delivery_id": _delivery_id(message, original),
        "message_id": _text(original, "Message-ID").strip("<> ") or None,
        "occurred_at": _date(message),
        "subject": _text(message, "Subject")[:200],
        "recipients": [{"email": _complainer(complaint)}] if complaint is not None else reports or _guess(message),
    }


def _walk(message: Message) -> list[Message]:
    return list(message.walk())[:200]


def _recipients(message: Message) -> list[dict]:
    """The groups of message/delivery-status that name a recipient."""
    found = []
    for part in _walk(message):
        if part.get_content_type() == "message/delivery-status" and part.is_multipart():
            groups = [group for group in part.get_payload() if group.get("Final-Recipient")]
            found += [_recipient(group) for group in groups]
    return found


def _recipient(group: Message) -> dict:
    address = _text(group, "Original-Recipient") or _text(group, "Final-Recipient")
    status = _STATUS.search(_text(group, "Status")) or _STATUS.search(_text(group, "Diagnostic-Code"))
    action = _text(group, "Action").strip().lower()
    return {
        "email": address.partition(";")[2].strip(" <>") or address.strip(" <>"),
        "action": action,
        "status": status.group(1) if status else None,
        "diagnostic_code": " ".join(_text(group, "Diagnostic-Code").split())[:500] or None,
        "is_permanent": action == "failed" and not (status and status.group(1).startswith("4")),
    }


def _guess(message: Message) -> list[dict]:
    """What flufl.bounce knows of the many servers that write no delivery-status."""
    try:
        temporary, permanent = all_failures(message)
    except _STUMBLES:
        return []
    pairs = [(address, False) for address in temporary - permanent] + [(address, True) for address in permanent]
    return [
        {"email": address.decode(errors="replace"), "action": "failed" if is_permanent else "delayed",
         "status": None, "diagnostic_code": None, "is_permanent": is_permanent}
        for address, is_permanent in sorted(pairs)
    ]  # fmt: skip


def _kind(reports: list[dict], complaint: Message | None) -> str:
    if complaint is not None:
        return "complaint"
    return (
        "delay"
        if reports and all(one["action"] in ("delayed", "relayed", "expanded") for one in reports)
        else ("delivery" if reports and all(one["action"] == "delivered" for one in reports) else "bounce")
    )


def _original(message: Message) -> Message | None:
    """The message that came back, whole or its headers."""
    for part in _walk(message)[1:]:
        if part.get_content_type() == "message/rfc822" and part.is_multipart():
            return part.get_payload(0)
        if part.get_content_type() == "text/rfc822-headers":
            return message_from_bytes(part.get_payload(decode=True) or b"")
    return None


def _delivery_id(message: Message, original: Message | None) -> str | None:
    envelope = [_text(message, name) for name in ("X-Original-To", "Delivered-To", "Envelope-To", "To")]
    for _, address in getaddresses([text for text in envelope if text]):
        if found := _VERP.search(address):
            return found.group(1)
    return _text(original, "X-Partnerflow-Delivery").strip() or None


def _complainer(complaint: Message) -> str | None:
    """The address that complained, from the report's own fields."""
    inner = (
        complaint.get_payload(0)
        if complaint.is_multipart()
        else message_from_bytes(complaint.get_payload(decode=True) or b"")
    )
    return _text(inner, "Original-Rcpt-To").strip(" <>") or None


def _text(message: Message | None, name: str) -> str:
    return "" if message is None else str(message.get(name, ""))


def _date(message: Message) -> str | None:
    try:
        return parsedate_to_datetime(_text(message, "Date")).astimezone(UTC).replace(tzinfo=None).isoformat()
    except (ValueError, TypeError, OverflowError):
        return None
