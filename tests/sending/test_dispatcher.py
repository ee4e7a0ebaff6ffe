"""The dispatcher: each delivery is sent once, results survive a kill, and circuits open."""

import itertools
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler import PartnerflowError
from flows.ledger.delivery import Delivery, SendResult
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.messages.envelope import OutgoingMessage
from flows.sending.circuit_breaker import MAX_CONSECUTIVE_FAILURES, MAX_DOUBTS, MIN_FAILED
from flows.sending.transports.smtp import MAX_EMAILS_PER_CONNECTION
from support.cli import patched_signal
from support.ledgers import ledger_location, log, opened, states
from support.sending import claim, dispatcher, rendered, run, send, smtp
from support.smtp_server import DROP, ScriptedServer, at, closed_port


class RecordedWaits(threading.Event):
    """A `stopping` event whose waits return at once; it records their seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Record the wait."""
        self.seconds.append(timeout)
        return self.is_set()


def test_everything_is_sent_once_over_several_connections(ledger: Ledger):
    """Each row is sent, with the server's reply; nothing stays leased."""
    claim(ledger, 250)
    with ScriptedServer() as server:
        summary = send(ledger, smtp(server.port))
    assert summary.count("w", "sent") == 250
    assert sorted(server.message_ids) == sorted(one.message_id for one in deliveries(ledger, ["sent"]))
    assert 1 <= server.connections <= 6
    assert {one.reply_text for one in deliveries(ledger)} == {"250 2.0.0 queued as 3A5F"}


def test_sending_is_committed_before_the_first_byte(ledger: Ledger):
    """When the server reads MAIL FROM, the state in the ledger is already `sending`."""
    claim(ledger, 20)
    seen: list[list[str]] = []

    def look(phase: str) -> None:
        if phase == "MAIL":
            seen.append([one.state for one in deliveries(ledger, ["sending"])])

    with ScriptedServer(look) as server:
        send(ledger, smtp(server.port, connections=1))
    assert seen == [["sending"]] * 20


def test_unreachable_server_stops_the_step(ledger: Ledger):
    """It stops after five failures in a row: no delivery was started, no attempt is counted, the summary says why."""
    claim(ledger, 50)
    with closed_port() as port:
        one = dispatcher(ledger, smtp(port))
        one.stopping = RecordedWaits()
        summary = run(ledger, one)
    assert {(one.state, one.attempts, one.next_attempt_at) for one in deliveries(ledger)} == {("pending", 0, None)}
    assert "cannot be reached" in summary.errors["w"]
    with ScriptedServer() as server:
        assert send(ledger, smtp(server.port), run_id="next").count("w", "sent") == 50


def test_restarting_server_is_waited_for(ledger: Ledger):
    """The same run continues when the server is back. The waits double."""
    claim(ledger, 10)
    replies = iter(["421 restarting"] * (MAX_CONSECUTIVE_FAILURES - 1))
    with ScriptedServer(lambda phase: next(replies, None) if phase == "greeting" else None) as server:
        one = dispatcher(ledger, smtp(server.port, connections=1))
        one.stopping = waits = RecordedWaits()
        summary = run(ledger, one)
    assert (summary.count("w", "sent"), summary.errors) == (10, {})
    assert waits.seconds == [0.5, 1, 2, 4]


def test_repeated_421_stops_the_step(ledger: Ledger):
    """Five emails are deferred, and the others are not tried."""
    claim(ledger, 50)
    with ScriptedServer(at("MAIL", "421 4.3.2 overloaded")) as server:
        summary = send(ledger, smtp(server.port, connections=1))
    assert summary.count("w", "pending") == MAX_CONSECUTIVE_FAILURES
    assert "overloaded" in summary.errors["w"]
    assert sum(one.attempts for one in deliveries(ledger, ["pending"])) == MAX_CONSECUTIVE_FAILURES


