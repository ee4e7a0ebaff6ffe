"""One email over SMTP: whatever the server does and wherever it hangs up, the verdict is true."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from flows.ledger.delivery import Verdict
from flows.messages.envelope import OutgoingMessage
from flows.sending.transport import TransportUnavailable
from flows.sending.transports.smtp import MAX_EMAILS_PER_CONNECTION, SmtpTransport
from flows.sending.transports.smtp_replies import END_OF_DATA, classify_reply
from flows.sending.transports.smtp_session import Timeouts
from flows.settings import Settings
from support.smtp_server import DROP, SILENCE, ScriptedServer, at, free_port

QUICK = Timeouts(connect=2, command=0.3, block=0.3, end=0.3)
CONTENT = b"Message-ID: <d@x>\r\nSubject: Hi\r\n\r\n.dot\r\nText\r\n"
PLAIN, PIPELINING = ("SIZE 1000000",), ("PIPELINING", "SIZE 1000000")


def parcel(*recipients: str, content: bytes = CONTENT) -> OutgoingMessage:
    """An email to somebody."""
    return OutgoingMessage("d", content, "us@example.com", recipients or ("ann@x.example",))


def sender(port: int, **more) -> SmtpTransport:
    """A sender to a server of this host that keeps nobody waiting."""
    return SmtpTransport(Settings(**{"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": "none"} | more), QUICK)


def send(port: int, *parcels: OutgoingMessage, **more) -> list[Verdict]:
    """The verdicts of some emails in one session."""
    session = sender(port, **more).open_connection()
    verdicts = [session.prepare(one)() for one in parcels]
    session.close()
    return verdicts


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
    ("body", DROP): DOUBT,  # a small message is in the kernel, dot and all, before the server hangs up
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
def test_whatever_goes_wrong_wherever_the_verdict_is_true(phase: str, answer: str, extensions: tuple[str, ...]):
    """Nothing that may have been accepted is called unsent; nothing is in doubt that is certain. And the connection is
    not used again when it may be out of step: the next email arrives."""
    faults = [answer]
    with ScriptedServer(lambda now: faults.pop() if faults and now == phase else None, extensions) as server:
        first, second = send(server.port, parcel(), parcel(content=b"Message-ID: <e@x>\r\n\r\nNext\r\n"))
        accepted = server.message_ids
    assert first.state == FAULTS[phase, answer]
    assert accepted.count("d@x") == (phase == "reply")
    assert (second.state, accepted.count("e@x")) == ("sent", 1)


@pytest.mark.parametrize("extensions", [PLAIN, PIPELINING], ids=["one by one", "pipelined"])
def test_a_large_message_that_is_cut_off_has_certainly_not_arrived(extensions: tuple[str, ...]):
    """The final dot is a write of its own, and it never left."""
    large = parcel(content=b"Message-ID: <d@x>\r\n\r\n" + b"x" * 70 + b"\r\n" * 10 + (b"y" * 78 + b"\r\n") * 300_000)
    with ScriptedServer(at("body", DROP), (*extensions[:-1], "SIZE 0")) as server:
        (verdict,) = send(server.port, large)
        assert (verdict.state, verdict.phase, server.accepted) == ("pending", "message", [])


def test_the_words_of_the_server_are_kept_and_the_message_arrives_as_it_was():
    """The 250 carries the queue id by which the provider finds the message again."""
    with ScriptedServer() as server:
        (verdict,) = send(server.port, parcel())
    assert (verdict.state, verdict.code, verdict.status) == ("sent", 250, "2.0.0")
    assert verdict.text == "250 2.0.0 queued as 3A5F"
    assert server.accepted == [(["ann@x.example"], CONTENT)]
    mail = f"MAIL FROM:<us@example.com> SIZE={len(CONTENT)}"
    assert server.commands == ["ehlo example.com", mail, "RCPT TO:<ann@x.example>", "DATA", "quit"]


@pytest.mark.parametrize("extensions", [PLAIN, PIPELINING], ids=["one by one", "pipelined"])
def test_a_copy_that_is_refused_harms_nobody_and_a_copy_alone_is_never_sent(extensions: tuple[str, ...]):
    """The partner's address decides; cc and bcc go with it or not."""
    copied = parcel("ann@x.example", "cc@x.example", "bcc@x.example")
    answers = iter([None, "550 5.1.1 unknown", None, "550 5.1.1 unknown", None, None])
    with ScriptedServer(lambda now: next(answers) if now == "RCPT" else None, extensions) as server:
        kept, refused = send(server.port, copied, copied)
    assert (kept.state, server.accepted) == ("sent", [(["ann@x.example", "bcc@x.example"], CONTENT)])
    assert (refused.state, refused.undeliverable) == ("failed", True)


