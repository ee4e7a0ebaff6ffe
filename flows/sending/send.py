"""Send: what is due, each delivery once, by as many threads as the senders have connections.

Each thread takes a delivery, makes its parcel, gets ready, commits `sending`, sends, commits what became of it. It may
be killed anywhere: what was not begun is taken up by the next run, and what was, one a connection, is in doubt.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from compiler import PartnerflowError
from flows.ledger.delivery import Delivery, Verdict, utc_now
from flows.ledger.ledger import Ledger
from flows.parcel import Parcel
from flows.sending.breakers import Breakers
from flows.sending.deliver import Sender, Session, Unavailable
from flows.sending.outcome import Outcome
from flows.sending.retry import after

BLOCK = 100
"""Deliveries leased at a time. Leasing is free of risk: a runner that dies has begun one a connection, not all."""

FIRST_WAIT = 0.5
"""Seconds after the first failure to connect; twice as many after each one more."""


def send_due(
    ledger: Ledger,
    run_id: str,
    workflows: Collection[str],
    make: Callable[[Delivery], Parcel],
    senders: Mapping[str, Sender],
    outcome: Outcome,
    retry_hours: float = 24,
) -> None:
    """Send all that is due of these workflows, until nothing is or a breaker opens.

    To be called with a lease (flows.ledger.runner.alive). A delivery that cannot be rendered fails and harms no other.
    An OSError of a sender (a full disk) and a ledger that does not answer end the step: what is left is pending.
    """
    step = _Step(ledger, run_id, set(workflows), make, senders, outcome, retry_hours)
    threads = max(sender.connections for sender in senders.values())
    with ThreadPoolExecutor(threads, thread_name_prefix="send") as pool:
        try:
            for work in [pool.submit(step.work) for _ in range(threads)]:
                work.result()
        finally:  # also when a signal ends the run: what is in flight is finished and written down
            step.over.set()
    outcome.troubles |= step.troubles()


@dataclass
class _Step:
    ledger: Ledger
    run_id: str
    workflows: set[str]
    make: Callable[[Delivery], Parcel]
    senders: Mapping[str, Sender]
    outcome: Outcome
    retry_hours: float
    breakers: Breakers = field(default_factory=Breakers)
    over: threading.Event = field(default_factory=threading.Event)
    _leased: list[Delivery] = field(default_factory=list)
    _left: set[str] = field(default_factory=set)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def work(self) -> None:
        """One thread: one session with each sender, one delivery after another."""
        sessions: dict[str, Session] = {}
        try:
            for delivery in self._due():
                session = sessions.get(delivery.action) or self.senders[delivery.action].session()
                sessions[delivery.action] = session
                self._send(delivery, session)
        except BaseException:
            self.over.set()
            raise
        finally:
            for session in sessions.values():
                session.close()

    def troubles(self) -> dict[str, str]:
        """The workflows that had to stop, and why."""
        stopped = "; ".join(self.breakers.stopped.values())
        left = dict.fromkeys(self._left, f"Stopped for this run: {stopped}") if stopped else {}
        return left | {name: f"Paused for this run: {why}" for name, why in self.breakers.paused.items()}

    def _due(self) -> Iterator[Delivery]:
        """The deliveries to send now, from blocks that all threads share."""
        while not self.over.is_set():
            with self._turn:
                if not self._leased:
                    going = self.workflows - self.breakers.paused.keys() - self._left
                    self._leased = self.ledger.lease(self.run_id, going, BLOCK, utc_now())[::-1] if going else []
                if not self._leased:
                    return
                delivery = self._leased.pop()
            if delivery.workflow_id in self.breakers.paused:
                continue
            if delivery.action in self.breakers.stopped:
                self._left.add(delivery.workflow_id)
                continue
            yield delivery

    def _send(self, delivery: Delivery, session: Session) -> None:
        try:
            parcel = self.make(delivery)
        except PartnerflowError as error:
            self._settle(delivery, "claimed", Verdict("failed", str(error)))
            return
        send = self._ready(delivery, parcel, session)
        if send is None:
            return
        state = self.ledger.begin(delivery)
        if state == "sending":
            try:
                verdict = send()
            except BaseException as error:
                doubt = f"{type(error).__name__} in the middle: {error}"
                self._settle(delivery, "sending", Verdict("in_doubt", doubt))
                raise
            self._settle(delivery, "sending", verdict)
        elif state:
            self.outcome.add(delivery, state)

    def _ready(self, delivery: Delivery, parcel: Parcel, session: Session) -> Callable[[], Verdict] | None:
        """What sends; None when the sender's breaker is open, and the delivery stays pending."""
        while delivery.action not in self.breakers.stopped and not self.over.is_set():
            try:
                return session.prepare(parcel)
            except Unavailable as error:
                failures = self.breakers.unreachable(delivery.action, str(error), error.for_good)
                if delivery.action not in self.breakers.stopped:
                    self.over.wait(min(FIRST_WAIT * 2 ** (failures - 1), 8))
        self._left.add(delivery.workflow_id)
        return None

    def _settle(self, delivery: Delivery, source: str, verdict: Verdict) -> None:
        self.breakers.answered(delivery.action, delivery.workflow_id, verdict)
        verdict, not_before = after(delivery, verdict, utc_now(), self.retry_hours)
        if self.ledger.settle(delivery, source, verdict, not_before):
            self.outcome.add(delivery, verdict.state)