@pytest.mark.parametrize(("answer", "connections"), [(DROP, 1), ("\x00what?\x1b[2J", 4), ("252 perhaps", 4)])
def test_server_that_fails_after_the_dot_stops_the_step(ledger: Ledger, answer: str, connections: int):
    """A few emails are in doubt, however many connections there are. The others stay pending, and none is lost."""
    claim(ledger, 60)
    with ScriptedServer(at("end", answer)) as server:
        summary = send(ledger, smtp(server.port, connections=connections))
        counts = Counter(states(ledger).values())
        assert counts.keys() == {"in_doubt", "pending"}
        assert MAX_DOUBTS <= counts["in_doubt"] < MAX_DOUBTS + connections
        problem = summary.problems()["w"]
        assert problem.startswith("Stopped for this run: 5 deliveries are in doubt, and 0 sent; the last: ")
        assert f"{counts['in_doubt']} in doubt: perhaps sent, and never sent again automatically" in problem
        assert problem.isprintable()
        server.decide = lambda _: None
        assert send(ledger, smtp(server.port), run_id="next").count("w", "sent") == counts["pending"]


def test_rare_doubts_do_not_stop_the_step(ledger: Ledger):
    """One in twenty-five is in doubt; the workflow's problem has their number."""
    claim(ledger, 200)
    ends = itertools.count(1)
    with ScriptedServer(lambda phase: DROP if phase == "end" and next(ends) % 25 == 0 else None) as server:
        summary = send(ledger, smtp(server.port))
    assert (summary.count("w", "in_doubt"), summary.count("w", "sent"), summary.errors) == (8, 192, {})
    assert summary.problems()["w"].startswith("8 in doubt: perhaps sent")


@pytest.mark.parametrize(
    ("phase", "answer"), [("MAIL", "530 5.7.0 login"), ("RCPT", "535 5.7.8 no"), ("end", "534 no")]
)
def test_refused_login_within_an_email_fails_nobody(ledger: Ledger, phase: str, answer: str):
    """All stays pending, and no attempt counts."""
    claim(ledger, 20)
    with ScriptedServer(at(phase, answer)) as server:
        summary = send(ledger, smtp(server.port, connections=1))
    found = {(one.state, one.attempts, one.first_deferred_at, one.next_attempt_at) for one in deliveries(ledger)}
    assert found == {("pending", 0, None, None)}
    assert sum(command.startswith("MAIL") for command in server.commands) == 1
    assert "The login is refused" in summary.problems()["w"]


def test_control_characters_of_replies_are_not_kept(tmp_path: Path):
    """A NUL would be an error of PostgreSQL, which ends the run. The code and the rest of the text are kept."""
    with opened(ledger_location("postgresql", tmp_path)) as ledger:
        for phase in ("MAIL", "RCPT", "DATA", "end"):
            claim(ledger, 1, phase)
            with ScriptedServer(at(phase, "550 5.7.1\x00 no\x1b[31m\u202e \x9bspam\r")) as server:
                send(ledger, smtp(server.port), workflows=[phase], run_id=phase)
        assert {(one.state, one.reply_text, one.reply_status) for one in deliveries(ledger)} == {
            ("failed", "550 5.7.1 no [31m spam", "5.7.1")
        }
        assert all(one.reason.isprintable() for one in deliveries(ledger))


def test_refused_workflow_is_paused_and_others_go_on(ledger: Ledger):
    """After twenty permanent refusals that are more than a tenth, the rest of that workflow stays pending."""
    claim(ledger, 100, "bad")
    claim(ledger, 100, "good")
    with ScriptedServer() as server:

        def refuse(phase: str) -> str | None:
            return "554 5.7.1 spam" if phase == "RCPT" and "<bad" in server.commands[-1] else None

        server.decide, server.extensions = refuse, ("SIZE 1000000",)
        summary = send(ledger, smtp(server.port, connections=1), workflows=("bad", "good"))
    assert (summary.count("bad", "failed"), summary.count("good", "sent")) == (MIN_FAILED, 100)
    assert f"{MIN_FAILED} of {MIN_FAILED} deliveries failed" in summary.errors["bad"]
    assert sum(state == "pending" for state in states(ledger).values()) == 80


def test_rendering_error_fails_one_delivery(ledger: Ledger):
    """That delivery was never `sending`, and the others are sent."""
    claim(ledger, 3)

    def render(one: Delivery) -> OutgoingMessage:
        if one.partner_id == "w1":
            raise PartnerflowError("partner.nmae is undefined")
        return rendered(one)

    with ScriptedServer() as server:
        send(ledger, smtp(server.port), render)
    assert states(ledger) == {"w0": "sent", "w1": "failed", "w2": "sent"}
    assert ("leased", "failed", "r") in log(ledger)


