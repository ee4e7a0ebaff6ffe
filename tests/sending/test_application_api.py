"""Decisions about applications, posted to an endpoint: the meaning of its responses, and the idempotency key."""

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from flows.ledger.delivery import Delivery, utc_now
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
    [(200, "sent"), (201, "sent"), (409, "sent"), (400, "failed"), (403, "failed"), (301, "failed"), (429, "pending"),
     (500, "pending"), (503, "pending"), (502, "in_doubt"), (504, "in_doubt"), (DROP, "in_doubt")],
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
    assert (one.state, one.reason) == ("in_doubt", "No reply after the request: timed out")


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