def test_one_connection_carries_many_emails_and_is_renewed_in_time():
    """Many servers count; then a new one is opened, and nobody notices."""
    with ScriptedServer() as server:
        verdicts = send(server.port, *[parcel()] * (MAX_EMAILS_PER_CONNECTION + 1))
    assert {verdict.state for verdict in verdicts} == {"sent"}
    assert (server.connections, len(server.accepted)) == (2, MAX_EMAILS_PER_CONNECTION + 1)


@pytest.mark.parametrize("answer", [DROP, "421 4.4.2 too many on this connection"])
def test_a_server_that_has_had_enough_of_a_connection_gets_a_new_one(answer: str):
    """Only for an email that had not begun: the refusal was at MAIL FROM of a connection used before."""
    answers = iter([None, answer, None])
    with ScriptedServer(lambda now: next(answers) if now == "MAIL" else None) as server:
        verdicts = send(server.port, parcel(), parcel())
    assert ([verdict.state for verdict in verdicts], server.connections) == (["sent", "sent"], 2)


def test_what_the_server_says_it_cannot_take_is_not_offered():
    """Its SIZE, and addresses that are not ASCII without SMTPUTF8."""
    with ScriptedServer(extensions=("SIZE 10",)) as server:
        large, foreign = send(server.port, parcel(), parcel("ünal@x.example", content=b"x"))
    assert (large.state, foreign.state) == ("failed", "failed")
    assert "the server accepts 10" in large.reason
    assert not [command for command in server.commands if command.startswith("MAIL")]


@pytest.mark.parametrize(
    ("phase", "code", "words", "state", "undeliverable", "unwell"),
    [
        ("RCPT TO", 550, "5.1.1 No such user", "failed", True, False),
        ("RCPT TO", 550, "5.1.10 Recipient not found", "failed", True, False),
        ("RCPT TO", 550, "5.2.1 Mailbox disabled", "failed", True, False),
        ("RCPT TO", 550, "No such user", "failed", False, False),
        ("RCPT TO", 552, "5.2.2 Mailbox full", "failed", False, False),
        ("RCPT TO", 550, "5.7.1 Blocked", "failed", False, False),
        (END_OF_DATA, 550, "5.7.515 Authentication", "failed", False, False),
        ("RCPT TO", 450, "4.2.0 Greylisted", "pending", False, False),
        ("RCPT TO", 452, "4.2.2 Mailbox full", "pending", False, False),
        ("MAIL FROM", 451, "4.7.1 Slow down", "pending", False, True),
        ("RCPT TO", 421, "4.7.0 Closing", "pending", False, True),
    ],
)
def test_codes_decide_retry_fail_and_suppress(phase, code, words, state, undeliverable, unwell):
    """The basic code decides about the delivery, the enhanced one about the address."""
    verdict = classify_reply(phase, code, words)
    assert (verdict.state, verdict.undeliverable, verdict.unwell) == (state, undeliverable, unwell)


@pytest.fixture
def authority() -> trustme.CA:
    """A certificate authority of this test's own."""
    return trustme.CA()


