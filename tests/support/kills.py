"""Workers that send to an unreliable server and are killed (SIGKILL) repeatedly.

Two workers share a ledger, each with several connections. The server delays, rejects, disconnects and loses replies. It
records what it has accepted; `KillReport` compares that with the ledger.
"""

import multiprocessing
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from flows.ledger.delivery import Delivery
from flows.ledger.holdout import is_held_out
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.ledger.worker_lease import worker_lease
from flows.messages.envelope import OutgoingMessage
from flows.sending.dispatcher import Dispatcher
from flows.sending.recovery import recover
from flows.sending.summary import SendSummary
from flows.sending.transports.smtp import SmtpTransport
from flows.settings import Settings
from support.ledgers import delivery
from support.smtp_server import DROP, ScriptedServer

WORKERS, CONNECTIONS = 2, 3
FAULTS = {
    "MAIL": [DROP, "421 4.3.2 closing", "451 4.3.0 later"],
    "RCPT": [DROP, "450 4.2.0 greylisted", "550 5.1.1 unknown"],
    "DATA": [DROP, "451 later"],
    "body": [DROP],
    "end": [DROP, "451 4.3.0 later", "554 5.7.1 no"],
    "reply": [DROP],
}
"""The faults per phase. DROP in the phase `reply` loses the reply to a message that was accepted."""


@dataclass
class KillReport:
    """What the server accepted, compared with the ledger.

    `duplicates` are Message-IDs accepted more than once, `unexplained` those whose state is wrong or not final.
    `counts` is deliveries per state."""

    messages: int
    kills: int
    seconds: float
    counts: Counter
    duplicates: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    in_doubt_by_kill: int = 0
    in_doubt_accepted: int = 0

    def __str__(self) -> str:
        """Return one line."""
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.counts.items()))
        return (
            f"{self.messages} messages, {self.kills} kills, {self.seconds:.0f} s: {len(self.duplicates)} duplicates, "
            f"{len(self.unexplained)} unexplained; {states}; in doubt by a kill {self.in_doubt_by_kill}, "
            f"of those in doubt accepted {self.in_doubt_accepted}"
        )


def send_with_kills(
    place: Path | str,
    messages: int,
    kills: int,
    seed: int,
    fault_rate: float = 0.01,
    with_compare_and_swap: bool = True,
) -> KillReport:
    """Send at least `messages` while workers are killed `kills` times, until no delivery is left to send."""
    dice = random.Random(seed)
    started = time.monotonic()
    server = UnreliableServer(dice, fault_rate)
    with closing(Ledger(place)) as ledger, server:
        _claim(ledger, 0, messages)
        killed = _keep_killing(
            ledger, server, dice, kills, lambda n: _start(place, server.port, n, with_compare_and_swap)
        )
        seconds = time.monotonic() - started
        return _report(deliveries(ledger), Counter(server.message_ids), killed, seconds)


class UnreliableServer(ScriptedServer):
    """A server with random faults and delays.

    It holds back the replies to accepted messages until `replying` is set; `has_held` is set once there is one.
    """

    def __init__(self, dice: random.Random, fault_rate: float):
        super().__init__(self._decide)
        self._dice, self._fault_rate = dice, fault_rate
        self.replying, self.has_held = threading.Event(), threading.Event()

    def _decide(self, phase: str) -> str | None:
        if phase == "end":
            time.sleep(self._dice.random() * 0.02)
        if phase == "reply" and not self.replying.is_set():
            self.has_held.set()
            self.replying.wait()
        return self._dice.choice(FAULTS[phase]) if phase in FAULTS and self._dice.random() < self._fault_rate else None


def _claim(ledger: Ledger, first: int, count: int) -> None:
    """Claim deliveries; those of a tenth of the partners are held out."""
    new = [delivery(str(n), f"p{n}@x.example", holdout_percent=10) for n in range(first, first + count)]
    held_out = [is_held_out(ledger.holdout_key, 10, one.workflow_id, one.program_id, one.partner_id) for one in new]
    ledger.claim([replace(one, state="held_out") if out else one for one, out in zip(new, held_out, strict=True)], {})


