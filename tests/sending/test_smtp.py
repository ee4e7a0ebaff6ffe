"""One email over SMTP: the result is true, whatever the server does and wherever it disconnects."""

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from flows.ledger.delivery import SendResult
from flows.messages.envelope import OutgoingMessage
from flows.sending.transport import TransportUnavailable
from flows.sending.transports.smtp import MAX_EMAILS_PER_CONNECTION, SmtpTransport
from flows.sending.transports.smtp_replies import END_OF_DATA, classify_reply
from flows.sending.transports.smtp_session import Timeouts
from flows.settings import Settings
from support.processes import wait_for
from support.sending import PATIENT
from support.smtp_server import DROP, SILENCE, FreePortController, ScriptedServer, at

CONTENT = b"Message-ID: <d@x>\r\nSubject: Hi\r\n\r\n.dot\r\nText\r\n"
PLAIN, PIPELINING = ("SIZE 1000000",), ("PIPELINING", "SIZE 1000000")


def email(*recipients: str, content: bytes = CONTENT) -> OutgoingMessage:
    """Return an email to these recipients."""
    return OutgoingMessage("d", content, "us@example.com", recipients or ("ann@x.example",))


def transport(port: int, timeouts: Timeouts = PATIENT, **more) -> SmtpTransport:
    """Return the transport to a server on this host."""
    return SmtpTransport(Settings(**{"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": "none"} | more), timeouts)


def send(port: int, *emails: OutgoingMessage, timeouts: Timeouts = PATIENT, **more) -> list[SendResult]:
    """Send emails over one connection, and return their results."""
    connection = transport(port, timeouts, **more).open_connection()
    results = [connection.prepare(one)() for one in emails]
    connection.close()
    return results


class ShortOnce:
    """Timeouts of a minute, except for the first wait at one stage; no other wait can run out on a busy machine.

    `dot_sent` is set when the first final dot has left.
    """

    connect = block = 60.0

    def __init__(self, stage: str | None):
        self._short = {stage}
        self.dot_sent = threading.Event()

    @property
    def command(self) -> float:
        """The timeout of the commands of one email."""
        return self._seconds("command")

    @property
    def end(self) -> float:
        """The timeout after the final dot; it is asked for when the dot has left."""
        self.dot_sent.set()
        return self._seconds("end")

    def _seconds(self, stage: str) -> float:
        if stage not in self._short:
            return 60.0
        self._short.clear()
        return 0.3


NOT_YET, NEVER, DOUBT = "pending", "failed", "in_doubt"
FAULTS = {
    ("MAIL", "451 4.3.2 busy"): NOT_YET,
    ("MAIL", "421 4.3.2 closing"): NOT_YET,
    ("MAIL", "550 5.7.1 not you"): NEVER,
    ("MAIL", DROP): NOT_YET,
    ("MAIL", SILENCE): NOT_YET,
    ("MAIL", "what?"): NOT_YET,
    ("RCPT", "450 4.2.0 greylisted"): NOT_YET,
    ("RCPT", "550 5.1.1 unknown"): NEVER,
    ("RCPT", "421 closing"): NOT_YET,
    ("RCPT", DROP): NOT_YET,
    ("DATA", "451 later"): NOT_YET,
    ("DATA", "554 no"): NEVER,
    ("DATA", "250 what"): NOT_YET,
    ("DATA", DROP): NOT_YET,
    ("DATA", SILENCE): NOT_YET,
    ("body", DROP): DOUBT,  # the server hangs up when the whole of a small message, with its dot, has left
    ("end", "451 4.3.0 later"): NOT_YET,
    ("end", "421 closing"): NOT_YET,
    ("end", "554 5.7.1 spam"): NEVER,
    ("end", "252 perhaps"): DOUBT,
    ("end", "what?"): DOUBT,
    ("end", DROP): DOUBT,
    ("end", SILENCE): DOUBT,
    ("reply", DROP): DOUBT,
    ("reply", SILENCE): DOUBT,
}


