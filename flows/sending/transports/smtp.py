"""A mail server as a sender: sessions that connect, say who they are, and keep the connection while it is good.

The standard library connects, greets, starts TLS and authenticates; smtp_transaction.py does the rest.
"""

import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial

from flows.ledger.delivery import Verdict
from flows.messages.envelope import Parcel
from flows.sending.rate_limiter import Pace
from flows.sending.transport import Unavailable
from flows.sending.transports.smtp_session import Timeouts, transact
from flows.settings import Settings

EMAILS_A_CONNECTION = 200
"""Many servers take only so many over one connection, and say 421 then."""

IDLE = 30.0
"""Seconds after which a connection is asked whether it still lives."""


class SmtpSender:
    """The mail server of the settings (`smtp_host`, `smtp_port`, ...). `timeouts` are for tests to shorten."""

    def __init__(self, settings: Settings, timeouts: Timeouts | None = None):
        self.settings, self.timeouts = settings, timeouts or Timeouts()
        self.connections = settings.smtp_max_connections
        self.pace = Pace(settings.smtp_max_per_second)

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """What verifies the server's certificate. Read once: the system's authorities take a while."""
        return ssl.create_default_context(cafile=self.settings.smtp_ca_file)

    def session(self) -> "SmtpSession":
        """A connection to be."""
        return SmtpSession(self)

    def greet(self) -> None:
        """Connect, log in and hang up. Raises Unavailable, with the remedy."""
        _connect(self).quit()

    def recall(self, delivery_id: str, make: Callable[[], Parcel]) -> Verdict | None:
        """A mail server cannot be asked what it has accepted."""
        return None


class SmtpSession:
    """One connection, used for many emails, by one thread."""

    def __init__(self, sender: SmtpSender):
        self._sender = sender
        self._client: smtplib.SMTP | None = None
        self._sent, self._used_at = 0, 0.0

    @property
    def is_ready(self) -> bool:
        """Connected, not about to connect anew, and without a pace."""
        return self._client is not None and self._is_fresh() and self._sender.pace.is_free

    def prepare(self, parcel: Parcel) -> Callable[[], Verdict]:
        """Be connected, and wait for the pace. Raises Unavailable."""
        self._sender.pace.wait()
        if self._client is not None and not self._is_good():
            self.close()
        if self._client is None:
            self._client, self._sent = _connect(self._sender), 0
        impossible = _impossible(self._client, parcel)
        return (lambda: impossible) if impossible else partial(self._send, parcel)

    def close(self) -> None:
        """Say goodbye; what the server thinks of it changes nothing."""
        client, self._client = self._client, None
        if client is not None:
            try:
                client.sock.settimeout(5)
                client.quit()
            except (OSError, AttributeError):
                client.close()

    def _is_fresh(self) -> bool:
        return self._sent < EMAILS_A_CONNECTION and time.monotonic() - self._used_at < IDLE

    def _is_good(self) -> bool:
        if self._is_fresh():
            return True
        if self._sent >= EMAILS_A_CONNECTION:
            return False
        try:
            return self._client.noop()[0] == 250
        except OSError:
            return False

    def _send(self, parcel: Parcel) -> Verdict:
        was_used = self._sent > 0
        verdict = self._transact(parcel)
        if was_used and verdict.phase == "MAIL FROM" and verdict.code in (None, 421):
            # The server has hung up on a connection that it had enough of; the email had not begun.
            try:
                self._client = self._client or _connect(self._sender)
            except Unavailable as error:
                return replace(verdict, reason=str(error))
            verdict = self._transact(parcel)
        return verdict

    def _transact(self, parcel: Parcel) -> Verdict:
        verdict, usable = transact(self._client, parcel, self._sender.timeouts)
        self._sent, self._used_at = self._sent + 1, time.monotonic()
        if not usable:
            self._client.close()
            self._client, self._sent = None, 0
        return verdict


def _connect(sender: SmtpSender) -> smtplib.SMTP:
    settings, timeout = sender.settings, sender.timeouts.connect
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    name = settings.sender_address.rpartition("@")[2]
    client = None
    try:
        where_to = {"host": settings.smtp_host, "port": settings.smtp_port, "local_hostname": name}
        if settings.smtp_tls == "implicit":
            client = smtplib.SMTP_SSL(**where_to, timeout=timeout, context=sender.tls)
        else:
            client = smtplib.SMTP(**where_to, timeout=timeout)
        client.ehlo_or_helo_if_needed()
        if settings.smtp_tls == "starttls":
            client.starttls(context=sender.tls)
            client.ehlo()
        if settings.smtp_user:
            client.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client
    except (OSError, ValueError) as error:  # smtplib's own errors are OSErrors as well
        if client is not None:
            client.close()
        raise _unavailable(where, error, settings) from None


def _unavailable(where: str, error: Exception, settings: Settings) -> Unavailable:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        words = error.smtp_error.decode("utf-8", "replace")
        hint = "Look at PARTNERFLOW_SMTP_USER and PARTNERFLOW_SMTP_PASSWORD."
        refused = f"{where} does not accept the user: {error.smtp_code} {words}. {hint}"
        return Unavailable(refused, for_good=error.smtp_code >= 500)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        hint = f"PARTNERFLOW_SMTP_TLS is {settings.smtp_tls}; nothing is sent unprotected instead."
        return Unavailable(f"{where}: {error} {hint}", for_good=True)
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = "PARTNERFLOW_SMTP_CA_FILE names the authority of a server of your own."
        return Unavailable(f"The certificate of {where} does not hold: {error.verify_message}. {hint}", for_good=True)
    return Unavailable(f"{where} cannot be reached: {error}")


def _impossible(client: smtplib.SMTP, parcel: Parcel) -> Verdict | None:
    """Why the server says beforehand that it will not take this one."""
    limit = client.esmtp_features.get("size", "")
    if limit.isdigit() and 0 < int(limit) < len(parcel.content):
        return Verdict("failed", f"The email has {len(parcel.content)} bytes; the server takes {limit}.")
    if not "".join(parcel.recipients).isascii() and not client.has_extn("smtputf8"):
        return Verdict("failed", "The address is not ASCII, and the server takes no such addresses (SMTPUTF8).")
    return None
