"""Parcel: one delivery made ready, whatever carries it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parcel:
    """The bytes of one delivery, and for an email the envelope: who it is from and whom it goes to.

    `recipients` are the address of the delivery first, then cc and bcc; a decision has no envelope.
    """

    delivery_id: str
    content: bytes
    sender: str | None = None
    recipients: tuple[str, ...] = ()
