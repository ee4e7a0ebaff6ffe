"""The dispatcher: sends every due delivery once, with one thread per connection.

A worker takes a delivery, renders it, prepares it, commits `sending`, sends it, and commits the result. It may be
killed anywhere: what had not reached `sending` is sent by the next run, and what had, at most one delivery per
connection, is in doubt.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from compiler import PartnerflowError
from flows.ledger.caps import PolicyGuard
from flows.ledger.delivery import RENDERING, Delivery, ResultToRecord, SendResult, utc_now
from flows.ledger.ledger import Ledger
from flows.messages.envelope import OutgoingMessage
from flows.printable import printable
from flows.sending.circuit_breaker import CircuitBreaker
from flows.sending.retry_policy import apply_retry_policy
from flows.sending.summary import SendSummary
from flows.sending.transport import Connection, Send, Transport, TransportUnavailable

logger = logging.getLogger(__name__)

BATCH_SIZE = 250
"""Deliveries leased at a time. Leasing ahead is safe: a crash leaves them pending."""

RECONNECT_DELAY, MAX_RECONNECT_DELAY = 0.5, 8.0
"""Seconds to wait after the first failure to connect, doubled after each further one, and the longest wait."""


class Dispatcher:
    """One sending step of a run; its workers share the leased deliveries and the circuit breaker.

    `render` returns the message of a delivery, and raises PartnerflowError when it cannot: that delivery fails and
    affects no other. `stopping` is set when the workers are to end after the delivery at hand. `guard` checks the caps
    of the contact policy once more.
    """

    def __init__(
        self,
        ledger: Ledger,
        run_id: str,
        workflows: Collection[str],
        render: Callable[[Delivery], OutgoingMessage],
        transports: Mapping[str, Transport],
        summary: SendSummary,
        retry_hours: float = 24,
        guard: PolicyGuard | None = None,
    ):
        self.ledger, self.render, self.transports, self.summary = ledger, render, transports, summary
        self.guard, self.breaker = guard, CircuitBreaker()
        self.stopping = threading.Event()
        self._run_id, self._workflows, self._retry_hours = run_id, set(workflows), retry_hours
        self._unsent_workflows: set[str] = set()
        self._leased: list[Delivery] = []
        self._lock = threading.Lock()

    def run(self) -> None:
        """Send everything that is due, until nothing is or a circuit opens; add the errors to the summary.

        To be called while the run holds a worker lease. An OSError of a transport (a full disk) and a ledger that does
        not respond end the step; what was not sent stays pending.
        """
        threads = max(transport.max_connections for transport in self.transports.values())
        with ThreadPoolExecutor(threads, thread_name_prefix="send") as pool:
            try:
                for worker in [pool.submit(_Worker(self).run) for _ in range(threads)]:
                    worker.result()
            finally:  # also when a signal ends the run: the workers finish and record what they are sending
                self.stopping.set()
        self.summary.errors |= self._errors()

    def due(self) -> Iterator[Delivery]:
        """Yield deliveries to send now, from leased batches that all workers share."""
        while not self.stopping.is_set():
            with self._lock:
                self._leased = self._leased or self._lease()
                if not self._leased:
                    return
                delivery = self._leased.pop(0)
            if delivery.workflow_id in self.breaker.paused:
                continue
            if delivery.action in self.breaker.stopped:
                self.leave_pending(delivery)
                continue
            yield delivery

    def leave_pending(self, delivery: Delivery) -> None:
        """Lease no more of the delivery's workflow in this run, since the circuit of its action is open."""
        self._unsent_workflows.add(delivery.workflow_id)

    def to_record(self, delivery: Delivery, source: str, result: SendResult) -> ResultToRecord:
        """Return what the ledger is to record about a delivery in the state `source`, by the retry policy."""
        self.breaker.record_result(delivery.action, delivery.workflow_id, result)
        if result.state == "pending" and delivery.action in self.breaker.stopped:
            self.leave_pending(delivery)
        result, due = apply_retry_policy(delivery, result, utc_now(), self._retry_hours)
        if due:
            logger.info("%s: attempt %d deferred, due again at %s", delivery.delivery_id, delivery.attempts + 1, due)
        return ResultToRecord(delivery, source, result, due)

    def _lease(self) -> list[Delivery]:
        workflows = self._workflows - self.breaker.paused.keys() - self._unsent_workflows
        return self.ledger.lease(self._run_id, workflows, BATCH_SIZE, utc_now()) if workflows else []

    def _errors(self) -> dict[str, str]:
        reasons = "; ".join(self.breaker.stopped.values())
        stopped = dict.fromkeys(self._unsent_workflows, f"Stopped for this run: {reasons}") if reasons else {}
        return stopped | {name: f"Paused for this run: {why}" for name, why in self.breaker.paused.items()}


