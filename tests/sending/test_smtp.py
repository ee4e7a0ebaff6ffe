"""One email over SMTP: the result is true, whatever the server does and wherever it disconnects."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from typing import BinaryIO

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

    connect = data = 60.0

    def __init__(self, stage: str | None):
        self._short = {stage}
        self.dot_sent = threading.Event()

    @property
    def command(self) -> float:
        """The timeout of the commands of one email."""
        return self._seconds("command")

    @property
    def data_done(self) -> float:
        """The timeout after the final dot; it is asked for when the dot has left."""
        self.dot_sent.set()
        return self._seconds("data_done")

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
    timeouts = ShortOnce(None if answer != SILENCE else "data_done" if phase in ("end", "reply") else "command")

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


# Servers that never come to an end

FRIENDLY = {
    b"EHLO": b"250-x\r\n250 AUTH PLAIN\r\n",
    b"AUTH": b"235 ok\r\n",
    b"MAIL": b"250 ok\r\n",
    b"RCPT": b"250 ok\r\n",
    b"DATA": b"354 go on\r\n",
}


class Odd:
    """A server with one connection, which says what the phase at hand is and then what `odd` yields, until it is left.

    The client's commands are answered as a friendly server would, up to that phase.
    """

    def __init__(self, phase: bytes, odd: Callable[[], Iterator[bytes]]):
        self.phase, self.odd = phase, odd
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> "Odd":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rb") as lines, suppress(OSError):
            if self.phase != b"greeting":
                connection.sendall(b"220 hello\r\n")
                self._answer_until_the_phase(connection, lines)
            for part in self.odd():
                connection.sendall(part)

    def _answer_until_the_phase(self, connection: socket.socket, lines: BinaryIO) -> None:
        while (line := lines.readline()).strip():
            verb = line[:4].upper()
            if verb == self.phase:
                return
            connection.sendall(FRIENDLY[verb])
            if verb == b"DATA":
                while lines.readline() != b".\r\n":
                    pass
                return


def byte_by_byte() -> Iterator[bytes]:
    """Yield a reply without an end, each byte sooner than any time-out."""
    yield b"250 "
    while True:
        time.sleep(0.05)
        yield b"x"


def line_without_end() -> Iterator[bytes]:
    """Yield a line without an end, as fast as it is read."""
    yield b"250 "
    yield from repeat(b"x" * 65_536)


def lines_without_end() -> Iterator[bytes]:
    """Yield continuation lines without an end."""
    yield from repeat(b"250-again\r\n" * 1_000)


ENDLESS = {
    "byte by byte": (byte_by_byte, "not complete within 1 s"),
    "a line": (line_without_end, "not an SMTP reply: '250 xxx"),
    "lines": (lines_without_end, "not an SMTP reply: more than 100 lines"),
}


@pytest.mark.parametrize(("odd", "says"), ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize(
    ("phase", "short"),
    [(b"greeting", "connect"), (b"EHLO", "connect"), (b"AUTH", "connect"), (b"MAIL", "command"), (b"RCPT", "command"),
     (b"DATA", "command"), (b"end", "data_done")],
)  # fmt: skip
def test_reply_without_an_end_is_bounded_at_every_phase(phase: bytes, short: str, odd, says: str):
    """Its time, its lines and their length are bounded. Only after the message is the delivery in doubt."""
    login = {"smtp_user": "ann", "smtp_password": "s3cret"} if phase == b"AUTH" else {}
    is_slow = odd is byte_by_byte
    stages = ("connect", "command", "data_done")
    seconds = {f"smtp_{name}_timeout": 1 if is_slow and name == short else 60 for name in stages}
    settings = Settings(smtp_host="127.0.0.1", smtp_tls="none", **login, **seconds)
    with Odd(phase, odd) as server:
        connection = SmtpTransport(settings.model_copy(update={"smtp_port": server.port})).open_connection()
        if short == "connect":
            with pytest.raises(TransportUnavailable) as caught:
                connection.prepare(email())
            assert says in str(caught.value)
            return
        result = connection.prepare(email())()
        assert (result.state, says in result.reason) == ("in_doubt" if phase == b"end" else "pending", True)


def test_message_that_is_not_read_is_pending():
    """The server says 354 and then reads nothing; the message has a deadline, and its dot has not left."""

    def silence() -> Iterator[bytes]:
        yield b"354 go on\r\n"
        over.wait()

    over = threading.Event()
    large = email(content=b"x" * 78 + (b"y" * 78 + b"\r\n") * 500_000)
    with Odd(b"DATA", silence) as server:
        (result,) = send(server.port, large, timeouts=Timeouts(connect=60, command=60, data=0.5, data_done=60))
        over.set()
    assert (result.state, result.smtp_stage) == ("pending", "message")


def test_set_up_has_one_deadline():
    """A server that answers each command just in time does not get more time with each."""

    def slowly() -> Iterator[bytes]:
        for line in (b"250-one\r\n", b"250-two\r\n", b"250-three\r\n", b"250-four\r\n", b"250 five\r\n"):
            time.sleep(0.4)
            yield line

    with Odd(b"EHLO", slowly) as server, pytest.raises(TransportUnavailable, match="not complete within 1 s"):
        transport(server.port, Timeouts(connect=1, command=60, data=60, data_done=60)).open_connection().prepare(
            email()
        )


@pytest.mark.parametrize("reply", ["250-ok\r\n550 5.7.1 no", "+25 ok", "1e2 ok", "250ok", "ok", "25\x000 ok", "650 ok"])
def test_what_is_not_a_reply_after_the_message_is_a_doubt(reply: str):
    """Two codes in one reply contradict each other, and nothing else is read into a text."""
    with ScriptedServer(at("end", reply)) as server:
        (result,) = send(server.port, email())
    assert (result.state, result.code, "not an SMTP reply" in result.reason) == ("in_doubt", None, True)


@pytest.mark.parametrize("code", [530, 534, 535, 538, 454])
def test_refused_login_is_unavailable(code: int):
    """Only a temporary refusal is tried again."""
    with ScriptedServer(at("AUTH", f"{code} 5.7.8\x00 no\x1b[2J"), ("AUTH PLAIN",)) as server:
        error = unavailable(server.port, smtp_user="ann", smtp_password="s3cret")
    assert error.is_permanent == (code != 454)
    assert f"refuses the login: {code} 5.7.8 no [2J. Check PARTNERFLOW_SMTP_USER" in str(error)


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
            Settings(smtp_host="127.0.0.1", smtp_port=server.port, smtp_tls="none", smtp_connect_timeout=0.3)
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
