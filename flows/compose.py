"""An email as bytes, that no partner's name can break.

Our own composer, because the standard library's writes a CRLF and a further header when a name hides one in an RFC 2047
encoded word (CVE-2024-6923 on Python 3.11 and 3.12), and encodes addresses with non-ASCII domains into invalid ones.
"""

import quopri
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from typing import Any

from compiler import PartnerflowError

MAX_PLAIN = 60
"""Longer header texts are encoded, because encoded words can be folded and plain text cannot."""


@dataclass(frozen=True)
class Email:
    """What one recipient reads: a subject of one line, and a text."""

    sender_name: str
    reply_to: str | None
    subject: str
    text: str


def compose(email: Email, sender: str, recipient: str, message_id: str, date: datetime, delivery_id: str) -> bytes:
    """The email as it goes over the wire (RFC 5322, CRLF line ends). `date` is UTC without a zone.

    Raises PartnerflowError when the recipient's address cannot be written to.
    """
    headers = {
        "From": _mailbox(email.sender_name, address(sender)),
        "To": address(recipient),
        "Reply-To": address(email.reply_to) if email.reply_to else None,
        "Subject": _text(email.subject),
        "Date": format_datetime(date.replace(tzinfo=UTC)),
        "Message-ID": f"<{message_id}>",
        "Auto-Submitted": "auto-generated",
        "X-Partnerflow-Delivery": delivery_id,
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "quoted-printable",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    lines = quopri.encodestring(email.text.encode()).decode("ascii").splitlines()
    return (head + "\r\n" + "\r\n".join(lines) + "\r\n").encode("ascii")


def address(text: str) -> str:
    """The address as ASCII; a non-ASCII domain in its IDNA form.

    >>> address("anna@bücher.example")
    'anna@xn--bcher-kva.example'

    Raises PartnerflowError when it is no address that a plain SMTP server takes.
    """
    local, at, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii") if not domain.isascii() else domain
    except UnicodeError:
        at = ""
    bad = set(' <>,;:()[]"\\') | {chr(code) for code in range(32)} | {"\x7f"}
    if not (at and local and domain and local.isascii()) or set(local + domain) & bad or ".." in text:
        raise PartnerflowError(f"{text!r} is no address that can be written to.")
    return f"{local}@{domain}"


def without_controls(value: Any) -> Any:
    """The value with every control character of its texts made a blank, in mappings too.

    >>> without_controls({"name": "Bell\\x07 and\\r\\nBcc: x"})
    {'name': 'Bell and Bcc: x'}
    """
    if isinstance(value, dict):
        return {key: without_controls(item) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    kept = "".join(" " if unicodedata.category(one) in ("Cc", "Zl", "Zp", "Cs") else one for one in value)
    return " ".join(kept.split())


def _mailbox(name: str, addr_spec: str) -> str:
    phrase = without_controls(name)
    if not phrase:
        return addr_spec
    if _is_plain(phrase):
        escaped = phrase.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{addr_spec}>'
    return f"{_encoded(phrase)} <{addr_spec}>"


def _text(text: str) -> str:
    clean = without_controls(text)
    return clean if _is_plain(clean) else _encoded(clean)


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text and len(text) <= MAX_PLAIN


def _encoded(text: str) -> str:
    return Header(text, "utf-8", maxlinelen=70).encode(linesep="\r\n")