def _keep_killing(
    ledger: Ledger, server: UnreliableServer, dice: random.Random, kills: int, start: Callable[[int], BaseProcess]
) -> int:
    """Kill a worker whenever the server has accepted some more messages, restart dead workers, and return the kills.

    First all workers are killed while the server holds back a reply: after a message was accepted and before the ledger
    records that. More deliveries are claimed until there were enough kills, however fast the workers are.
    """
    workers = [start(n) for n in range(WORKERS)]
    assert server.has_held.wait(300)
    killed = sum(_kill(worker) for worker in workers)
    server.replying.set()
    at = len(server.accepted) + dice.randrange(5, 60)
    while True:
        time.sleep(0.001)
        if killed < kills and len(server.accepted) >= at:
            time.sleep(dice.random() * 0.01)
            killed += _kill(dice.choice(workers))
            at = len(server.accepted) + dice.randrange(5, 60)
        is_done = not deliveries(ledger, ["pending", "leased", "sending"])
        if is_done and killed < kills:
            _claim(ledger, len(deliveries(ledger)), 60)
        elif is_done:
            for worker in workers:
                worker.join()
            return killed
        workers = [worker if worker.is_alive() else start(n) for n, worker in enumerate(workers)]


def _kill(worker: BaseProcess) -> bool:
    """Kill a worker, and return whether that ended it (it may have ended by itself)."""
    worker.kill()
    worker.join()
    return worker.exitcode == -signal.SIGKILL


def _report(found: list[Delivery], accepted: Counter, kills: int, seconds: float) -> KillReport:
    report = KillReport(len(found), kills, seconds, Counter(one.state for one in found))
    for one in found:
        times = accepted[one.message_id]
        if times > 1:
            report.duplicates.append(one.message_id)
        is_wrong = (one.state == "sent" and not times) or (one.state in ("failed", "expired", "held_out") and times)
        if is_wrong or one.state in ("pending", "leased", "sending"):
            report.unexplained.append(f"{one.message_id} is {one.state}, accepted {times} times")
        if one.state == "in_doubt":
            report.in_doubt_by_kill += "died" in one.reason
            report.in_doubt_accepted += times > 0
    return report


def _start(place: Path | str, port: int, number: int, with_compare_and_swap: bool) -> BaseProcess:
    """Start a worker in a process of its own, forked from one that has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.kills"])
    process = context.Process(target=run, args=(place, port, number, with_compare_and_swap), daemon=True)
    process.start()
    return process


def run(place: Path | str, port: int, number: int, with_compare_and_swap: bool) -> None:
    """Recover what this worker's previous process left, then send until nothing is due."""
    import flows.sending.dispatcher
    import flows.sending.retry_policy

    flows.sending.retry_policy.RETRY_DELAYS = (timedelta(seconds=0.1),)
    flows.sending.dispatcher.BATCH_SIZE = 50  # so that no worker leases all deliveries
    if not with_compare_and_swap:
        _remove_compare_and_swap()
    settings = Settings(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none", smtp_max_connections=CONNECTIONS)
    transport, host, run_id = SmtpTransport(settings), f"worker {number}", f"{number}-{time.monotonic_ns()}"
    with closing(Ledger(place)) as ledger:
        ledger.end_lease(host=host)
        with worker_lease(ledger, run_id, host):
            recover(ledger, {"email": transport}, rendered, run_id, SendSummary())
            Dispatcher(ledger, run_id, ["w"], rendered, {"email": transport}, SendSummary()).run()


def rendered(one: Delivery) -> OutgoingMessage:
    """Return a fixed message for a delivery, without a template."""
    content = f"Message-ID: <{one.message_id}>\r\nSubject: Hello\r\n\r\n{'Hello. ' * 100}\r\n".encode()
    return OutgoingMessage(one.delivery_id, content, "us@example.com", (one.email,))


def _remove_compare_and_swap() -> None:
    """Record `sending` only after the email was sent: the bug that the test must detect."""
    mark_sending, record_result = Ledger.mark_sending, Ledger.record_result

    def record_late(self: Ledger, one: Delivery, source: str, *result) -> bool:
        mark_sending(self, one)
        return record_result(self, one, source, *result)

    Ledger.mark_sending, Ledger.record_result = (lambda self, one, guard=None: "sending"), record_late
    Ledger.record_result_and_mark_sending = lambda self, answer, one, guard=None: (
        record_late(self, *answer),
        "sending",
    )
