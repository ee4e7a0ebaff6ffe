"""Breakers: when to stop rather than go on failing.

One for the other side: it cannot be reached, or is unwell, time after time. One for each workflow: too many of its
deliveries are refused for good, which says that something is wrong with the message or the list, and hurts the
sender's name. What was not sent stays pending.
"""

import threading
from collections import Counter

from flows.ledger.delivery import Verdict

IN_A_ROW = 5
"""Failures to connect, to log in, or of the server as a whole, without a single answer in between."""

REFUSED, SHARE = 20, 0.1
"""A workflow is paused once this many of its deliveries have failed, and they are more than this share of all."""


class Breakers:
    """What has failed so far in this run, for all threads. `stopped` and `paused` say why, or nothing."""

    def __init__(self) -> None:
        self.stopped: dict[str, str] = {}
        self.paused: dict[str, str] = {}
        self._in_a_row: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def unreachable(self, action: str, reason: str, for_good: bool = False) -> int:
        """The sender of an action failed as a whole; how often in a row. `for_good`: no use in trying again."""
        with self._lock:
            self._in_a_row[action] += 1
            if for_good or self._in_a_row[action] >= IN_A_ROW:
                self.stopped.setdefault(action, reason)
            return self._in_a_row[action]

    def answered(self, action: str, workflow_id: str, verdict: Verdict) -> None:
        """A delivery has its verdict."""
        if verdict.unwell:
            self.unreachable(action, verdict.reason or "The server is unwell.")
            return
        with self._lock:
            self._in_a_row[action] = 0
            self._answered[workflow_id] += 1
            self._failed[workflow_id] += verdict.state == "failed"
            failed, answered = self._failed[workflow_id], self._answered[workflow_id]
            if failed >= REFUSED and failed > SHARE * answered:
                last = f"the last: {verdict.reason}" if verdict.reason else "see `partnerflow deliveries`"
                self.paused.setdefault(workflow_id, f"{failed} of {answered} deliveries failed ({last})")
