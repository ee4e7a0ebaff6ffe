"""Pace: so many a second and no more, however many threads ask."""

import threading
import time


class Pace:
    """Lets one caller through every 1/`per_second` seconds; None: no limit, it `is_free`."""

    def __init__(self, per_second: float | None):
        self.is_free = not per_second
        self._gap = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when it is this caller's turn."""
        if self.is_free:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
        time.sleep(turn - now)
