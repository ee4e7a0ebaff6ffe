"""Send: what is due, each delivery once, by as many threads as the senders have connections.

Each thread takes a delivery, makes its parcel, gets ready, commits `sending`, sends, and commits what became of it. It
may be killed anywhere: what was not begun is taken up by the next run, and what was, one a connection, is in doubt.
"""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from flows.ledger.ledger import Ledger
from flows.sending.blocks import Make
from flows.sending.renderer import Renderer
from flows.sending.step import Step
from flows.sending.summary import Outcome
from flows.sending.transport import Sender
from flows.sending.worker import Worker


def send_due(
    ledger: Ledger,
    run_id: str,
    workflows: Collection[str],
    make: Make,
    senders: Mapping[str, Sender],
    outcome: Outcome,
    retry_hours: float = 24,
    renderer: Renderer | None = None,
) -> None:
    """Send all that is due of these workflows, until nothing is or a breaker opens.

    To be called with a lease (flows.ledger.worker_lease.alive). A delivery that cannot be rendered fails and harms no
    other.
    An OSError of a sender (a full disk) and a ledger that does not answer end the step: what is left is pending.
    """
    step = Step(ledger, run_id, set(workflows), make, senders, outcome, retry_hours, renderer)
    threads = max(sender.connections for sender in senders.values())
    with ThreadPoolExecutor(threads, thread_name_prefix="send") as pool:
        try:
            for work in [pool.submit(Worker(step).work) for _ in range(threads)]:
                work.result()
        finally:  # also when a signal ends the run: what is in flight is finished and written down
            step.over.set()
    outcome.troubles |= step.troubles()
