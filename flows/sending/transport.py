"""The protocol between the dispatcher and a transport: a mail server, the application API or a folder of files.

A delivery is handed over in two steps. `prepare` does everything that may fail and may be repeated; the function that
it returns does what cannot be undone, and returns the result. The ledger records `sending` between the two.
"""

from collections.abc import Callable
from typing import Protocol

from compiler import PartnerflowError
from flows.ledger.delivery import SendResult
from flows.messages.envelope import OutgoingMessage

Send = Callable[[], SendResult]
"""Hands over one prepared message."""


class TransportUnavailable(PartnerflowError):
    """The transport cannot be reached, or refuses the login. No delivery has been started.

    `is_permanent`: trying again soon will not help, as with a wrong password or an invalid certificate.
    """

    def __init__(self, message: str, is_permanent: bool = False):
        super().__init__(message)
        self.is_permanent = is_permanent


class Connection(Protocol):
    """A connection to a transport; used by one thread."""

    @property
    def is_ready(self) -> bool:
        """Whether `prepare` would return at once: connected, and not limited to a rate."""

    def prepare(self, message: OutgoingMessage) -> Send:
        """Prepare a message, and return the function that sends it. Raises TransportUnavailable."""

    def close(self) -> None:
        """Close the connection."""


class Transport(Protocol):
    """A way to hand over deliveries."""

    @property
    def max_connections(self) -> int:
        """How many connections may be open at a time."""

    def open_connection(self) -> Connection:
        """Return a connection; it connects when it is first used."""

    def reconcile(self, delivery_id: str, render: Callable[[], OutgoingMessage]) -> SendResult | None:
        """After a crash during sending: complete the delivery, or find out its result. None: it cannot be known.

        `render` renders the message again if it is needed; it raises PartnerflowError when it cannot.
        """
