"""Recovery: resolves what crashed runs left behind, before anything new is sent. Never sends an email again."""

from collections.abc import Callable, Mapping
from functools import partial

from compiler import PartnerflowError
from flows.ledger.delivery import Delivery, SendResult, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.messages.envelope import OutgoingMessage
from flows.sending.summary import SendSummary
from flows.sending.transport import Transport


def recover(
    ledger: Ledger,
    transports: Mapping[str, Transport],
    render: Callable[[Delivery], OutgoingMessage],
    run_id: str,
    summary: SendSummary,
) -> None:
    """Reclaim the deliveries of crashed runs, and resolve those in doubt where the transport knows the result.

    A file that was written is completed; an idempotent application API is asked again. What a mail server has accepted
    cannot be known: the delivery stays in doubt until an event or a person resolves it.
    """
    before = {one.delivery_id for one in deliveries(ledger, ["in_doubt"])}
    ledger.reclaim_expired(run_id, utc_now())
    for delivery in deliveries(ledger, ["in_doubt"]):
        result = _reconcile(transports[delivery.action], delivery, render)
        if result and not ledger.resolve(delivery, result.state, run_id, result.reason or "Determined after a crash."):
            continue
        if result or delivery.delivery_id not in before:
            summary.add(delivery, result.state if result else "in_doubt")


def _reconcile(
    transport: Transport, delivery: Delivery, render: Callable[[Delivery], OutgoingMessage]
) -> SendResult | None:
    try:
        return transport.reconcile(delivery.delivery_id, partial(render, delivery))
    except PartnerflowError:
        return None  # it cannot be rendered again, so the transport cannot be asked
