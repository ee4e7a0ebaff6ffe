"""The SMTP transport: connections that log in, stay open while they work, and are renewed in time.

smtplib connects, greets, starts TLS and authenticates; smtp_session.py sends each message.
"""

import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial

from flows.ledger.delivery import SendResult
from flows.messages.envelope import OutgoingMessage
from flows.printable import printable
from flows.sending.rate_limiter import RateLimiter
from flows.sending.transport import Send, TransportUnavailable
from flows.sending.transports.smtp_client import BoundedSmtp, BoundedSmtpTls
from flows.sending.transports.smtp_replies import LOGIN_REFUSED
from flows.sending.transports.smtp_session import Timeouts, send_message
from flows.settings import Settings

MAX_EMAILS_PER_CONNECTION = 200
"""Many servers limit the emails of one connection, and reply 421 to the next."""

IDLE_SECONDS = 30.0
"""Seconds without use after which a connection is checked by NOOP before the next email."""

TCP_SECONDS = 30.0
"""Seconds to wait for one address of the server to accept the connection; a longer wait is the greeting's."""

QUIT_SECONDS = 5.0
"""Seconds to wait for the reply to QUIT, which decides nothing."""


class SmtpTransport:
    """The mail server of the settings `smtp_*`. `timeouts` are those of the settings, or a test's own."""

    def __init__(self, settings: Settings, timeouts: Timeouts | None = None):
        self.settings, self.timeouts = settings, timeouts or Timeouts.of(settings)
        self.max_connections = settings.smtp_max_connections
        self.rate_limiter = RateLimiter(settings.smtp_max_per_second)

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """The context that verifies the server's certificate; cached, since loading the system's roots takes time."""
        return ssl.create_default_context(cafile=self.settings.smtp_ca_file)

    def open_connection(self) -> "SmtpConnection":
        """Return a connection; it connects when it is first used."""
        return SmtpConnection(self)

    def check(self) -> None:
        """Connect, log in and disconnect. Raises TransportUnavailable, which says what to do."""
        _connect(self).quit()

    def reconcile(self, delivery_id: str, render: Callable[[], OutgoingMessage]) -> SendResult | None:
        """Return None: a mail server cannot be asked what it has accepted."""
        return None


class SmtpConnection:
    """One connection for many emails, used by one thread."""

    def __init__(self, transport: SmtpTransport):
        self._transport = transport
        self._client: BoundedSmtp | None = None
        self._sent, self._used_at = 0, 0.0

    @property
    def is_ready(self) -> bool:
        """Whether it is connected, not due to be renewed, and not limited to a rate."""
        return self._client is not None and self._is_fresh() and self._transport.rate_limiter.is_unlimited

    def prepare(self, message: OutgoingMessage) -> Send:
        """Wait for the rate limiter, and connect if needed. Raises TransportUnavailable."""
        self._transport.rate_limiter.acquire()
        if self._client is not None and not self._is_usable(self._client):
            self.close()
        if self._client is None:
            self._client, self._sent = _connect(self._transport), 0
        rejection = _rejection_in_advance(self._client, message)
        return (lambda: rejection) if rejection else partial(self._send, self._client, message)

    def close(self) -> None:
        """Say QUIT and disconnect; errors are ignored."""
        client, self._client = self._client, None
        if client is not None:
            try:
                client.allow(QUIT_SECONDS)
                client.quit()
            except OSError:
                client.close()

    def _is_fresh(self) -> bool:
        return self._sent < MAX_EMAILS_PER_CONNECTION and time.monotonic() - self._used_at < IDLE_SECONDS

    def _is_usable(self, client: BoundedSmtp) -> bool:
        if self._is_fresh():
            return True
        if self._sent >= MAX_EMAILS_PER_CONNECTION:
            return False
        try:
            client.allow(self._transport.timeouts.command)
            return client.noop()[0] == 250
        except OSError:
            return False

    def _send(self, client: BoundedSmtp, message: OutgoingMessage) -> SendResult:
        was_used = self._sent > 0
        result = self._send_once(client, message)
        if was_used and result.smtp_stage == "MAIL FROM" and result.code in (None, 421):
            # The server closed a connection after its own limit of emails; this email had not been started.
            try:
                self._client = self._client or _connect(self._transport)
            except TransportUnavailable as error:
                return replace(result, reason=str(error))
            result = self._send_once(self._client, message)
        return result

    def _send_once(self, client: BoundedSmtp, message: OutgoingMessage) -> SendResult:
        result, is_usable = send_message(client, message, self._transport.timeouts)
        self._sent, self._used_at = self._sent + 1, time.monotonic()
        if not is_usable:
            client.close()
            self._client, self._sent = None, 0
        return result


