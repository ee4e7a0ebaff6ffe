"""The webhook receiver: writes provider events and unsubscribes to the landing folder, which the next run loads.

    POST /events/{provider}     an event webhook; the signature is verified on the raw body
    GET  /u/{token}             a confirmation page
    POST /u/{token}             unsubscribes: the button of that page, or one-click unsubscribe (RFC 8058)

It has no access to the ledger or the warehouse, and a test checks that it imports neither.
"""

import asyncio
import json
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from compiler import PartnerflowError
from flows.events.connections import LimitPerClient, TimedProtocol
from flows.events.landing import write_payload
from flows.events.signatures import Refused, check_mailgun, check_postmark, check_sendgrid, check_sns
from flows.events.webhook_settings import ReceiverSettings
from flows.messages.unsubscribe import is_test, verify_token

MAX_BODY_BYTES = 5_000_000
"""Bytes of an event request. SendGrid sends batches of up to 768 KB."""

MAX_FORM_BYTES = 4_000
"""Bytes of an unsubscribe request."""

REQUEST_TIMEOUT = 10.0
"""Seconds within which the body must arrive. flows.events.connections has the limit for the header."""

MAX_CONCURRENCY = 200
"""Concurrent connections; more are answered with 503, and providers retry."""

DEDUP_CACHE_SIZE = 100_000
"""Requests whose repeats are not written. Repeats of older requests are written, but loaded once, by their id."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}

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
        body = await _body(request, MAX_BODY_BYTES)
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

    async def confirm_unsubscribe(self, request: Request) -> Response:
        """Return the confirmation page. It changes nothing, because scanners open every link."""
        if self._delivery(request) is None:
            return _page("This link is not valid", "Please use the link in an email that we sent you.", 404)
        return _page("Unsubscribe?", "You will no longer receive these emails at this address.", 200, show_button=True)

    async def unsubscribe(self, request: Request) -> Response:
        """Store an unsubscribe; repeats have no effect. Needs no cookie, login or redirect."""
        delivery_id = self._delivery(request)
        if delivery_id is None:
            return _page("This link is not valid", "Please use the link in an email that we sent you.", 404)
        body = await _body(request, MAX_FORM_BYTES)
        if isinstance(body, Response):
            return body
        async with self._lock("partnerflow", delivery_id):
            if not is_test(delivery_id) and not self._is_repeat("partnerflow", delivery_id):
                payload = json.dumps({"event": "unsubscribed", "delivery_id": delivery_id})
                await run_in_threadpool(write_payload, self.landing, "partnerflow", payload)
                self._remember("partnerflow", delivery_id)
        return _page("You are unsubscribed", "We will not email this address again.", 200)

    def _delivery(self, request: Request) -> str | None:
        return verify_token(request.path_params["token"], self.settings.unsubscribe_signing_keys)

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
    return Starlette(
        routes=[
            Route("/events/{provider}", receiver.events, methods=["POST"]),
            Route("/u/{token}", receiver.confirm_unsubscribe, methods=["GET"]),
            Route("/u/{token}", receiver.unsubscribe, methods=["POST"]),
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


async def _body(request: Request, largest: int) -> bytes | Response:
    """Return the body, or the error response to one that is too large or too slow."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > largest:
        return PlainTextResponse("Too large.\n", 413)
    received = bytearray()
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT):
            async for chunk in request.stream():
                received += chunk
                if len(received) > largest:
                    return PlainTextResponse("Too large.\n", 413)
    except TimeoutError:
        return PlainTextResponse("Request timeout.\n", 408)
    except ClientDisconnect:
        return PlainTextResponse("Client disconnected.\n", 400)
    return bytes(received)


def _page(title: str, text: str, status: int, show_button: bool = False) -> HTMLResponse:
    content = _TEMPLATES.get_template("unsubscribe.html").render(title=title, text=text, show_button=show_button)
    return HTMLResponse(content, status, headers=HEADERS)
