"""The sending step: retries within a budget, breakers, and an order that a kill cannot upset."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.ledger.delivery import Delivery, Verdict, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.ledger.worker_lease import alive
from flows.messages.envelope import OutgoingMessage
from flows.sending.circuit_breaker import MAX_CONSECUTIVE_FAILURES, MIN_FAILED, CircuitBreaker
from flows.sending.dispatcher import Dispatcher
from flows.sending.rate_limiter import RateLimiter
from flows.sending.recovery import recover
from flows.sending.retry_policy import RETRY_DELAYS, apply_retry_policy
from flows.sending.summary import SendSummary
from flows.sending.transports.application_api import ApplicationApiTransport
from flows.sending.transports.outbox import FileTransport
from flows.sending.transports.smtp import MAX_EMAILS_PER_CONNECTION, SmtpTransport
from flows.sending.transports.smtp_session import Timeouts
from flows.settings import Settings
from support.ledgers import delivery, log, opened, states
from support.smtp_server import ScriptedServer, at, free_port

QUICK = Timeouts(connect=2, command=1, block=1, end=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    with opened(tmp_path / "ledger.db") as one:
        yield one


def made(one: Delivery) -> OutgoingMessage:
    """The parcel of a delivery."""
    content = f"Message-ID: <{one.message_id}>\r\n\r\nHello\r\n".encode()
    return OutgoingMessage(one.delivery_id, content, "us@example.com", (one.email,))


def claimed(ledger: Ledger, count: int, workflow: str = "w") -> None:
    """So many partners of a workflow, with an address each."""
    ledger.claim([delivery(f"{workflow}{n}", f"{workflow}{n}@x.example", workflow) for n in range(count)], {})


def step(
    ledger: Ledger, sender, make: Callable[[Delivery], OutgoingMessage] = made, workflows=("w",), run_id="r"
) -> SendSummary:
    """One sending step with a lease."""
    summary = SendSummary()
    with alive(ledger, run_id, "here"):
        Dispatcher(ledger, run_id, workflows, make, {"email": sender, "accept application": sender}, summary).run()
    return summary


def smtp(port: int, connections: int = 3, **more) -> SmtpTransport:
    """A mail server of this host."""
    known = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": "none", "smtp_max_connections": connections}
    return SmtpTransport(Settings(**known | more), QUICK)


def test_everybody_hears_once_over_several_connections(ledger: Ledger):
    """Each row is sent, with the server's words; nothing is leased any more."""
    claimed(ledger, 250)
    with ScriptedServer() as server:
        summary = step(ledger, smtp(server.port))
    assert summary.count("w", "sent") == 250
    assert sorted(server.message_ids) == sorted(one.message_id for one in deliveries(ledger, ["sent"]))
    assert 1 <= server.connections <= 6
    assert {one.reply_text for one in deliveries(ledger)} == {"250 2.0.0 queued as 3A5F"}


def test_sending_is_committed_before_the_first_byte_of_the_email(ledger: Ledger):
    """What the ledger says while the server reads MAIL FROM."""
    claimed(ledger, 20)
    said: list[list[str]] = []

    def look(phase: str) -> None:
        if phase == "MAIL":
            said.append([one.state for one in deliveries(ledger, ["sending"])])

    with ScriptedServer(look) as server:
        step(ledger, smtp(server.port, connections=1))
    assert said == [["sending"]] * 20


def test_greylisting_is_tried_again_when_it_is_due_and_given_up_within_the_budget(ledger: Ledger, monkeypatch):
    """5 minutes, 15, an hour, then every four; after 24 hours it has expired, with the server's last words."""
    claimed(ledger, 1)
    clock = [utc_now()]
    monkeypatch.setattr("flows.sending.dispatcher.utc_now", lambda: clock[-1])
    with ScriptedServer(at("RCPT", "450 4.2.0 greylisted")) as server:
        step(ledger, smtp(server.port, connections=1))
        while due := deliveries(ledger)[0].not_before:
            clock.append(due - timedelta(seconds=1))
            step(ledger, smtp(server.port, connections=1))
            assert deliveries(ledger)[0].attempt == server.commands.count("DATA") == len(clock) // 2
            clock.append(due)
            step(ledger, smtp(server.port, connections=1))
    tried = clock[::2]
    waits = [late - early for early, late in itertools.pairwise(tried)]
    assert waits == [*RETRY_DELAYS, *[RETRY_DELAYS[-1]] * (len(waits) - len(RETRY_DELAYS))]
    assert tried[-1] - tried[0] <= timedelta(hours=24) < tried[-1] - tried[0] + RETRY_DELAYS[-1]
    (one,) = deliveries(ledger)
    assert (one.state, one.attempt) == ("expired", len(tried))
    assert "greylisted" in one.reason