@pytest.mark.parametrize("extensions", [PLAIN, PIPELINING], ids=["one by one", "pipelined"])
@pytest.mark.parametrize(("phase", "answer"), FAULTS)
def test_result_is_true_for_every_fault_at_every_phase(phase: str, answer: str, extensions: tuple[str, ...]):
    """An email that may have been accepted is never called unsent; only real doubts are in doubt.

    A connection whose replies may be out of sync is not used again: the next email arrives.
    """
    faults = [answer]
    timeouts = ShortOnce(None if answer != SILENCE else "end" if phase in ("end", "reply") else "command")

    def decide(now: str) -> str | None:
        if now != phase or not faults:
            return None
        if phase == "body":
            timeouts.dot_sent.wait()
        return faults.pop()

    following = email(content=b"Message-ID: <e@x>\r\n\r\nNext\r\n")
    with ScriptedServer(decide, extensions) as server:
        first, second = send(server.port, email(), following, timeouts=timeouts)
        if phase == "reply":
            wait_for(lambda: "d@x" in server.message_ids)  # the server may be slower than a short timeout
        accepted = server.message_ids
    assert first.state == FAULTS[phase, answer]
    assert accepted.count("d@x") == (phase == "reply")
    assert (second.state, accepted.count("e@x")) == ("sent", 1)


@pytest.mark.parametrize("extensions", [PLAIN, PIPELINING], ids=["one by one", "pipelined"])
def test_message_cut_off_before_the_dot_is_pending(extensions: tuple[str, ...]):
    """The final dot is a write of its own, which was not made."""
    large = email(content=b"Message-ID: <d@x>\r\n\r\n" + b"x" * 70 + b"\r\n" * 10 + (b"y" * 78 + b"\r\n") * 300_000)
    with ScriptedServer(at("body", DROP), (*extensions[:-1], "SIZE 0")) as server:
        (result,) = send(server.port, large)
        assert (result.state, result.smtp_stage, server.accepted) == ("pending", "message", [])


def test_reply_text_is_kept_and_message_arrives_unchanged():
    """The 250 carries the queue id by which the provider finds the message again."""
    with ScriptedServer() as server:
        (result,) = send(server.port, email())
    assert (result.state, result.code, result.status) == ("sent", 250, "2.0.0")
    assert result.text == "250 2.0.0 queued as 3A5F"
    assert server.accepted == [(["ann@x.example"], CONTENT)]
    mail = f"MAIL FROM:<us@example.com> SIZE={len(CONTENT)}"
    assert server.commands == ["ehlo example.com", mail, "RCPT TO:<ann@x.example>", "DATA", "quit"]


@pytest.mark.parametrize("extensions", [PLAIN, PIPELINING], ids=["one by one", "pipelined"])
def test_refused_copy_is_dropped_and_never_sent_alone(extensions: tuple[str, ...]):
    """The reply to the partner's address decides; cc and bcc are sent with it or not at all."""
    copied = email("ann@x.example", "cc@x.example", "bcc@x.example")
    answers = iter([None, "550 5.1.1 unknown", None, "550 5.1.1 unknown", None, None])
    with ScriptedServer(lambda now: next(answers) if now == "RCPT" else None, extensions) as server:
        kept, refused = send(server.port, copied, copied)
    assert (kept.state, server.accepted) == ("sent", [(["ann@x.example", "bcc@x.example"], CONTENT)])
    assert (refused.state, refused.is_hard_bounce) == ("failed", True)


def test_connection_is_renewed_after_its_limit_of_emails():
    """Many servers limit the emails per connection; a new one is opened before they refuse."""
    with ScriptedServer() as server:
        results = send(server.port, *[email()] * (MAX_EMAILS_PER_CONNECTION + 1))
    assert {result.state for result in results} == {"sent"}
    assert (server.connections, len(server.accepted)) == (2, MAX_EMAILS_PER_CONNECTION + 1)


