"""The summary of a run's sending: how many deliveries of each workflow ended in each state."""

import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from flows.ledger.delivery import Delivery
from flows.progress import ProgressCallback, no_progress


@dataclass
class SendSummary:
    """Counts of deliveries, and errors; updated from several threads.

    `counts` are by workflow, state and the run that claimed the delivery. `errors` are the workflows whose sending this
    run stopped, with the reason.
    """

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    errors: dict[str, str] = field(default_factory=dict)
    _due: int = 0
    _done: int = 0
    _report: ProgressCallback = no_progress
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def start_progress(self, due: int, report: ProgressCallback) -> None:
        """Report progress from now on: how many of `due` deliveries are done."""
        self._due, self._done, self._report = due, 0, report

    def add(self, delivery: Delivery, state: str) -> None:
        """Count one delivery."""
        with self._lock:
            self.counts[delivery.workflow_id, state, delivery.run_id] += 1
            self._done += 1
        self._report(self._done, self._due)

    def problems(self) -> dict[str, str]:
        """Return what a person has to know, by workflow: why it was stopped, and how many deliveries are in doubt."""
        doubts = {name for (name, state, _) in self.counts if state == "in_doubt"}
        found = {name: _in_doubt(name, self.count(name, "in_doubt")) for name in doubts}
        stopped = {name: [error] for name, error in self.errors.items()}
        return {
            name: ". ".join([*stopped.get(name, []), *filter(None, [found.get(name)])]) for name in {**stopped, **found}
        }

    def count(
        self, workflow_id: str, state: str, *, claimed_by: str | None = None, not_claimed_by: Collection[str] = ()
    ) -> int:
        """Return the number of a workflow's deliveries in a state, optionally only of certain runs' claims."""
        return sum(
            count
            for (workflow, reached, run_id), count in self.counts.items()
            if (workflow, reached) == (workflow_id, state)
            and claimed_by in (None, run_id)
            and run_id not in not_claimed_by
        )


def _in_doubt(workflow_id: str, count: int) -> str:
    return (
        f"{count:,} in doubt: perhaps sent, and never sent again automatically. See `partnerflow deliveries "
        f"{workflow_id} --state in_doubt`, and settle them (`partnerflow settle {workflow_id} --dry-run`)"
    )