def test_the_budget_begins_with_the_first_refusal():
    """Not with the claim: an outage that nobody answered in costs nobody their email."""
    old = delivery("p", claimed_at=utc_now() - timedelta(days=9))
    refused = Verdict("pending", "450 later")
    assert apply_retry_policy(old, refused, utc_now(), 24)[0].state == "pending"
    assert apply_retry_policy(old, Verdict("sent"), utc_now(), 24) == (Verdict("sent"), None)


def test_a_server_that_cannot_be_reached_stops_the_step_and_everybody_stays_pending(ledger: Ledger, monkeypatch):
    """After five failures in a row; no delivery was begun, no attempt is counted, the workflow's row says why."""
    monkeypatch.setattr("flows.sending.dispatcher.RECONNECT_DELAY", 0.01)
    claimed(ledger, 50)
    summary = step(ledger, smtp(free_port()))
    assert {(one.state, one.attempt, one.not_before) for one in deliveries(ledger)} == {("pending", 0, None)}
    assert "cannot be reached" in summary.errors["w"]
    with ScriptedServer() as server:
        assert step(ledger, smtp(server.port), run_id="next").count("w", "sent") == 50


def test_a_server_that_comes_back_is_waited_for(ledger: Ledger, monkeypatch):
    """A relay that restarts is away for a moment: the same run goes on."""
    monkeypatch.setattr("flows.sending.dispatcher.RECONNECT_DELAY", 0.01)
    claimed(ledger, 10)
    faults = iter(["421 restarting"] * (MAX_CONSECUTIVE_FAILURES - 1))
    with ScriptedServer(lambda phase: next(faults, None) if phase == "greeting" else None) as server:
        summary = step(ledger, smtp(server.port, connections=1))
    assert (summary.count("w", "sent"), summary.errors) == (10, {})


def test_an_answer_in_between_begins_the_count_anew():
    """Five failures in a row open the breaker, and not five in a day; a wrong password does at once."""
    breaker = CircuitBreaker()
    for _ in range(3):
        for _ in range(MAX_CONSECUTIVE_FAILURES - 1):
            breaker.record_failure("email", "down")
        breaker.record_result("email", "w", Verdict("sent"))
    assert breaker.stopped == {}
    breaker.record_failure("email", "535 wrong password", is_permanent=True)
    assert breaker.stopped == {"email": "535 wrong password"}


def test_a_server_that_is_unwell_is_left_alone(ledger: Ledger):
    """421 again and again: five emails are refused for now, the others are not even tried."""
    claimed(ledger, 50)
    with ScriptedServer(at("MAIL", "421 4.3.2 overloaded")) as server:
        summary = step(ledger, smtp(server.port, connections=1))
    assert summary.count("w", "pending") == MAX_CONSECUTIVE_FAILURES
    assert "overloaded" in summary.errors["w"]
    assert sum(one.attempt for one in deliveries(ledger, ["pending"])) == MAX_CONSECUTIVE_FAILURES


def test_a_workflow_that_is_refused_too_often_is_paused_and_the_others_go_on(ledger: Ledger):
    """Twenty refusals for good, and more than a tenth: something is wrong with it; the rest stays pending."""
    claimed(ledger, 100, "bad")
    claimed(ledger, 100, "good")
    with ScriptedServer() as server:

        def refuse(phase: str) -> str | None:
            return "554 5.7.1 spam" if phase == "RCPT" and "<bad" in server.commands[-1] else None

        server.decide, server.extensions = refuse, ("SIZE 1000000",)
        summary = step(ledger, smtp(server.port, connections=1), workflows=("bad", "good"))
    assert (summary.count("bad", "failed"), summary.count("good", "sent")) == (MIN_FAILED, 100)
    assert f"{MIN_FAILED} of {MIN_FAILED} deliveries failed" in summary.errors["bad"]
    assert sum(state == "pending" for state in states(ledger).values()) == 80


def test_a_delivery_that_cannot_be_rendered_fails_alone(ledger: Ledger):
    """It never was `sending`."""
    from compiler import PartnerflowError

    claimed(ledger, 3)

    def make(one: Delivery) -> OutgoingMessage:
        if one.partner_id == "w1":
            raise PartnerflowError("partner.nmae is undefined")
        return made(one)

    with ScriptedServer() as server:
        step(ledger, smtp(server.port), make)
    assert states(ledger) == {"w0": "sent", "w1": "failed", "w2": "sent"}
    assert ("claimed", "failed", "r") in log(ledger)


def test_an_error_that_nobody_foresaw_leaves_no_row_that_lies(ledger: Ledger):
    """In the middle of sending: in doubt; the others are given back; the error is the run's."""
    claimed(ledger, 30)

    class Broken:
        max_connections, is_ready = 1, True
        open_connection = reconcile = close = lambda self, *_: self

        def prepare(self, parcel: OutgoingMessage) -> Callable[[], Verdict]:
            return lambda: {}["no such key"]

    with pytest.raises(KeyError):
        step(ledger, Broken())
    assert sorted(states(ledger).values()) == ["in_doubt"] + ["pending"] * 29


