"""Decisions about applications, posted to an endpoint: the meaning of its responses, and the idempotency key."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flows.ledger.delivery import Delivery, SendResult, utc_now
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries
from flows.messages.envelope import OutgoingMessage
from flows.sending.recovery import recover
from flows.sending.summary import SendSummary
from flows.sending.transports.application_api import ApplicationApiTransport
from flows.settings import Settings
from support.ledgers import delivery, states
from support.sending import dispatcher, run, send
from support.smtp_server import closed_port

DROP, SILENCE = 0, -1
"""Instead of a status: accept the decision, then hang up or send no response."""


class Endpoint(ThreadingHTTPServer):
    """An endpoint with scripted responses, then 200; `done` are the keys that it has accepted.

    Only SILENCE makes a client wait for its timeout, which is otherwise long enough for a busy machine.
    """

    daemon_threads = True

    def __init__(self, *answers: int):
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

    def transport(self, **more: object) -> ApplicationApiTransport:
        """Return the transport that posts to it."""
        url = f"http://127.0.0.1:{self.server_address[1]}/decisions?v=1"
        known = {"url": url, "token": "s3cret", "timeout": 60} | more
        return ApplicationApiTransport(Settings(**{f"application_api_{name}": value for name, value in known.items()}))


class _Posted(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        key = self.headers["Idempotency-Key"]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, self.headers["Authorization"], body))
        answer = self.server.answers.pop(0) if self.server.answers else 200
        if answer < 300:
            self.server.done.append(key)
        if answer == SILENCE:
            self.server.over.wait()
        if answer in (DROP, SILENCE):
            return
        self.send_response(409 if answer == 200 and self.server.done.count(key) > 1 else answer)
        self.end_headers()
        self.wfile.write(b"reply")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def application(ledger: Ledger) -> Delivery:
    """An application that is to be accepted."""
    one = replace(delivery("p"), email=None, email_key=None, action="accept application")
    ledger.claim([one], {})
    return one


def decision(one: Delivery) -> OutgoingMessage:
    """Return the decision of a delivery."""
    return OutgoingMessage(one.delivery_id, b'{"decision": "accept"}')


@pytest.mark.parametrize(
    ("answer", "state"),
    [(200, "sent"), (201, "sent"), (409, "sent"), (400, "failed"), (404, "failed"), (429, "pending"), (500, "pending"),
     (503, "pending"), (103, "in_doubt"), (502, "in_doubt"), (504, "in_doubt"), (DROP, "in_doubt")],
)  # fmt: skip
def test_status_decides_the_result(ledger: Ledger, application: Delivery, answer: int, state: str):
    """409 means already done, other 4xx failed; 429, 500 and 503 are retried; no or a gateway's response is a doubt."""
    with Endpoint(answer) as endpoint:
        send(ledger, endpoint.transport(), decision)
    (one,) = deliveries(ledger)
    assert (one.state, endpoint.posts) == (state, [("/decisions?v=1", "Bearer s3cret", b'{"decision": "accept"}')])
    assert "s3cret" not in repr(one) + repr(endpoint.transport()._settings)


def test_timeout_leaves_the_decision_in_doubt(ledger: Ledger, application: Delivery):
    """The endpoint accepts the request and never responds."""
    with Endpoint(SILENCE) as endpoint:
        send(ledger, endpoint.transport(timeout=0.3), decision)
    (one,) = deliveries(ledger)
    assert (one.state, one.reason) == ("in_doubt", "No reply after the request: not complete within 0.3 s")


def test_refused_account_stops_the_action_and_fails_nobody(ledger: Ledger):
    """All decisions stay pending, and no attempt counts, so that no time without a valid token makes one expire."""
    claimed = [replace(delivery(name), email=None, email_key=None, action="accept application") for name in "pqr"]
    ledger.claim(claimed, {})
    for answer in (401, 403, 405, 407, 301, 302, 307, 308):
        with Endpoint(answer) as endpoint:
            summary = send(ledger, endpoint.transport(), decision, run_id=str(answer))
        assert len(endpoint.posts) == 1
        assert f"The endpoint refuses our requests: {answer} reply" in summary.problems()["w"]
        found = {(one.state, one.attempts, one.first_deferred_at, one.next_attempt_at) for one in deliveries(ledger)}
        assert found == {("pending", 0, None, None)}
    with Endpoint() as endpoint:
        assert send(ledger, endpoint.transport(), decision, run_id="next").count("w", "sent") == 3