@pytest.mark.parametrize("answer", [DROP, "421 4.4.2 too many on this connection"])
def test_connection_closed_by_the_server_is_reopened(answer: str):
    """This is done only at MAIL FROM on a used connection, because the email has not been started then."""
    answers = iter([None, answer, None])
    with ScriptedServer(lambda now: next(answers) if now == "MAIL" else None) as server:
        results = send(server.port, email(), email())
    assert ([result.state for result in results], server.connections) == (["sent", "sent"], 2)


def test_email_ruled_out_by_extensions_is_not_sent():
    """The email is larger than the server's SIZE, or its address is not ASCII and the server has no SMTPUTF8."""
    with ScriptedServer(extensions=("SIZE 10",)) as server:
        large, foreign = send(server.port, email(), email("ünal@x.example", content=b"x"))
    assert (large.state, foreign.state) == ("failed", "failed")
    assert "the server accepts 10" in large.reason
    assert not [command for command in server.commands if command.startswith("MAIL")]


@pytest.mark.parametrize(
    ("phase", "code", "words", "state", "is_hard_bounce", "is_server_error"),
    [
        ("RCPT TO", 550, "5.1.1 No such user", "failed", True, False),
        ("RCPT TO", 550, "5.1.10 Recipient not found", "failed", True, False),
        ("RCPT TO", 550, "5.2.1 Mailbox disabled", "failed", True, False),
        ("RCPT TO", 550, "No such user", "failed", False, False),
        ("RCPT TO", 552, "5.2.2 Mailbox full", "failed", False, False),
        ("RCPT TO", 550, "5.7.1 Blocked", "failed", False, False),
        ("RCPT TO", 550, "5.0.0 unknown (5.1.1)", "failed", True, False),
        ("RCPT TO", 550, "5.1.1 Mailbox is full", "failed", False, False),
        ("RCPT TO", 552, "5.1.1 Storage exceeded", "failed", False, False),
        ("MAIL FROM", 550, "5.1.1 No such sender", "failed", False, False),
        (END_OF_DATA, 550, "5.7.515 Authentication", "failed", False, False),
        ("RCPT TO", 450, "4.2.0 Greylisted", "pending", False, False),
        ("RCPT TO", 452, "4.2.2 Mailbox full", "pending", False, False),
        ("MAIL FROM", 451, "4.7.1 Slow down", "pending", False, True),
        ("RCPT TO", 421, "4.7.0 Closing", "pending", False, True),
    ],
)
def test_reply_codes_decide_retry_failure_and_suppression(phase, code, words, state, is_hard_bounce, is_server_error):
    """The basic code decides about the delivery, the enhanced one about the address."""
    result = classify_reply(phase, code, words)
    assert (result.state, result.is_hard_bounce, result.is_server_error) == (state, is_hard_bounce, is_server_error)


@pytest.fixture
def authority() -> trustme.CA:
    """A certificate authority for one test."""
    return trustme.CA()


