"""A worker: one thread of a sending step, with a session of its own for each action.

What became of a delivery is written down in the commit that begins the next one, or at once when that is not ready to
be begun: so every email costs one commit, and what a kill leaves in doubt is still one a connection.
"""

from collections.abc import Callable

from compiler import PartnerflowError
from flows.ledger.delivery import Delivery, Settlement, Verdict
from flows.messages.envelope import Parcel
from flows.sending.step import Step
from flows.sending.transport import Session, Unavailable

FIRST_WAIT = 0.5
"""Seconds after the first failure to connect; twice as many after each one more."""


class Worker:
    """Sends one delivery after another, until nothing is due or the step is over."""

    def __init__(self, step: Step):
        self._step, self._ledger = step, step.ledger
        self._sessions: dict[str, Session] = {}
        self._answer: Settlement | None = None

    def work(self) -> None:
        """Work to the end of the step. What it raises ends the step for all."""
        try:
            self._send_all()
        except BaseException:
            self._step.over.set()
            raise
        finally:
            for session in self._sessions.values():
                session.close()

    def _send_all(self) -> None:
        try:
            for delivery, make in self._step.due():
                self._send(delivery, make, self._session(delivery.action))
        finally:  # also on an error: what is known is written down
            self._write_down()

    def _session(self, action: str) -> Session:
        if action not in self._sessions:
            self._sessions[action] = self._step.senders[action].session()
        return self._sessions[action]

    def _send(self, delivery: Delivery, make: Callable[[], Parcel], session: Session) -> None:
        if not session.is_ready:
            self._write_down()
        try:
            parcel = make()
        except PartnerflowError as error:
            self._write_down()
            self._answer = self._step.judged(delivery, "claimed", Verdict("failed", str(error)))
            return
        send = self._prepared(delivery, parcel, session)
        if send is None or not self._begin(delivery):
            return
        try:
            verdict = send()
        except BaseException as error:
            doubt = f"{type(error).__name__} in the middle: {error}"
            self._answer = self._step.judged(delivery, "sending", Verdict("in_doubt", doubt))
            raise
        self._answer = self._step.judged(delivery, "sending", verdict)

    def _prepared(self, delivery: Delivery, parcel: Parcel, session: Session) -> Callable[[], Verdict] | None:
        """What sends; None when the sender's breaker is open, and the delivery stays pending."""
        breakers, over = self._step.breakers, self._step.over
        while delivery.action not in breakers.stopped and not over.is_set():
            try:
                return session.prepare(parcel)
            except Unavailable as error:
                failures = breakers.unreachable(delivery.action, str(error), error.for_good)
                if delivery.action not in breakers.stopped:
                    over.wait(min(FIRST_WAIT * 2 ** (failures - 1), 8))
        self._step.left.add(delivery.workflow_id)
        return None

    def _begin(self, delivery: Delivery) -> bool:
        """Whether the delivery is this worker's to send. What became of the one before is written down with it."""
        answer, self._answer = self._answer, None
        if answer is None:
            state = self._ledger.begin(delivery)
        else:
            settled, state = self._ledger.settle_and_begin(answer, delivery)
            self._count(answer, settled)
        if state and state != "sending":
            self._step.outcome.add(delivery, state)
        return state == "sending"

    def _write_down(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            self._count(answer, self._ledger.settle(*answer))

    def _count(self, answer: Settlement, settled: bool) -> None:
        if settled:
            self._step.outcome.add(answer.delivery, answer.verdict.state)
