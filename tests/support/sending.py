"""What the tests of sending share: claimed deliveries, their messages, and one sending step.

No timeout here is shorter than a busy machine may need: a test that wants a timeout to pass sets its own.
"""

from collections.abc import Callable, Collection

from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.worker_lease import worker_lease
from flows.messages.envelope import OutgoingMessage
from flows.sending.dispatcher import Dispatcher
from flows.sending.summary import SendSummary
from flows.sending.transport import Transport
from flows.sending.transports.smtp import SmtpTransport
from flows.sending.transports.smtp_session import Timeouts
from flows.settings import Settings
from support.ledgers import delivery

PATIENT = Timeouts(connect=60, command=60, data=60, data_done=60)


def rendered(one: Delivery) -> OutgoingMessage:
    """Return the email of a delivery."""
    content = f"Message-ID: <{one.message_id}>\r\n\r\nHello\r\n".encode()
    return OutgoingMessage(one.delivery_id, content, "us@example.com", (one.email or "",))


def claim(ledger: Ledger, count: int, workflow: str = "w") -> None:
    """Claim partners of a workflow, each with one address."""
    ledger.claim([delivery(f"{workflow}{n}", f"{workflow}{n}@x.example", workflow) for n in range(count)], {})


def dispatcher(
    ledger: Ledger,
    transport: Transport,
    render: Callable[[Delivery], OutgoingMessage] = rendered,
    workflows: Collection[str] = ("w",),
    run_id: str = "r",
) -> Dispatcher:
    """Return a dispatcher with one transport for both actions."""
    transports = {"email": transport, "accept application": transport}
    return Dispatcher(ledger, run_id, workflows, render, transports, SendSummary())


def run(ledger: Ledger, one: Dispatcher, run_id: str = "r") -> SendSummary:
    """Run a dispatcher with a worker lease, and return its summary."""
    with worker_lease(ledger, run_id, "here"):
        one.run()
    return one.summary


def send(ledger: Ledger, transport: Transport, *arguments: object, run_id: str = "r", **more: object) -> SendSummary:
    """Run one sending step: `dispatcher` and `run`."""
    return run(ledger, dispatcher(ledger, transport, *arguments, run_id=run_id, **more), run_id)


def smtp(port: int, connections: int = 3, timeouts: Timeouts = PATIENT, **more: object) -> SmtpTransport:
    """Return the transport to a mail server on this host."""
    known = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": "none", "smtp_max_connections": connections}
    return SmtpTransport(Settings(**known | more), timeouts)
