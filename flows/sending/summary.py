"""Outcome: what a run has done with each workflow's deliveries."""

import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from flows.ledger.delivery import Delivery
from flows.progress import Report, nobody_listens


@dataclass
class Outcome:
    """How many deliveries of each workflow ended in each state; from several threads.

    `counts` are by workflow, state and the run that claimed the delivery; `troubles` are the workflows that this run
    stopped sending for, with the reason.
    """

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    troubles: dict[str, str] = field(default_factory=dict)
    _due: int = 0
    _done: int = 0
    _report: Report = nobody_listens
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self, due: int, report: Report) -> None:
        """So many deliveries are due from now on; tell how many of them are done."""
        self._due, self._done, self._report = due, 0, report

    def add(self, delivery: Delivery, state: str) -> None:
        """Count one delivery."""
        with self._lock:
            self.counts[delivery.workflow_id, state, delivery.run_id] += 1
            self._done += 1
        self._report(self._done, self._due)

    def of(self, workflow_id: str, state: str, *, only: str | None = None, but: Collection[str] = ()) -> int:
        """The count of a workflow and state; only of what one run has claimed, or but for what some have."""
        return sum(
            count
            for (workflow, reached, run_id), count in self.counts.items()
            if (workflow, reached) == (workflow_id, state) and only in (None, run_id) and run_id not in but
        )