def _connect(transport: SmtpTransport) -> BoundedSmtp:
    """Return a client that is connected, protected and logged in, all within one deadline.

    Raises TransportUnavailable.
    """
    settings = transport.settings
    client = None
    try:
        client = _open(transport)
        client.ehlo_or_helo_if_needed()
        if settings.smtp_tls == "starttls":
            client.starttls(context=transport.tls)
            client.ehlo()
        if settings.smtp_user and settings.smtp_password:
            client.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        if client.sock is not None:
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client
    except (OSError, ValueError) as error:  # smtplib's own errors are OSErrors
        if client is not None:
            client.close()
        raise _unavailable(error, settings) from None


def _open(transport: SmtpTransport) -> BoundedSmtp:
    settings, seconds = transport.settings, transport.timeouts.connect
    host, port, name = settings.smtp_host or "", settings.smtp_port, settings.sender_address.rpartition("@")[2]
    more = {"seconds": seconds, "timeout": min(seconds, TCP_SECONDS)}
    if settings.smtp_tls == "implicit":
        return BoundedSmtpTls(host, port, name, context=transport.tls, **more)
    return BoundedSmtp(host, port, name, **more)


def _unavailable(error: Exception, settings: Settings) -> TransportUnavailable:
    server = f"{settings.smtp_host}:{settings.smtp_port}"
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused(error, server)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        hint = f"PARTNERFLOW_SMTP_TLS is {settings.smtp_tls}; nothing is sent unprotected instead."
        return TransportUnavailable(f"{server}: {error} {hint}", is_permanent=True)
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = "For a certificate authority of your own, set PARTNERFLOW_SMTP_CA_FILE to its certificate."
        invalid = f"The certificate of {server} is not valid: {error.verify_message}. {hint}"
        return TransportUnavailable(invalid, is_permanent=True)
    return TransportUnavailable(f"{server} cannot be reached: {printable(str(error))}")


def _refused(error: smtplib.SMTPResponseException, server: str) -> TransportUnavailable:
    text = error.smtp_error.decode() if isinstance(error.smtp_error, bytes) else error.smtp_error
    reply = printable(f"{error.smtp_code} {text}")
    if isinstance(error, smtplib.SMTPAuthenticationError) or error.smtp_code in LOGIN_REFUSED:
        hint = "Check PARTNERFLOW_SMTP_USER and PARTNERFLOW_SMTP_PASSWORD."
        return TransportUnavailable(f"{server} refuses the login: {reply}. {hint}", error.smtp_code >= 500)
    return TransportUnavailable(f"{server} cannot be reached: {reply}")


def _rejection_in_advance(client: BoundedSmtp, message: OutgoingMessage) -> SendResult | None:
    """Return the result of a message that the server's extensions rule out; None when it may be sent."""
    limit, size = client.esmtp_features.get("size", ""), len(message.content)
    if limit.isdigit() and 0 < int(limit) < size:
        return SendResult("failed", f"The email has {size} bytes; the server accepts {limit}.")
    if not "".join(message.recipients).isascii() and not client.has_extn("smtputf8"):
        return SendResult("failed", "The address is not ASCII, and the server does not support it (SMTPUTF8).")
    return None
