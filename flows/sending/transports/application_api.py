"""The application API: each decision is posted to an HTTP endpoint, with an idempotency key.

The key is the delivery id, the same for every attempt. 2xx and 409 (already known) mean success; 429, 500 and 503 mean
try again later; 401, 403, 405, 407 and redirects concern our token or our URL, and stop the action; other refusals are
final. A request without an answer, and the 502 or 504 of a gateway, leave a doubt, unless the endpoint is declared
idempotent: then the same key is posted again.
"""

import http.client
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit, urlunsplit

from flows.ledger.delivery import SendResult
from flows.messages.envelope import OutgoingMessage
from flows.printable import printable
from flows.sending.transport import Send, TransportUnavailable
from flows.settings import Settings

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
"""Requests to an idempotent endpoint for one delivery in a row."""

REFUSES_ACCOUNT = (401, 403, 405, 407)
"""Statuses that concern the token, the proxy or the URL, so that the endpoint would refuse every other decision, too.
So are all redirects: a token must not follow them to another host."""


class ApplicationApiTransport:
    """The endpoint of the settings `application_api_*`; transport and connection in one."""

    max_connections = 1
    is_ready = False

    def __init__(self, settings: Settings):
        self._settings, self._url = settings, urlsplit(settings.application_api_url or "")

    def open_connection(self) -> "ApplicationApiTransport":
        """Return itself: every request opens a connection of its own."""
        return self

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def prepare(self, message: OutgoingMessage) -> Send:
        """Connect, and return what posts the decision. Raises TransportUnavailable."""
        return partial(self._post_until_known, self._connect(), message)

    def reconcile(self, delivery_id: str, render: Callable[[], OutgoingMessage]) -> SendResult | None:
        """Post the decision again to an idempotent endpoint; any other endpoint cannot be asked."""
        if not self._settings.application_api_idempotent:
            return None
        try:
            result = self._post(self._connect(), render())
        except TransportUnavailable:
            return None
        return result if result.state in ("sent", "failed") else None

    def _post_until_known(self, connection: http.client.HTTPConnection, message: OutgoingMessage) -> SendResult:
        result = self._post(connection, message)
        for attempt in range(1, MAX_ATTEMPTS if self._settings.application_api_idempotent else 1):
            if result.state != "in_doubt":
                break
            logger.warning("%s: request %d failed, next now: %s", message.delivery_id, attempt, result.reason)
            try:
                result = self._post(self._connect(), message)
            except TransportUnavailable:
                break
        return result

    def _connect(self) -> http.client.HTTPConnection:
        host, timeout = self._url.netloc, self._settings.application_api_timeout
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, timeout=timeout, context=context)
        else:
            connection = http.client.HTTPConnection(host, timeout=timeout)
        try:
            connection.connect()
        except OSError as error:
            is_permanent = isinstance(error, ssl.SSLCertVerificationError)
            raise TransportUnavailable(f"{host} cannot be reached: {printable(str(error))}", is_permanent) from None
        return connection

    def _post(self, connection: http.client.HTTPConnection, message: OutgoingMessage) -> SendResult:
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.delivery_id}
        if self._settings.application_api_token:
            headers["Authorization"] = f"Bearer {self._settings.application_api_token.get_secret_value()}"
        target = urlunsplit(("", "", self._url.path, self._url.query, "")) or "/"
        try:
            connection.request("POST", target, message.content, headers)
        except OSError as error:
            # The last bytes have not left, so the endpoint cannot have the decision. It may have said why it hung up.
            reason = f"The request could not be written ({printable(str(error))}), and no reply came"
            return _read_response(connection, 1, SendResult("pending", reason, "request", is_server_error=True))
        seconds = self._settings.application_api_timeout
        return _read_response(connection, seconds, SendResult("in_doubt", "No reply after the request", "answer"))


def _read_response(connection: http.client.HTTPConnection, seconds: float, otherwise: SendResult) -> SendResult:
    """Return what the response means or, without one, the result `otherwise` with the error. Closes the connection."""
    body = ""
    try:
        with (
            closing(connection),
            _deadline(connection.sock, seconds) as is_over,
            connection.getresponse() as response,
            suppress(OSError, http.client.HTTPException),  # the status is known
        ):
            body = response.read(500).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        is_late = is_over() or isinstance(error, TimeoutError)
        why = f"not complete within {seconds:g} s" if is_late else printable(str(error)) or type(error).__name__
        return replace(otherwise, reason=f"{otherwise.reason}: {why}")
    return _classify_response(response.status, printable(f"{response.status} {body}"))


@contextmanager
def _deadline(sock: socket.socket, seconds: float) -> Iterator[Callable[[], bool]]:
    """Disconnect when the block takes longer, and give a function that says whether it has.

    The time-out of a socket starts again with every byte, so an endpoint could keep the connection for ever.
    """
    over = threading.Event()

    def disconnect() -> None:
        over.set()
        with suppress(OSError):  # it is closed already
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, disconnect)
    timer.start()
    try:
        yield over.is_set
    finally:
        timer.cancel()


def _classify_response(status: int, reply: str) -> SendResult:
    result = partial(SendResult, smtp_stage="answer", code=status, text=reply)
    if 200 <= status < 300 or status == 409:
        return result("sent", None)
    if status in (502, 504) or status < 200:
        return result("in_doubt", f"The gateway got no reply: {reply}")
    if status in REFUSES_ACCOUNT or 300 <= status < 400:
        hint = "Check PARTNERFLOW_APPLICATION_API_URL and PARTNERFLOW_APPLICATION_API_TOKEN."
        return result("pending", f"The endpoint refuses our requests: {reply}. {hint}", is_account_error=True)
    if status == 429 or status >= 500:
        return result("pending", f"Not now: {reply}", is_server_error=True)
    return result("failed", f"Refused: {reply}")