class _Worker:
    """One thread of the step, with a connection of its own per action.

    A result is recorded in the commit that marks the next delivery as `sending`, or at once when the connection is not
    ready for the next one. So an email costs one commit, and a kill still leaves at most one doubt per connection.
    """

    def __init__(self, dispatcher: Dispatcher):
        self._dispatcher, self._ledger = dispatcher, dispatcher.ledger
        self._connections: dict[str, Connection] = {}
        self._unrecorded: ResultToRecord | None = None

    def run(self) -> None:
        """Send until nothing is due or the step is stopping. An exception ends the step for all workers."""
        try:
            self._send_all()
        except BaseException:
            self._dispatcher.stopping.set()
            raise
        finally:
            for connection in self._connections.values():
                connection.close()

    def _send_all(self) -> None:
        try:
            for delivery in self._dispatcher.due():
                self._send(delivery, self._connection(delivery.action))
        finally:  # also after an error: a known result is recorded
            self._record()

    def _connection(self, action: str) -> Connection:
        if action not in self._connections:
            self._connections[action] = self._dispatcher.transports[action].open_connection()
        return self._connections[action]

    def _send(self, delivery: Delivery, connection: Connection) -> None:
        if not connection.is_ready:
            self._record()
        try:
            message = self._dispatcher.render(delivery)
        except PartnerflowError as error:
            self._record()
            failed = SendResult("failed", str(error), smtp_stage=RENDERING)
            self._unrecorded = self._dispatcher.to_record(delivery, "leased", failed)
            return
        send = self._prepare(delivery, message, connection)
        if send is None or not self._mark_sending(delivery):
            return
        try:
            result = send()
        except BaseException as error:
            doubt = SendResult("in_doubt", printable(f"{type(error).__name__} during sending: {error}"))
            self._unrecorded = self._dispatcher.to_record(delivery, "sending", doubt)
            raise
        self._unrecorded = self._dispatcher.to_record(delivery, "sending", result)

    def _prepare(self, delivery: Delivery, message: OutgoingMessage, connection: Connection) -> Send | None:
        """Return what sends the message; None when the circuit is open, and the delivery stays pending."""
        breaker, stopping = self._dispatcher.breaker, self._dispatcher.stopping
        while delivery.action not in breaker.stopped and not stopping.is_set():
            try:
                return connection.prepare(message)
            except TransportUnavailable as error:
                failures = breaker.record_failure(delivery.action, str(error), error.is_permanent)
                if delivery.action not in breaker.stopped:
                    delay = min(RECONNECT_DELAY * 2 ** (failures - 1), MAX_RECONNECT_DELAY)
                    logger.warning("%s: attempt %d failed, next in %g s: %s", delivery.action, failures, delay, error)
                    stopping.wait(delay)
        self._dispatcher.leave_pending(delivery)
        return None

    def _mark_sending(self, delivery: Delivery) -> bool:
        """Return whether this worker may send the delivery. Records the previous result in the same commit."""
        unrecorded, self._unrecorded = self._unrecorded, None
        guard = self._dispatcher.guard
        if unrecorded is None:
            state = self._ledger.mark_sending(delivery, guard)
        else:
            recorded, state = self._ledger.record_result_and_mark_sending(unrecorded, delivery, guard)
            self._count(unrecorded, recorded)
        if state is None:
            logger.warning("%s: not sent, since this run has lost its lease", delivery.delivery_id)
        elif state != "sending":
            self._dispatcher.summary.add(delivery, state)
        return state == "sending"

    def _record(self) -> None:
        unrecorded, self._unrecorded = self._unrecorded, None
        if unrecorded is not None:
            self._count(unrecorded, self._ledger.record_result(*unrecorded))

    def _count(self, result: ResultToRecord, recorded: bool) -> None:
        if recorded:
            self._dispatcher.summary.add(result.delivery, result.result.state)
        else:
            logger.warning("%s: result not recorded, since this run has lost its lease", result.delivery.delivery_id)