class Watched:
    """A sender of one session that notes the states of all deliveries whenever one is prepared and sent."""

    max_connections = 1

    def __init__(self, ledger: Ledger, is_ready: bool, fails_at: int | None = None):
        self.ledger, self.is_ready, self.fails_at = ledger, is_ready, fails_at
        self.prepared: list[list[str]] = []
        self.sending: list[list[str]] = []

    def open_connection(self) -> "Watched":
        return self

    def close(self) -> None:
        """Nothing is open."""

    def prepare(self, parcel: OutgoingMessage) -> Callable[[], Verdict]:
        if len(self.prepared) == self.fails_at:
            raise OSError("disk full")
        self.prepared.append(self._states())
        return self.send

    def send(self) -> Verdict:
        self.sending.append(self._states())
        return Verdict("sent")

    def _states(self) -> list[str]:
        return sorted(state for state in states(self.ledger).values() if state in ("sending", "sent"))


def test_one_commit_writes_down_an_answer_and_begins_the_next(ledger: Ledger):
    """While a session is ready; so between two emails one row a connection is `sending`, and never two."""
    claimed(ledger, 3)
    sender = Watched(ledger, is_ready=True)
    assert step(ledger, sender).count("w", "sent") == 3
    assert sender.prepared == [[], ["sending"], ["sending", "sent"]]
    assert sender.sending == [["sending"], ["sending", "sent"], ["sending", "sent", "sent"]]


def test_an_answer_does_not_wait_for_a_session_that_is_not_ready(ledger: Ledger):
    """It is on disk before the worker waits for a connection or for its turn: a kill then leaves no doubt."""
    claimed(ledger, 3)
    sender = Watched(ledger, is_ready=False)
    step(ledger, sender)
    assert sender.prepared == [[], ["sent"], ["sent", "sent"]]


def test_what_is_known_is_written_down_when_the_step_ends_by_an_error(ledger: Ledger):
    """A full disk at the third: the two before it are sent."""
    claimed(ledger, 5)
    with pytest.raises(OSError, match="disk full"):
        step(ledger, Watched(ledger, is_ready=True, fails_at=2))
    assert sorted(states(ledger).values()) == ["pending"] * 3 + ["sent"] * 2


def test_a_session_is_ready_while_its_connection_is_good_and_nothing_limits_the_pace():
    """Not before it is connected, not when it is to connect anew, and never with a rate."""
    parcel = OutgoingMessage("d", b"Hello\r\n", "us@example.com", ("ann@example.org",))
    with ScriptedServer() as server:
        for rate, ready in ((None, True), (1000, False)):
            session = smtp(server.port, smtp_max_per_second=rate).open_connection()
            assert not session.is_ready
            session.prepare(parcel)()
            assert session.is_ready is ready
            session._sent = MAX_EMAILS_PER_CONNECTION
            assert not session.is_ready
            session.close()


def test_an_ordered_stop_finishes_what_is_in_flight(ledger: Ledger):
    """SIGTERM, Ctrl-C, a cancelled flow: the email under way is sent and written down, the rest is pending."""
    claimed(ledger, 200)
    ends = itertools.count(1)

    def stop_at_the_fourth(phase: str) -> None:
        if phase == "end" and next(ends) == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with ScriptedServer(stop_at_the_fourth) as server, suppress(KeyboardInterrupt):
        step(ledger, smtp(server.port, connections=2))
    counts = list(states(ledger).values())
    assert (counts.count("sent"), counts.count("pending")) == (len(server.accepted), 200 - len(server.accepted))
    assert 4 <= len(server.accepted) < 100


def test_the_pace_is_kept_over_all_connections():
    """20 turns at 50 a second, asked for by four threads, take at least 19 gaps of 20 ms."""
    limiter = RateLimiter(50)
    begun = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: limiter.acquire(), range(20)))
    assert time.monotonic() - begun >= 19 * 0.02


@pytest.mark.parametrize(
    ("left", "state", "files"),
    [(".d.eml.part", "sent", ["d.eml"]), ("d.eml", "sent", ["d.eml"]), (None, "in_doubt", [])],
)
def test_a_delivery_that_a_crash_interrupted_is_finished_or_in_doubt(ledger: Ledger, tmp_path, left, state, files):
    """Under its temporary name it has not happened and is completed; in the outbox it has; gone, nobody knows."""
    outbox = FileTransport(tmp_path / "outbox", ".eml")
    ledger.claim([delivery("p")], {})
    (one,) = ledger.lease("dead", ["w"], 1, utc_now())
    ledger.begin(one)
    names = {name: name and name.replace("d.eml", f"{one.delivery_id}.eml") for name in (left, *files)}
    if left:
        (outbox.folder / names[left]).write_bytes(b"x")
    for _ in range(2):
        summary = SendSummary()
        recover(ledger, {"email": outbox}, made, "next", summary)
        assert states(ledger) == {"p": state}
    assert sorted(file.name for file in outbox.folder.iterdir()) == [names[file] for file in files]


