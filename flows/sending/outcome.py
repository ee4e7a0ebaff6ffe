"""Outcome: what a run has done with each workflow's deliveries."""

import threading
from collections import Counter
from dataclasses import dataclass, field

from flows.ledger.delivery import Delivery


@dataclass
class Outcome:
    """How many deliveries of each workflow ended in each state; from several threads.

    `troubles` are the workflows that this run stopped sending for, with the reason.
    """

    counts: dict[str, Counter] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, delivery: Delivery, state: str) -> None:
        """Count one delivery."""
        with self._lock:
            self.counts.setdefault(delivery.workflow_id, Counter())[state] += 1

    def of(self, workflow_id: str, state: str) -> int:
        """The count of a workflow and state."""
        return self.counts.get(workflow_id, Counter())[state]
