"""The circuit breaker: stops sending that keeps failing. What was not sent stays pending.

One circuit per action: it opens when the transport cannot be reached, or reports an error of its own, several times
in a row; at once when it refuses our account; and when a few deliveries are in doubt without many that are sent, since
a server that fails after the message would put every further email in doubt. One circuit per workflow: it opens when
too many of its deliveries fail permanently, since that points to the message or the list, and harms the sender's
reputation.
"""

import logging
import threading
from collections import Counter

from flows.ledger.delivery import SendResult

logger = logging.getLogger(__name__)

MAX_CONSECUTIVE_FAILURES = 5
"""Failures of the transport as a whole (connect, login, 421) without a successful reply in between."""

MAX_DOUBTS = 5
"""Deliveries in doubt, less one per SENT_PER_DOUBT that were sent since, at which an action stops."""

SENT_PER_DOUBT = 10
"""Deliveries sent that make up for one in doubt: below a tenth in doubt, an action goes on."""

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
        self._results: Counter[tuple[str, str]] = Counter()
        self._doubt: Counter[str] = Counter()
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
        if result.is_server_error or result.is_account_error:
            reason = result.reason or "The server reports an internal error."
            self.record_failure(action, reason, is_permanent=result.is_account_error)
            return
        with self._lock:
            self._record_doubt(action, result)
            if result.state != "in_doubt":
                self._consecutive[action] = 0
            self._completed[workflow_id] += 1
            self._failed[workflow_id] += result.state == "failed"
            failed, completed = self._failed[workflow_id], self._completed[workflow_id]
            if failed >= MIN_FAILED and failed > MAX_FAILED_SHARE * completed:
                last = f"the last: {result.reason}" if result.reason else "see `partnerflow deliveries`"
                self._open(self.paused, workflow_id, f"{failed} of {completed} deliveries failed ({last})")

    def _record_doubt(self, action: str, result: SendResult) -> None:
        """Count what came of a message that was handed over. Refusals before it say nothing about that.

        The count does not depend on how many connections there are, as one of consecutive doubts would: some of them
        may lead to a host that works.
        """
        self._results[action, result.state] += 1
        if result.state == "sent":
            self._doubt[action] = max(0, self._doubt[action] - 1)
        elif result.state == "in_doubt":
            self._doubt[action] += SENT_PER_DOUBT
            if self._doubt[action] >= MAX_DOUBTS * SENT_PER_DOUBT:
                doubts, sent = self._results[action, "in_doubt"], self._results[action, "sent"]
                last = f"; the last: {result.reason}" if result.reason else ""
                self._open(self.stopped, action, f"{doubts} deliveries are in doubt, and {sent} sent{last}")

    def _open(self, circuits: dict[str, str], name: str, reason: str) -> None:
        if name not in circuits:
            circuits[name] = reason
            logger.warning("%s: the circuit is open for this run: %s", name, reason)
