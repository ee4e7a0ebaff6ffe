"""The endpoint that accepts applications: each decision is posted once, under a key by which it can tell a repetition.

The delivery's id is the key, the same for every attempt. 2xx and 409 (known already) are yes; 429, 500 and 503 no for
now; other refusals are final. No answer after the request was written, and the 502 or 504 of a gateway that does not
know either, leave a doubt, unless the endpoint is declared idempotent: then the same key is posted again.
"""

import http.client
import ssl
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from flows.ledger.delivery import Verdict
from flows.messages.envelope import Parcel
from flows.sending.transport import Unavailable
from flows.settings import Settings

ATTEMPTS = 3
"""How often an idempotent endpoint is asked for one decision in a row."""


class AcceptSender:
    """The endpoint of the settings `application_api_*`. Sender and session in one."""

    connections = 1
    is_ready = False

    def __init__(self, settings: Settings):
        self._settings, self._url = settings, urlsplit(settings.application_api_url)

    def session(self) -> "AcceptSender":
        """Itself: every decision has a connection of its own."""
        return self

    def close(self) -> None:
        """Nothing is open."""

    def prepare(self, parcel: Parcel) -> Callable[[], Verdict]:
        """Connect. Raises Unavailable."""
        return partial(self._post_until_known, self._connect(), parcel)

    def recall(self, delivery_id: str, make: Callable[[], Parcel]) -> Verdict | None:
        """Ask an idempotent endpoint once more; of any other nobody can tell."""
        if not self._settings.application_api_idempotent:
            return None
        try:
            verdict = self._post(self._connect(), make())
        except Unavailable:
            return None
        return verdict if verdict.state in ("sent", "failed") else None

    def _post_until_known(self, connection: http.client.HTTPConnection, parcel: Parcel) -> Verdict:
        verdict = self._post(connection, parcel)
        for _ in range(ATTEMPTS - 1 if self._settings.application_api_idempotent else 0):
            if verdict.state != "in_doubt":
                break
            try:
                verdict = self._post(self._connect(), parcel)
            except Unavailable:
                break
        return verdict

    def _connect(self) -> http.client.HTTPConnection:
        timeout = self._settings.application_api_timeout
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(self._url.netloc, timeout=timeout, context=context)
        else:
            connection = http.client.HTTPConnection(self._url.netloc, timeout=timeout)
        try:
            connection.connect()
        except OSError as error:
            raise Unavailable(f"{self._url.netloc} cannot be reached: {error}") from None
        return connection

    def _post(self, connection: http.client.HTTPConnection, parcel: Parcel) -> Verdict:
        headers = {"Content-Type": "application/json", "Idempotency-Key": parcel.delivery_id}
        if self._settings.application_api_token:
            headers["Authorization"] = f"Bearer {self._settings.application_api_token.get_secret_value()}"
        target = self._url._replace(scheme="", netloc="", fragment="").geturl() or "/"
        try:
            connection.request("POST", target, parcel.content, headers)
            response = connection.getresponse()
            words = response.read(500).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            return Verdict("in_doubt", f"No answer after the request: {error or type(error).__name__}", "answer")
        finally:
            connection.close()
        return _judge(response.status, f"{response.status} {' '.join(words.split())}".strip())


def _judge(status: int, reply: str) -> Verdict:
    said = {"phase": "answer", "code": status, "text": reply}
    if 200 <= status < 300 or status == 409:
        return Verdict("sent", None, **said)
    if status in (502, 504):
        return Verdict("in_doubt", f"A gateway has no answer: {reply}", **said)
    if status == 429 or status >= 500:
        return Verdict("pending", f"Not now: {reply}", **said, unwell=True)
    return Verdict("failed", f"Refused: {reply}", **said)
