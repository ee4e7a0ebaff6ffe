"""Progress of a long step, as a callback."""

from collections.abc import Callable

ProgressCallback = Callable[[int, int], None]
"""Called with the number of items done and the total. Called often and from several threads, so it must be fast."""


def no_progress(_done: int, _total: int) -> None:
    """Ignore the progress."""
