"""Runners that send to an unreliable server and are killed (SIGKILL) again and again.

Two runners share a ledger, each with several connections. The server delays, refuses, hangs up and loses replies. It
knows for certain what it has accepted; `Account` compares that with what the ledger says.
"""

import multiprocessing
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from flows.ledger.delivery import Delivery
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

RUNNERS, CONNECTIONS = 2, 3
FAULTS = {
    "MAIL": [DROP, "421 4.3.2 closing", "451 4.3.0 later"],
    "RCPT": [DROP, "450 4.2.0 greylisted", "550 5.1.1 unknown"],
    "DATA": [DROP, "451 later"],
    "body": [DROP],
    "end": [DROP, "451 4.3.0 later", "554 5.7.1 no"],
    "reply": [DROP],
}
"""The faults of each phase; `reply` with DROP is a reply that is lost after the message was accepted."""


@dataclass
class Account:
    """What the server accepted compared with what the ledger says.

    `duplicates` are Message-IDs accepted more than once, `unexplained` those whose state is wrong or not final.
    """

    messages: int
    kills: int
    seconds: float
    counts: Counter
    duplicates: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    doubts_by_kill: int = 0
    doubts_accepted: int = 0

    def __str__(self) -> str:
        """Return one line."""
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.counts.items()))
        return (
            f"{self.messages} messages, {self.kills} kills, {self.seconds:.0f} s: {len(self.duplicates)} duplicates, "
            f"{len(self.unexplained)} unexplained; {states}; in doubt by a kill {self.doubts_by_kill}, "
            f"of those in doubt accepted {self.doubts_accepted}"
        )


def survive(
    place: Path | str, messages: int, kills: int, seed: int, fault_rate: float = 0.01, with_swap: bool = True
) -> Account:
    """Send these messages, and more if they do not last, through this many kills, until nothing is left to do."""
    dice = random.Random(seed)
    started = time.monotonic()
    server = MoodyServer(dice, fault_rate)
    with closing(Ledger(place)) as ledger, server:
        _claim(ledger, 0, messages)
        killed = _kill_them(ledger, server, dice, kills, lambda n: _start(place, server.port, n, with_swap))
        seconds = time.monotonic() - started
        return _account(deliveries(ledger), Counter(server.message_ids), killed, seconds)


class MoodyServer(ScriptedServer):
    """A server with random faults and delays.

    Until `replying` is set it holds the replies to accepted messages; `has_held` says that there is one.
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
    ledger.claim([delivery(str(n), f"p{n}@x.example") for n in range(first, first + count)], {})


def _kill_them(
    ledger: Ledger, server: MoodyServer, dice: random.Random, kills: int, start: Callable[[int], BaseProcess]
) -> int:
    """Keep the runners running, and kill one of them each time that the server has accepted some more messages.

    At first all of them are killed while the server holds a reply, which is certainly after a message was accepted and
    before the ledger records it. However fast the runners are, they get more to do until there have been enough kills.
    """
    runners = [start(n) for n in range(RUNNERS)]
    assert server.has_held.wait(300)
    killed = sum(_kill(runner) for runner in runners)
    server.replying.set()
    at = len(server.accepted) + dice.randrange(5, 60)
    while True:
        time.sleep(0.001)
        if killed < kills and len(server.accepted) >= at:
            time.sleep(dice.random() * 0.01)
            killed += _kill(dice.choice(runners))
            at = len(server.accepted) + dice.randrange(5, 60)
        is_done = not deliveries(ledger, ["pending", "leased", "sending"])
        if is_done and killed < kills:
            _claim(ledger, len(deliveries(ledger)), 60)
        elif is_done:
            for runner in runners:
                runner.join()
            return killed
        runners = [runner if runner.is_alive() else start(n) for n, runner in enumerate(runners)]


def _kill(runner: BaseProcess) -> bool:
    """Kill a runner, and return whether it died of that."""
    runner.kill()
    runner.join()
    return runner.exitcode == -signal.SIGKILL


def _account(found: list[Delivery], accepted: Counter, kills: int, seconds: float) -> Account:
    account = Account(len(found), kills, seconds, Counter(one.state for one in found))
    for one in found:
        times = accepted[one.message_id]
        if times > 1:
            account.duplicates.append(one.message_id)
        lied = (one.state == "sent" and not times) or (one.state in ("failed", "expired") and times)
        if lied or one.state in ("pending", "leased", "sending"):
            account.unexplained.append(f"{one.message_id} is {one.state}, accepted {times} times")
        if one.state == "in_doubt":
            account.doubts_by_kill += "died" in one.reason
            account.doubts_accepted += times > 0
    return account


def _start(place: Path | str, port: int, number: int, with_swap: bool) -> BaseProcess:
    """Start a runner in a process of its own, forked from one that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.kills"])
    process = context.Process(target=run, args=(place, port, number, with_swap), daemon=True)
    process.start()
    return process


def run(place: Path | str, port: int, number: int, with_swap: bool) -> None:
    """Recover what the previous process of this runner left, and send until nothing is due."""
    import flows.sending.dispatcher
    import flows.sending.retry_policy

    flows.sending.retry_policy.RETRY_DELAYS = (timedelta(seconds=0.1),)
    flows.sending.dispatcher.BATCH_SIZE = 50  # so that no runner leases all messages
    if not with_swap:
        _remove_the_swap()
    settings = Settings(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none", smtp_max_connections=CONNECTIONS)
    sender, here, me = SmtpTransport(settings), f"runner {number}", f"{number}-{time.monotonic_ns()}"
    with closing(Ledger(place)) as ledger:
        ledger.end_lease(host=here)
        with worker_lease(ledger, me, here):
            recover(ledger, {"email": sender}, rendered, me, SendSummary())
            Dispatcher(ledger, me, ["w"], rendered, {"email": sender}, SendSummary()).run()


def rendered(one: Delivery) -> OutgoingMessage:
    """Return the message of a delivery, without a template."""
    content = f"Message-ID: <{one.message_id}>\r\nSubject: Hello\r\n\r\n{'Hello. ' * 100}\r\n".encode()
    return OutgoingMessage(one.delivery_id, content, "us@example.com", (one.email,))


def _remove_the_swap() -> None:
    """Record `sending` only after the email was sent, the mistake that the test must find."""
    begin, settle = Ledger.mark_sending, Ledger.record_result

    def settle_late(self: Ledger, one: Delivery, source: str, *verdict) -> bool:
        begin(self, one)
        return settle(self, one, source, *verdict)

    Ledger.mark_sending, Ledger.record_result = (lambda self, one: "sending"), settle_late
    Ledger.record_result_and_mark_sending = lambda self, answer, one: (settle_late(self, *answer), "sending")