def test_last_refused_decision_is_a_problem_of_its_workflow(ledger: Ledger, application: Delivery):
    """No other decision of the workflow is left to show that the action has stopped."""
    with Endpoint(401) as endpoint:
        assert "401 reply" in send(ledger, endpoint.transport(), decision).problems()["w"]


def post_to(handle: Callable[[socket.socket], None], content: bytes = b"{}", **more: object) -> SendResult:
    """Return the result of a decision that is posted to a server with one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                handle(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        transport = ApplicationApiTransport(
            Settings(**{"application_api_url": url, "application_api_timeout": 60} | more)
        )
        result = transport.open_connection().prepare(OutgoingMessage("d", content))()
        thread.join()
    return result


def reading_and_sending(response: bytes) -> Callable[[socket.socket], None]:
    """Return a handler that reads the request, since what is left unread resets the connection, and then responds."""

    def handle(connection: socket.socket) -> None:
        request = b""
        while not request.endswith(b"{}"):
            request += connection.recv(65_536)
        connection.sendall(response)

    return handle


def test_request_that_could_not_be_written_is_pending():
    """The endpoint hangs up within the request, so it cannot have read the decision."""

    def hang_up(connection: socket.socket) -> None:
        connection.recv(10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # with a reset

    result = post_to(hang_up, content=b" " * 50_000_000)
    assert (result.state, result.is_server_error) == ("pending", True)
    assert "could not be written" in result.reason


@pytest.mark.parametrize("sent", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_reply_without_an_end_has_a_deadline(sent: bytes):
    """The endpoint sends byte after byte, each sooner than the time-out of the socket."""

    def drip(connection: socket.socket) -> None:
        while True:
            connection.sendall(sent)
            time.sleep(0.05)

    result = post_to(drip, application_api_timeout=1)
    assert (result.state, result.reason) == ("in_doubt", "No reply after the request: not complete within 1 s")


def test_reply_whose_body_is_cut_off_is_known():
    """The status alone decides."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert post_to(reading_and_sending(head + b"5\r\nab")).state == "sent"


def test_control_characters_of_a_response_are_not_kept():
    """Neither those of the body nor those of what is not a response."""
    refusal = b"HTTP/1.1 400 no\r\nContent-Length: 20\r\n\r\n\x00a\x1b[2Jb\xc2\x9bc\r\n\xe2\x80\xaed e"
    result = post_to(reading_and_sending(refusal))
    assert (result.text, result.reason) == ("400 a [2Jb c d e", "Refused: 400 a [2Jb c d e")
    result = post_to(reading_and_sending(b"\x1b[2J\x00garbage\r\n"))
    assert (result.state, result.reason) == ("in_doubt", "No reply after the request: [2J garbage")


def test_request_to_idempotent_endpoint_is_repeated(ledger: Ledger, application: Delivery):
    """The second request has the same key. The endpoint replies 409, which resolves the doubt."""
    with Endpoint(DROP) as endpoint:
        send(ledger, endpoint.transport(idempotent=True), decision)
    assert (states(ledger), len(endpoint.posts), len(set(endpoint.done))) == ({"p": "sent"}, 2, 1)


def test_recovery_repeats_only_idempotent_requests(ledger: Ledger, application: Delivery):
    """This resolves the doubt. If the endpoint is not idempotent, a person has to."""
    (one,) = ledger.lease("dead", ["w"], 1, utc_now())
    ledger.mark_sending(one)
    with Endpoint() as endpoint:
        for idempotent, state in ((False, "in_doubt"), (True, "sent")):
            transports = {"accept application": endpoint.transport(idempotent=idempotent)}
            recover(ledger, transports, decision, "next", SendSummary())
            assert states(ledger) == {"p": state}
        assert len(endpoint.posts) == 1


def test_unreachable_endpoint_leaves_the_decision_pending(
    ledger: Ledger, application: Delivery, monkeypatch: pytest.MonkeyPatch
):
    """The connection is refused, so nothing was started."""
    monkeypatch.setattr("flows.sending.dispatcher.RECONNECT_DELAY", 0)
    with closed_port() as port:
        transport = ApplicationApiTransport(Settings(application_api_url=f"http://127.0.0.1:{port}"))
        summary = run(ledger, dispatcher(ledger, transport, decision))
    assert (states(ledger), "cannot be reached" in summary.errors["w"]) == ({"p": "pending"}, True)
