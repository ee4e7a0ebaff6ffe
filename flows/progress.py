"""Progress: how far a long step is."""

from collections.abc import Callable

Report = Callable[[int, int], None]
"""So many done, of so many. Comes often, and from several threads; takes no time."""


def nobody_listens(_done: int, _total: int) -> None:
    """A report that goes nowhere."""
