"""Deliver: hand a parcel over, in two steps, of which only the second cannot be taken back.

`prepare` does everything that may fail and may be done again; the function that it returns does the irrevocable step
and says what became of it. The ledger says `sending` between the two.
"""

from collections.abc import Callable
from typing import Protocol

from compiler import PartnerflowError
from flows.ledger.delivery import Verdict
from flows.messages.envelope import Parcel


class Unavailable(PartnerflowError):
    """The other side cannot be reached, or does not let us in. No delivery has been begun.

    `for_good`: trying again in a moment is no use (a wrong password, a certificate that does not hold).
    """

    def __init__(self, message: str, for_good: bool = False):
        super().__init__(message)
        self.for_good = for_good


class Session(Protocol):
    """One line to whatever takes parcels; used by one thread.

    `is_ready`: `prepare` has nothing to wait for, neither a connection nor a pace.
    """

    is_ready: bool

    def prepare(self, parcel: Parcel) -> Callable[[], Verdict]:
        """Make ready, and return what sends. Raises Unavailable."""

    def close(self) -> None:
        """Hang up."""


class Sender(Protocol):
    """Whatever takes parcels: the outbox, a mail server, an endpoint that accepts applications.

    `connections` is how many sessions it is worth having at a time.
    """

    connections: int

    def session(self) -> Session:
        """A session, which connects when it is first needed."""

    def recall(self, delivery_id: str, make: Callable[[], Parcel]) -> Verdict | None:
        """After a crash in the middle: complete the delivery, or find out what became of it. None: nobody can tell.

        `make` makes its parcel again, if that is needed; it raises PartnerflowError when it cannot.
        """
