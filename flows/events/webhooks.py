"""The webhook receiver: writes provider events and unsubscribes to the landing folder, which the next run loads.

    POST /events/{provider}     an event webhook; the signature is verified on the raw body
    GET  /u/{token}             the unsubscribe page (flows.events.unsubscribe_page)
    POST /u/{token}             unsubscribes: a button of that page, or one-click unsubscribe (RFC 8058)

It has no access to the ledger or the warehouse, and a test checks that it imports neither.
"""

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from compiler import PartnerflowError
from flows.events.connections import LimitPerClient, TimedProtocol
from flows.events.landing import write_payload
from flows.events.request_body import read_body
from flows.events.signatures import Refused, check_mailgun, check_postmark, check_sendgrid, check_sns
from flows.events.unsubscribe_page import UnsubscribePages
from flows.events.webhook_settings import ReceiverSettings

MAX_BODY_BYTES = 5_000_000
"""Bytes of an event request. SendGrid sends batches of up to 768 KB."""

MAX_CONCURRENCY = 200
"""Concurrent connections; more are answered with 503, and providers retry."""

DEDUP_CACHE_SIZE = 100_000
"""Requests whose repeats are not written. Repeats of older requests are written, but loaded once, by their id."""

Check = Callable[[Request, bytes, float], str]
"""Verifies a request and its body at a time (seconds since 1970); returns the id of the request, or raises Refused."""


@dataclass
class Receiver:
    """The handlers of all requests. `clock` returns the seconds since 1970; `recent_request_ids` are oldest first."""

    landing: Path
    settings: ReceiverSettings
    clock: Callable[[], float] = time.time
    recent_request_ids: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)
    _locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def events(self, request: Request) -> Response:
        """Store one webhook. 200 stored or a repeat, 400 not text, 401 refused, 404 unknown provider, 413 too large."""
        provider = request.path_params["provider"]
        check = _checks(self.settings).get(provider)
        if check is None:
            return PlainTextResponse("Unknown provider.\n", 404)
        body = await read_body(request, MAX_BODY_BYTES)
        if isinstance(body, Response):
            return body
        try:
            request_id = await run_in_threadpool(check, request, body, self.clock())
            payload = body.decode()
        except Refused as refused:
            return PlainTextResponse(f"{refused}\n", 401)
        except UnicodeDecodeError:
            return PlainTextResponse("The body is not UTF-8 text.\n", 400)
        async with self._lock(provider, request_id):
            if not self._is_repeat(provider, request_id):
                await run_in_threadpool(write_payload, self.landing, provider, payload, request_id)
                self._remember(provider, request_id)
        return PlainTextResponse("ok\n")

    def _lock(self, provider: str, request_id: str) -> asyncio.Lock:
        """Return the lock of a request: a repeat that arrives meanwhile waits for the outcome of the first."""
        return self._locks.setdefault((provider, request_id), asyncio.Lock())

    def _is_repeat(self, provider: str, request_id: str) -> bool:
        return (provider, request_id) in self.recent_request_ids

    def _remember(self, provider: str, request_id: str) -> None:
        """Record a stored request. It is called after writing, so that a request that failed can be repeated."""
        self.recent_request_ids[provider, request_id] = None
        while len(self.recent_request_ids) > DEDUP_CACHE_SIZE:
            self.recent_request_ids.popitem(last=False)


def application(receiver: Receiver) -> Starlette:
    """Return the receiver as an ASGI application."""
    pages = UnsubscribePages(receiver.landing, receiver.settings.unsubscribe_signing_keys, receiver.clock)
    return Starlette(
        routes=[
            Route("/events/{provider}", receiver.events, methods=["POST"]),
            Route("/u/{token}", pages.show, methods=["GET"]),
            Route("/u/{token}", pages.submit, methods=["POST"]),
        ],
        middleware=[Middleware(LimitPerClient)],
    )


def receive(landing: Path, settings: ReceiverSettings, host: str, port: int) -> None:
    """Serve HTTP until interrupted, behind a proxy that does TLS.

    Raises PartnerflowError when the host does not have the address, or another program listens on the port.
    """
    import uvicorn

    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        raise PartnerflowError(f"The receiver cannot listen on {host}, port {port}: {error.strerror}.") from None
    app = application(Receiver(landing, settings))
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=TimedProtocol,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1,::1",
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONCURRENCY,
        timeout_keep_alive=5,
    )


def _checks(settings: ReceiverSettings) -> dict[str, Check]:
    """Return the check of each provider whose secret is set."""
    sendgrid, mailgun, postmark = settings.sendgrid_key, settings.mailgun_key, settings.postmark_basic_auth
    certificates, topic = settings.sns_certificate_dir, settings.sns_topic_arn
    checks: dict[str, Check] = {}
    if sendgrid:
        checks["sendgrid"] = lambda request, body, now: check_sendgrid(sendgrid, request.headers, body, now)
    if mailgun:
        checks["mailgun"] = lambda _, body, now: check_mailgun(mailgun.get_secret_value(), body, now)
    if postmark:
        checks["postmark"] = lambda request, body, _: check_postmark(postmark.get_secret_value(), request.headers, body)
    if certificates and topic:
        checks["ses"] = lambda _, body, now: check_sns(certificates, topic, body, now)
    return checks
