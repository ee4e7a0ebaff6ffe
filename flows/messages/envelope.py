"""The bytes of one delivery, with its SMTP envelope."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OutgoingMessage:
    """One delivery that is ready to be handed to a transport.

    For an email, `content` is the message (RFC 5322), `sender` the envelope sender and `recipients` the address of the
    delivery followed by those of cc and bcc. For a decision about an application `content` is a JSON document, without
    an envelope.
    """

    delivery_id: str
    content: bytes
    sender: str | None = None
    recipients: tuple[str, ...] = ()
