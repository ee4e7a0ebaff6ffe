"""A sending step: what is due, block after block, and what stops it; shared by the threads that send."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from flows.ledger.delivery import Delivery, Settlement, Verdict, utc_now
from flows.ledger.ledger import Ledger
from flows.sending.blocks import Blocks, Make, Ready
from flows.sending.circuit_breaker import Breakers
from flows.sending.renderer import Renderer
from flows.sending.retry_policy import after
from flows.sending.summary import Outcome
from flows.sending.transport import Sender

BLOCK = 250
"""Deliveries leased at a time. Leasing is free of risk: a runner that dies has begun one a connection, not all."""


@dataclass
class Step:
    """What the threads share. `over`: they are to end; `left`: workflows of which deliveries stay pending."""

    ledger: Ledger
    run_id: str
    workflows: set[str]
    make: Make
    senders: Mapping[str, Sender]
    outcome: Outcome
    retry_hours: float
    renderer: Renderer | None = None
    breakers: Breakers = field(default_factory=Breakers)
    over: threading.Event = field(default_factory=threading.Event)
    left: set[str] = field(default_factory=set)
    _leased: list[Ready] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._blocks = Blocks(self._lease, self.make, self.renderer)

    def troubles(self) -> dict[str, str]:
        """The workflows that had to stop, and why."""
        stopped = "; ".join(self.breakers.stopped.values())
        left = dict.fromkeys(self.left, f"Stopped for this run: {stopped}") if stopped else {}
        return left | {name: f"Paused for this run: {why}" for name, why in self.breakers.paused.items()}

    def due(self) -> Iterator[Ready]:
        """The deliveries to send now, from blocks that all threads share, each with what makes its parcel."""
        while not self.over.is_set():
            with self._turn:
                if not self._leased:
                    self._leased = self._blocks.next()[::-1]
                if not self._leased:
                    return
                delivery, make = self._leased.pop()
            if delivery.workflow_id in self.breakers.paused:
                continue
            if delivery.action in self.breakers.stopped:
                self.left.add(delivery.workflow_id)
                continue
            yield delivery, make

    def _lease(self) -> list[Delivery]:
        going = self.workflows - self.breakers.paused.keys() - self.left
        return self.ledger.lease(self.run_id, going, BLOCK, utc_now()) if going else []

    def judged(self, delivery: Delivery, source: str, verdict: Verdict) -> Settlement:
        """A delivery has its verdict: what is to be written down about it."""
        self.breakers.answered(delivery.action, delivery.workflow_id, verdict)
        return Settlement(delivery, source, *after(delivery, verdict, utc_now(), self.retry_hours))
