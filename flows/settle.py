"""Settle: what became of each delivery, written down before the next one is begun."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from compiler import PartnerflowError
from flows.deliver import Sender
from flows.ledger import Delivery, Ledger


@dataclass
class Outcome:
    """How many deliveries of each workflow ended in each state."""

    counts: dict[str, Counter] = field(default_factory=dict)

    def add(self, delivery: Delivery, state: str) -> None:
        """Count one delivery."""
        self.counts.setdefault(delivery.workflow_id, Counter())[state] += 1

    def of(self, workflow_id: str, state: str) -> int:
        """The count of a workflow and state."""
        return self.counts.get(workflow_id, Counter())[state]


def finish_interrupted(ledger: Ledger, senders: Mapping[str, Sender], run_id: str, outcome: Outcome) -> None:
    """Settle what a run that died has left in `sending`: sent where the sender knows it, in doubt where nobody can.

    Only one run works at a time, so whatever is in `sending` now was left by one that died. Never sends anew.
    """
    for delivery in ledger.in_state("sending"):
        known = senders[delivery.action].finish(delivery.delivery_id)
        state = "sent" if known else "in_doubt"
        reason = None if known else f"Run {delivery.run_id} died while it was handed over."
        if ledger.move(delivery, "sending", state, run_id, reason):
            outcome.add(delivery, state)


def send_all(
    ledger: Ledger,
    deliveries: Iterable[Delivery],
    render: Callable[[Delivery], bytes],
    senders: Mapping[str, Sender],
    run_id: str,
    outcome: Outcome,
) -> None:
    """Send every claimed delivery, one commit before and one after the irrevocable step.

    A delivery that cannot be rendered fails and harms no other. An OSError of a sender ends the run: what is left stays
    claimed, and the next run sends it.
    """
    for delivery in deliveries:
        state = _send(ledger, delivery, render, senders[delivery.action], run_id)
        if state:
            outcome.add(delivery, state)


def _send(
    ledger: Ledger, delivery: Delivery, render: Callable[[Delivery], bytes], sender: Sender, run_id: str
) -> str | None:
    try:
        content = render(delivery)
    except PartnerflowError as error:
        return "failed" if ledger.move(delivery, "claimed", "failed", run_id, str(error)) else None
    send = sender.prepare(delivery.delivery_id, content)
    if not ledger.move(delivery, "claimed", "sending", run_id):
        return None
    send()
    ledger.move(delivery, "sending", "sent", run_id)
    return "sent"