def test_unexpected_error_leaves_one_doubt(ledger: Ledger):
    """The delivery that was being sent is in doubt, the others are pending again, and the run raises the error."""
    claim(ledger, 30)

    class Broken:
        max_connections, is_ready = 1, True
        open_connection = reconcile = close = lambda self, *_: self

        def prepare(self, message: OutgoingMessage) -> Callable[[], SendResult]:
            return lambda: {}["no such key"]

    with pytest.raises(KeyError):
        send(ledger, Broken())
    assert sorted(states(ledger).values()) == ["in_doubt"] + ["pending"] * 29


class RecordingTransport:
    """A transport of one connection that records the states of all deliveries at each prepare and send."""

    max_connections = 1

    def __init__(self, ledger: Ledger, is_ready: bool, fails_at: int | None = None):
        self.ledger, self.is_ready, self.fails_at = ledger, is_ready, fails_at
        self.prepared: list[list[str]] = []
        self.sending: list[list[str]] = []

    def open_connection(self) -> "RecordingTransport":
        """Return itself."""
        return self

    def close(self) -> None:
        """Do nothing."""

    def prepare(self, message: OutgoingMessage) -> Callable[[], SendResult]:
        """Record the states, or raise an error at the message number `fails_at`."""
        if len(self.prepared) == self.fails_at:
            raise OSError("disk full")
        self.prepared.append(self._states())
        return self.send

    def send(self) -> SendResult:
        """Record the states."""
        self.sending.append(self._states())
        return SendResult("sent")

    def _states(self) -> list[str]:
        return sorted(state for state in states(self.ledger).values() if state in ("sending", "sent"))


def test_result_and_next_start_share_a_commit(ledger: Ledger):
    """While the connection is ready, one row per connection is `sending` between two emails, and never two."""
    claim(ledger, 3)
    transport = RecordingTransport(ledger, is_ready=True)
    assert send(ledger, transport).count("w", "sent") == 3
    assert transport.prepared == [[], ["sending"], ["sending", "sent"]]
    assert transport.sending == [["sending"], ["sending", "sent"], ["sending", "sent", "sent"]]


def test_result_is_recorded_before_waiting_for_a_connection(ledger: Ledger):
    """A result is on disk before the worker waits to connect or for its turn, so that a kill leaves no doubt."""
    claim(ledger, 3)
    transport = RecordingTransport(ledger, is_ready=False)
    send(ledger, transport)
    assert transport.prepared == [[], ["sent"], ["sent", "sent"]]


def test_known_results_are_recorded_when_the_step_fails(ledger: Ledger):
    """The disk is full at the third email; the two before it are sent."""
    claim(ledger, 5)
    with pytest.raises(OSError, match="disk full"):
        send(ledger, RecordingTransport(ledger, is_ready=True, fails_at=2))
    assert sorted(states(ledger).values()) == ["pending"] * 3 + ["sent"] * 2


def test_connection_is_ready_while_open_and_unlimited():
    """It is not ready before it is connected, when it is due to be renewed, or with a rate limit."""
    message = OutgoingMessage("d", b"Hello\r\n", "us@example.com", ("ann@example.org",))
    with ScriptedServer() as server:
        for rate, ready in ((None, True), (1000, False)):
            connection = smtp(server.port, smtp_max_per_second=rate).open_connection()
            assert not connection.is_ready
            connection.prepare(message)()
            assert connection.is_ready is ready
            connection._sent = MAX_EMAILS_PER_CONNECTION
            assert not connection.is_ready
            connection.close()


def test_interrupt_finishes_what_is_being_sent(ledger: Ledger):
    """After SIGINT at the fourth email, emails being sent are finished and recorded, at most one per connection.

    The server holds its replies to the fourth and the fifth until the interrupt has reached the dispatcher.
    """
    claim(ledger, 200)
    ends = itertools.count(1)
    with ScriptedServer() as server:
        one = dispatcher(ledger, smtp(server.port, connections=2))

        def interrupt_at_the_fourth(phase: str) -> None:
            if phase == "end" and (number := next(ends)) in (4, 5):
                if number == 4:
                    os.kill(os.getpid(), signal.SIGINT)
                one.stopping.wait(60)

        server.decide = interrupt_at_the_fourth
        with patched_signal(signal.SIGINT), pytest.raises(KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process ignores the signal
            run(ledger, one)
    counts = list(states(ledger).values())
    assert (counts.count("sent"), counts.count("pending")) == (len(server.accepted), 200 - len(server.accepted))
    assert len(server.accepted) in (4, 5)
