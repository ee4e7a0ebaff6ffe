"""Parse bounce messages (RFC 3464, or the formats of individual mail servers) and complaints (RFC 5965).

The delivery is identified by the address that the bounce was sent to, `bounce+<delivery id>@…`, or else by the headers
of the returned message.
"""

import logging
import re
from datetime import UTC
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from itertools import islice
from typing import Any

from flufl.bounce import all_failures

MAX_PARTS = 200
"""MIME parts of a message that are looked at."""

_VERP = re.compile(r"\+([0-9a-f]{32})@")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")

_DETECTOR_ERRORS = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What flufl.bounce's detectors raise on unexpected mail, for example without a sender."""

logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


def read_bounce(content: bytes) -> dict[str, Any]:
    """Return a bounce message as JSON values.

    `kind` is bounce, complaint, delay or delivery; `recipients` has one object per address: email, action, status,
    diagnostic_code, is_permanent. `delivery_id` and `message_id` are those of the returned message, or None. Never
    raises: a message that cannot be parsed has no recipients.
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
    return list(islice(message.walk(), MAX_PARTS))


def _recipients(message: Message) -> list[dict[str, Any]]:
    """Return one object per recipient in the parts of type message/delivery-status."""
    found = []
    for part in _walk(message):
        if part.get_content_type() == "message/delivery-status" and part.is_multipart():
            groups = [group for group in _subparts(part) if group.get("Final-Recipient")]
            found += [_recipient(group) for group in groups]
    return found


def _recipient(group: Message) -> dict[str, Any]:
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


def _guess(message: Message) -> list[dict[str, Any]]:
    """Return the recipients that flufl.bounce finds in a message without a delivery-status part."""
    try:
        temporary, permanent = all_failures(message)
    except _DETECTOR_ERRORS:
        return []
    pairs = [(address, False) for address in temporary - permanent] + [(address, True) for address in permanent]
    return [
        {"email": address.decode(errors="replace"), "action": "failed" if is_permanent else "delayed",
         "status": None, "diagnostic_code": None, "is_permanent": is_permanent}
        for address, is_permanent in sorted(pairs)
    ]  # fmt: skip


def _kind(reports: list[dict[str, Any]], complaint: Message | None) -> str:
    if complaint is not None:
        return "complaint"
    actions = {report["action"] for report in reports}
    if actions and actions <= {"delayed", "relayed", "expanded"}:
        return "delay"
    return "delivery" if actions == {"delivered"} else "bounce"


def _original(message: Message) -> Message | None:
    """Return the returned message, whole or only its headers."""
    for part in _walk(message)[1:]:
        if part.get_content_type() == "message/rfc822" and part.is_multipart():
            return next(iter(_subparts(part)), None)
        if part.get_content_type() == "text/rfc822-headers":
            return message_from_bytes(_content(part))
    return None


def _delivery_id(message: Message, original: Message | None) -> str | None:
    envelope = [_text(message, name) for name in ("X-Original-To", "Delivered-To", "Envelope-To", "To")]
    for _, address in getaddresses([text for text in envelope if text]):
        if found := _VERP.search(address):
            return found.group(1)
    return _text(original, "X-Partnerflow-Delivery").strip() or None


def _complainer(complaint: Message) -> str | None:
    """Return the address that complained, from the fields of the report."""
    fields = next(iter(_subparts(complaint)), None) or message_from_bytes(_content(complaint))
    return _text(fields, "Original-Rcpt-To").strip(" <>") or None


def _subparts(part: Message) -> list[Message]:
    """Return the messages in a multipart part."""
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _content(part: Message) -> bytes:
    """Return the decoded content of a part that is not multipart."""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(message: Message | None, name: str) -> str:
    return "" if message is None else str(message.get(name, ""))


def _date(message: Message) -> str | None:
    try:
        return parsedate_to_datetime(_text(message, "Date")).astimezone(UTC).replace(tzinfo=None).isoformat()
    except (ValueError, TypeError, OverflowError):
        return None
