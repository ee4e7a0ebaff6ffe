"""Blocks: deliveries are leased a block at a time, and with a second process rendered one block ahead."""

from collections.abc import Callable
from functools import partial

from compiler import PartnerflowError
from flows.ledger.delivery import Delivery
from flows.messages.envelope import Parcel
from flows.sending.renderer import GoneError, Made, Renderer

Make = Callable[[Delivery], Parcel]
"""Makes a parcel here; raises PartnerflowError when it cannot be made."""

Ready = tuple[Delivery, Callable[[], Parcel]]
"""A delivery, and what makes its parcel."""


class Blocks:
    """The blocks of one sending step; for one thread at a time. `lease` takes one from the ledger.

    Leasing ahead is free of risk. Without the process, before it is ready and when it is gone, whoever sends renders.
    """

    def __init__(self, lease: Callable[[], list[Delivery]], make: Make, renderer: Renderer | None = None):
        self._lease, self._make, self._renderer = lease, make, renderer
        self._ahead: list[Delivery] = []

    def next(self) -> list[Ready]:
        """The next block; empty when nothing is due."""
        block, self._ahead = self._ahead, []
        made = self._answer() if block else []
        block = block or self._lease()
        self._ask()
        if made:
            return [(one, partial(_unwrap, what)) for one, what in zip(block, made, strict=True)]
        return [(one, partial(self._make, one)) for one in block]

    def _answer(self) -> list[Made]:
        try:
            return self._renderer.answer() if self._renderer else []
        except GoneError:
            self._renderer = None
            return []

    def _ask(self) -> None:
        try:
            if self._renderer and self._renderer.is_ready() and (ahead := self._lease()):
                self._ahead = ahead
                self._renderer.ask(ahead)
        except GoneError:
            self._renderer = None


def _unwrap(made: Made) -> Parcel:
    if isinstance(made, PartnerflowError):
        raise made
    return made