@pytest.fixture
def protected(authority: trustme.CA) -> Iterator[Controller]:
    """A server with STARTTLS, a certificate for 127.0.0.1, and one user."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    class Keep:
        messages: list[bytes] = []  # noqa: RUF012, one server

        async def handle_DATA(self, server, session, envelope):
            self.messages.append(envelope.content)
            return "250 2.0.0 kept"

    def authenticate(server, session, envelope, mechanism, data) -> AuthResult:
        return AuthResult(success=data == LoginPassword(b"ann", b"s3cret"), handled=False)

    controller = FreePortController(
        Keep(), "127.0.0.1", 0, tls_context=context, require_starttls=True, authenticator=authenticate,
        auth_required=True, ready_timeout=60,
    )  # fmt: skip
    controller.start()
    yield controller
    controller.stop()


def trusting(authority: trustme.CA, folder: Path, password: str) -> dict:
    """Return the settings of a user who trusts the authority."""
    file = folder / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return {"smtp_tls": "starttls", "smtp_ca_file": file, "smtp_user": "ann", "smtp_password": password}


def test_email_arrives_by_starttls_and_login(protected: Controller, authority: trustme.CA, tmp_path: Path):
    """STARTTLS with a verified certificate, AUTH, and the message unchanged."""
    port = protected.port
    (result,) = send(port, email(), **trusting(authority, tmp_path, "s3cret"))
    assert (result.state, protected.handler.messages) == ("sent", [CONTENT])


def unavailable(port: int, **more) -> TransportUnavailable:
    """Return the error of a connection that cannot be opened."""
    with pytest.raises(TransportUnavailable) as caught:
        transport(port, **more).open_connection().prepare(email())
    return caught.value


def test_wrong_password_is_permanent_and_not_printed(protected, authority, tmp_path: Path):
    """The error names the settings to check."""
    port = protected.port
    error = unavailable(port, **trusting(authority, tmp_path, "wr0ng"))
    assert error.is_permanent
    assert "PARTNERFLOW_SMTP_PASSWORD" in str(error)
    assert "wr0ng" not in str(error) + repr(Settings(smtp_user="ann", smtp_password="wr0ng", smtp_host="x"))


def test_invalid_certificate_is_permanent(protected, tmp_path: Path):
    """Another authority has issued it. The password is not sent."""
    port = protected.port
    error = unavailable(port, **trusting(trustme.CA(), tmp_path, "s3cret"))
    assert (error.is_permanent, "is not valid" in str(error)) == (True, True)


def test_missing_starttls_is_permanent():
    """The server, or an attacker in between, does not offer it; nothing is sent unprotected."""
    with ScriptedServer() as server:
        error = unavailable(server.port, smtp_tls="starttls")
    assert (error.is_permanent, "nothing is sent unprotected" in str(error)) == (True, True)
    assert not [command for command in server.commands if command.startswith("MAIL")]


def test_drop_during_message_under_tls_is_never_sent(authority, tmp_path: Path):
    """The result is pending or in doubt, since TLS hides how much of the message has left."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = {"smtp_tls": "starttls", "smtp_ca_file": tmp_path / "ca.pem"}
    large = email(content=b"Message-ID: <d@x>\r\n\r\n" + (b"y" * 78 + b"\r\n") * 100_000)
    with ScriptedServer(at("body", DROP), ("SIZE 0",), context) as server:
        (result,) = send(server.port, large, **tls)
        assert (result.state in ("pending", "in_doubt"), server.accepted) == (True, [])
    with ScriptedServer(tls=context) as server:
        (result,) = send(server.port, email(), **tls)
        assert (result.state, len(server.accepted)) == ("sent", 1)


@pytest.mark.parametrize(("phase", "answer"), [("greeting", "554 go away"), ("greeting", DROP), ("greeting", SILENCE)])
def test_failed_greeting_is_unavailable(phase: str, answer: str):
    """No delivery is started."""
    with ScriptedServer(at(phase, answer)) as server:
        connection = SmtpTransport(
            Settings(smtp_host="127.0.0.1", smtp_port=server.port, smtp_tls="none"), Timeouts(connect=0.3)
        ).open_connection()
        with pytest.raises(TransportUnavailable, match="cannot be reached"):
            connection.prepare(email())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"smtp_host": "mx.example", "smtp_user": "a", "smtp_password": "b", "smtp_tls": "none"}, "unencrypted"),
        ({"smtp_host": "mx.example", "smtp_user": "a"}, "smtp_password is not"),
        ({"application_api_url": "http://api.example/x", "application_api_token": "t"}, "unencrypted"),
        ({"application_api_url": "api.example"}, "not a valid URL"),
    ],
)
def test_settings_that_expose_a_secret_are_refused(settings: dict, says: str):
    """The error is raised before anything connects."""
    with pytest.raises(ValueError, match=says):
        Settings(**settings)
