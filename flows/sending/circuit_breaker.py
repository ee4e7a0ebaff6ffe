"""The circuit breaker: stops sending that keeps failing. What was not sent stays pending.

One circuit per action: it opens when the transport cannot be reached, or reports an error of its own, several times
in a row. One circuit per workflow: it opens when too many of its deliveries fail permanently, since that points to the
message or the list, and harms the sender's reputation.
"""

import logging
import threading
from collections import Counter

from flows.ledger.delivery import SendResult

logger = logging.getLogger(__name__)

MAX_CONSECUTIVE_FAILURES = 5
"""Failures of the transport as a whole (connect, login, 421) without a successful reply in between."""

MIN_FAILED = 20
"""Failed deliveries of a workflow below which it is never paused."""

MAX_FAILED_SHARE = 0.1
"""Share of a workflow's deliveries that may fail permanently in a run."""


class CircuitBreaker:
    """What has failed in this run, for all threads.

    `stopped` are actions and `paused` workflows whose circuit is open, each with the reason.
    """

    def __init__(self) -> None:
        self.stopped: dict[str, str] = {}
        self.paused: dict[str, str] = {}
        self._consecutive: Counter[str] = Counter()
        self._completed: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def record_failure(self, action: str, reason: str, is_permanent: bool = False) -> int:
        """Record that an action's transport failed as a whole, and return how often it has in a row.

        A permanent failure opens the circuit at once.
        """
        with self._lock:
            self._consecutive[action] += 1
            if is_permanent or self._consecutive[action] >= MAX_CONSECUTIVE_FAILURES:
                self._open(self.stopped, action, reason)
            return self._consecutive[action]

    def record_result(self, action: str, workflow_id: str, result: SendResult) -> None:
        """Record the result of one delivery."""
        if result.is_server_error:
            self.record_failure(action, result.reason or "The server reports an internal error.")
            return
        with self._lock:
            self._consecutive[action] = 0
            self._completed[workflow_id] += 1
            self._failed[workflow_id] += result.state == "failed"
            failed, completed = self._failed[workflow_id], self._completed[workflow_id]
            if failed >= MIN_FAILED and failed > MAX_FAILED_SHARE * completed:
                last = f"the last: {result.reason}" if result.reason else "see `partnerflow deliveries`"
                self._open(self.paused, workflow_id, f"{failed} of {completed} deliveries failed ({last})")

    def _open(self, circuits: dict[str, str], name: str, reason: str) -> None:
        if name not in circuits:
            circuits[name] = reason
            logger.warning("%s: the circuit is open for this run: %s", name, reason)
