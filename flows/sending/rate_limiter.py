"""A rate limiter: evenly spaced turns, shared by all threads."""

import threading
import time
from collections.abc import Callable


class RateLimiter:
    """Grants one turn every 1/`per_second` seconds; None is unlimited. Unused turns are not saved up."""

    def __init__(
        self,
        per_second: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.is_unlimited = not per_second
        self._interval = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()

    def acquire(self) -> None:
        """Wait for the caller's turn."""
        if self.is_unlimited:
            return
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._interval
        self._sleep(turn - now)