@pytest.fixture
def protected(authority: trustme.CA) -> Iterator[Controller]:
    """aiosmtpd with STARTTLS, a certificate for 127.0.0.1, and one user."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    class Keep:
        messages: list[bytes] = []  # noqa: RUF012, one server

        async def handle_DATA(self, server, session, envelope):
            self.messages.append(envelope.content)
            return "250 2.0.0 kept"

    def authenticate(server, session, envelope, mechanism, data) -> AuthResult:
        return AuthResult(success=data == LoginPassword(b"ann", b"s3cret"), handled=False)

    controller = Controller(
        Keep(), "127.0.0.1", free_port(), tls_context=context, require_starttls=True, authenticator=authenticate,
        auth_required=True,
    )  # fmt: skip
    controller.start()
    yield controller
    controller.stop()


def trusting(authority: trustme.CA, folder: Path, password: str) -> dict:
    """Settings of a user who trusts the authority."""
    file = folder / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return {"smtp_tls": "starttls", "smtp_ca_file": file, "smtp_user": "ann", "smtp_password": password}


def test_a_real_server_with_tls_and_password(protected: Controller, authority: trustme.CA, tmp_path: Path):
    """STARTTLS, verified; AUTH; and the message as it was."""
    port = protected.port
    (verdict,) = send(port, parcel(), **trusting(authority, tmp_path, "s3cret"))
    assert (verdict.state, protected.handler.messages) == ("sent", [CONTENT])


def unavailable(port: int, **more) -> TransportUnavailable:
    """Why a session cannot be had."""
    with pytest.raises(TransportUnavailable) as caught:
        sender(port, **more).open_connection().prepare(parcel())
    return caught.value


def test_a_wrong_password_ends_it_at_once_and_is_nowhere_printed(protected, authority, tmp_path: Path):
    """With what to look at."""
    port = protected.port
    error = unavailable(port, **trusting(authority, tmp_path, "wr0ng"))
    assert error.is_permanent
    assert "PARTNERFLOW_SMTP_PASSWORD" in str(error)
    assert "wr0ng" not in str(error) + repr(Settings(smtp_user="ann", smtp_password="wr0ng", smtp_host="x"))


def test_a_certificate_that_does_not_hold_is_refused(protected, tmp_path: Path):
    """Of another authority: no password goes there."""
    port = protected.port
    error = unavailable(port, **trusting(trustme.CA(), tmp_path, "s3cret"))
    assert (error.is_permanent, "is not valid" in str(error)) == (True, True)


def test_without_starttls_nothing_is_sent_unprotected():
    """A server, or somebody in between, that does not offer it."""
    with ScriptedServer() as server:
        error = unavailable(server.port, smtp_tls="starttls")
    assert (error.is_permanent, "nothing is sent unprotected" in str(error)) == (True, True)
    assert not [command for command in server.commands if command.startswith("MAIL")]


def test_a_drop_at_the_final_dot_under_tls_is_a_doubt_or_certain_but_never_wrong(authority, tmp_path: Path):
    """The server hangs up in the body of a large message: TLS knows less, and says no more than it knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = {"smtp_tls": "starttls", "smtp_ca_file": tmp_path / "ca.pem"}
    large = parcel(content=b"Message-ID: <d@x>\r\n\r\n" + (b"y" * 78 + b"\r\n") * 100_000)
    with ScriptedServer(at("body", DROP), ("SIZE 0",), context) as server:
        (verdict,) = send(server.port, large, **tls)
        assert (verdict.state in ("pending", "in_doubt"), server.accepted) == (True, [])
    with ScriptedServer(tls=context) as server:
        (verdict,) = send(server.port, parcel(), **tls)
        assert (verdict.state, len(server.accepted)) == ("sent", 1)


@pytest.mark.parametrize(("phase", "answer"), [("greeting", "554 go away"), ("greeting", DROP), ("greeting", SILENCE)])
def test_a_server_that_does_not_let_us_in_is_unavailable(phase: str, answer: str):
    """No delivery is begun."""
    with ScriptedServer(at(phase, answer)) as server:
        session = SmtpTransport(
            Settings(smtp_host="127.0.0.1", smtp_port=server.port, smtp_tls="none"), Timeouts(connect=0.3)
        ).open_connection()
        with pytest.raises(TransportUnavailable, match="cannot be reached"):
            session.prepare(parcel())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"smtp_host": "mx.example", "smtp_user": "a", "smtp_password": "b", "smtp_tls": "none"}, "unprotected"),
        ({"smtp_host": "mx.example", "smtp_user": "a"}, "smtp_password is not"),
        ({"application_api_url": "http://api.example/x", "application_api_token": "t"}, "unprotected"),
        ({"application_api_url": "api.example"}, "no URL of an endpoint"),
    ],
)
def test_settings_that_would_give_a_secret_away_are_refused(settings: dict, says: str):
    """Before anything is connected."""
    with pytest.raises(ValueError, match=says):
        Settings(**settings)