# Applications


class Endpoint(ThreadingHTTPServer):
    """An endpoint that accepts applications: answers as told, and keeps which keys it has carried out."""

    daemon_threads = True

    def __init__(self, *answers: int | None):
        super().__init__(("127.0.0.1", 0), _Posted)
        self.answers = list(answers)
        self.posts: list[tuple[str, str, bytes]] = []
        self.done: list[str] = []
        self.over = threading.Event()

    def __enter__(self) -> "Endpoint":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()

    def sender(self, **more) -> ApplicationApiTransport:
        """What posts to it."""
        url = f"http://127.0.0.1:{self.server_address[1]}/decisions?v=1"
        return ApplicationApiTransport(
            Settings(
                **{"application_api_url": url, "application_api_token": "s3cret", "application_api_timeout": 0.3} | more
            )
        )


class _Posted(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        key = self.headers["Idempotency-Key"]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, self.headers["Authorization"], body))
        answer = self.server.answers.pop(0) if self.server.answers else 200
        if answer is None or answer < 300:
            self.server.done.append(key)
        if answer is None:  # carried out, and the answer never comes
            self.server.over.wait(5)
            return
        self.send_response(409 if answer == 200 and self.server.done.count(key) > 1 else answer)
        self.end_headers()
        self.wfile.write(b"said")

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


def applied(ledger: Ledger) -> None:
    """One application that is to be accepted."""
    from dataclasses import replace

    ledger.claim([replace(delivery("p"), email=None, email_key=None, action="accept application")], {})


def decision(one: Delivery) -> OutgoingMessage:
    """The parcel of a decision."""
    return OutgoingMessage(one.delivery_id, b'{"decision": "accept"}')


@pytest.mark.parametrize(
    ("answer", "state"),
    [(200, "sent"), (201, "sent"), (409, "sent"), (400, "failed"), (403, "failed"), (301, "failed"), (429, "pending"),
     (500, "pending"), (503, "pending"), (502, "in_doubt"), (504, "in_doubt"), (None, "in_doubt")],
)  # fmt: skip
def test_the_endpoints_answer_decides(ledger: Ledger, answer: int | None, state: str):
    """409 means done; 4xx never; 429, 500 and 503 later; no answer, or a gateway's, leaves a doubt."""
    applied(ledger)
    with Endpoint(answer) as endpoint:
        step(ledger, endpoint.sender(), decision)
    (one,) = deliveries(ledger)
    assert (one.state, endpoint.posts) == (state, [("/decisions?v=1", "Bearer s3cret", b'{"decision": "accept"}')])
    assert "s3cret" not in repr(one) + repr(endpoint.sender()._settings)


def test_an_idempotent_endpoint_is_asked_again_under_the_same_key(ledger: Ledger):
    """It says 409 to what it has carried out already: no doubt is left."""
    applied(ledger)
    with Endpoint(None) as endpoint:
        step(ledger, endpoint.sender(application_api_idempotent=True), decision)
    assert (states(ledger), len(endpoint.posts), len(set(endpoint.done))) == ({"p": "sent"}, 2, 1)


def test_after_a_crash_an_idempotent_endpoint_is_asked_and_another_is_not(ledger: Ledger):
    """The one resolves the doubt, the other leaves it to a person."""
    applied(ledger)
    (one,) = ledger.lease("dead", ["w"], 1, utc_now())
    ledger.begin(one)

    with Endpoint() as endpoint:
        for idempotent, state in ((False, "in_doubt"), (True, "sent")):
            senders = {"accept application": endpoint.sender(application_api_idempotent=idempotent)}
            recover(ledger, senders, decision, "next", SendSummary())
            assert states(ledger) == {"p": state}
        assert len(endpoint.posts) == 1


def test_an_endpoint_that_is_down_leaves_the_decision_pending(ledger: Ledger, monkeypatch):
    """Connection refused: nothing was begun."""
    monkeypatch.setattr("flows.sending.dispatcher.RECONNECT_DELAY", 0.01)
    applied(ledger)
    sender = ApplicationApiTransport(Settings(application_api_url=f"http://127.0.0.1:{free_port()}"))
    summary = step(ledger, sender, decision)
    assert (states(ledger), "cannot be reached" in summary.errors["w"]) == ({"p": "pending"}, True)
