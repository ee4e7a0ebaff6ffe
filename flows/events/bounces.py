"""Parse bounce messages (RFC 3464, or the formats of individual mail servers) and feedback reports (RFC 5965).

The delivery is identified by the address that the bounce was sent to, `bounce+<delivery id>@…`, or else by the headers
of the returned message. Which bounces are hard is decided later, by the macro `bounce_type`.
"""

import logging
import re
from collections.abc import Iterable
from datetime import UTC
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from itertools import islice
from typing import Any

from flufl.bounce import all_failures

from flows.events.delivery_status import reported_recipients
from flows.events.mail_limits import head_of_mail

MAX_PARTS = 200
"""MIME parts of a message that are looked at."""

MAX_RECIPIENTS = 50
"""Recipients that are read from a message; an email of ours has one, and its copies."""

_MAX_HEADER = 1_000
"""Characters of a header that are read."""

_VERP = re.compile(r"\+([0-9a-f]{32})@", re.I)
_FEEDBACK_TYPE = re.compile(r"[a-z-]+")
_END_OF_NOTICE = re.compile(r"(?m)^--.*(copy|original|returned) .*message|^--.*below this line")
_REPLY_SUBJECT = re.compile(r"\s*(out of (the )?office|automatic reply|auto(matic)?[- ]?(reply|response)|auto:)", re.I)
_BOUNCE_SENDER = re.compile(r"mailer-daemon|postmaster|mail delivery|<>", re.I)

_DETECTOR_ERRORS = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What flufl.bounce's detectors raise on unexpected mail, for example without a sender."""

logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)


def read_bounce(content: bytes) -> dict[str, Any]:
    """Return a bounce message as JSON values.

    `kind` is bounce, feedback (a report of RFC 5965, with its `feedback_type` in lower case or None), delay, delivery,
    or other, such as an automatic reply. `recipients` has one object per address: email, action, status,
    diagnostic_code; of a feedback report email only. `delivery_id` and `message_id` are those of the returned message,
    or None. Never raises: a message that cannot be parsed has no recipients. Only its head is read (see mail_limits).
    """
    message = message_from_bytes(head_of_mail(content))
    original = _original(message)
    feedback = _feedback(message)
    recipients = reported_recipients(_walk(message)) or _guess(message) if feedback is None else [_reporter(feedback)]
    return {
        "kind": _kind(recipients) if feedback is None else "feedback",
        "feedback_type": _feedback_type(feedback),
        "delivery_id": _delivery_id(message, original),
        "message_id": _text(original, "Message-ID").strip("<> ") or None,
        "occurred_at": _date(message),
        "subject": _text(message, "Subject")[:200],
        "recipients": recipients[:MAX_RECIPIENTS],
    }


def _walk(message: Message) -> list[Message]:
    return list(islice(message.walk(), MAX_PARTS))


def _guess(message: Message) -> list[dict[str, Any]]:
    """Return the recipients that flufl.bounce finds in a message without a delivery-status part."""
    if _is_automatic_reply(message):
        return []
    try:
        temporary, permanent = all_failures(message)
    except _DETECTOR_ERRORS:
        return []
    paragraphs = re.split(r"\n\s*\n", _notice(message))
    pairs = [(address, "delayed") for address in temporary - permanent] + [(one, "failed") for one in permanent]
    found = sorted(pairs)[:MAX_RECIPIENTS]
    return [_guessed(address.decode(errors="replace"), action, paragraphs) for address, action in found]


def _guessed(email: str, action: str, paragraphs: list[str]) -> dict[str, Any]:
    """Return a recipient with what the paragraphs of the notice that name its address say."""
    said = [part for part in paragraphs if email.lower() in part.lower()]
    return {
        "email": email, "action": action, "status": None,
        "diagnostic_code": " ".join(" ".join(said).split())[:500] or None,
    }  # fmt: skip


def _notice(message: Message) -> str:
    """Return the text of the first text part, up to the returned message."""
    part = next((one for one in _walk(message) if one.get_content_type() == "text/plain"), None)
    text = "" if part is None else _content(part).decode(errors="replace").replace("\r\n", "\n")
    return _END_OF_NOTICE.split(text, maxsplit=1)[0]


def _is_automatic_reply(message: Message) -> bool:
    """Whether a person's mail program answered (RFC 3834), and not a mail server, which says which address failed."""
    if message.get_param("report-type") == "disposition-notification":
        return True
    if message.get("X-Failed-Recipients") or _BOUNCE_SENDER.search(_text(message, "From")):
        return False
    return (
        _text(message, "Auto-Submitted").lower().startswith("auto-replied")
        or any(message.get(name) for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder"))
        or _text(message, "Precedence").lower().strip() == "auto_reply"
        or _REPLY_SUBJECT.match(_text(message, "Subject")) is not None
    )


def _kind(recipients: list[dict[str, Any]]) -> str:
    actions = {one["action"] for one in recipients}
    if actions and actions <= {"delayed", "relayed", "expanded"}:
        return "delay"
    if actions == {"delivered"}:
        return "delivery"
    return "bounce" if "failed" in actions else "other"


def _feedback(message: Message) -> Message | None:
    """Return the fields of a feedback report, or None."""
    part = next((one for one in _walk(message) if one.get_content_type() == "message/feedback-report"), None)
    if part is None:
        return None
    return next(iter(_subparts(part)), None) or message_from_bytes(head_of_mail(_content(part)))


def _feedback_type(feedback: Message | None) -> str | None:
    found = _FEEDBACK_TYPE.search(_text(feedback, "Feedback-Type").lower())
    return found.group() if found else None


def _reporter(feedback: Message) -> dict[str, Any]:
    return {"email": _text(feedback, "Original-Rcpt-To").strip(" <>") or None}


def _original(message: Message) -> Message | None:
    """Return the returned message, whole or only its headers."""
    for part in _walk(message)[1:]:
        if part.get_content_type() in ("message/rfc822", "message/global") and part.is_multipart():
            return next(iter(_subparts(part)), None)
        if part.get_content_type() == "text/rfc822-headers":
            return message_from_bytes(head_of_mail(_content(part)))
        if part.get_content_type() == "message/global-headers":
            return next(iter(_subparts(part)), None)
    return None


def _delivery_id(message: Message, original: Message | None) -> str | None:
    envelope = [_text(message, name) for name in ("X-Original-To", "Delivered-To", "Envelope-To", "To")]
    for _, address in _addresses(text for text in envelope if text):
        if found := _VERP.search(address):
            return found.group(1).lower()
    return _text(original, "X-Partnerflow-Delivery").strip() or None


def _addresses(headers: Iterable[str]) -> list[tuple[str, str]]:
    try:
        return getaddresses(list(headers))
    except RecursionError:  # comments in comments
        return []


def _subparts(part: Message) -> list[Message]:
    """Return the messages in a multipart part."""
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _content(part: Message) -> bytes:
    """Return the decoded content of a part that is not multipart."""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(message: Message | None, name: str) -> str:
    return "" if message is None else str(message.get(name, ""))[:_MAX_HEADER]


def _date(message: Message) -> str | None:
    try:
        return parsedate_to_datetime(_text(message, "Date")).astimezone(UTC).replace(tzinfo=None).isoformat()
    except (ValueError, TypeError, OverflowError):
        return None
