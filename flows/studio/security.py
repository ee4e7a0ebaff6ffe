"""The guard before every page: who may ask at all, and what a browser may do with the answer.

A request needs the host name of this studio (a name that an attacker points to 127.0.0.1 has another one) and the
cookie of the session. One that changes anything also needs the origin of this studio, a form as its body and the CSRF
token of the session. Everything else is refused before a page sees it.

Browsers send a cookie of 127.0.0.1 to every port of it, so to a server of another user of this computer, too, if the
person opens its page. So on Linux a connection of another user is refused whatever it knows.
"""

import os
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.events.request_body import read_body
from flows.studio.peer import user_of
from flows.studio.session import Session, is_same

MAX_BODY_BYTES = 2_000_000
"""Bytes of a form; a definition has at most 200,000 characters."""

MAX_FIELDS = 2_000
"""Fields of a form."""

CSRF_FIELD, CSRF_HEADER = "csrf", "x-csrf-token"

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""No inline script or style, nothing from elsewhere, and no page around this one."""

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, browsers send forms with the origin `null`
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}
"""The headers of every answer; a page that has one of them itself keeps its own."""

ROOT = 0
"""The user who can read the files anyway, and who forwards connections for containers."""

OPEN_AGAIN = (
    "This page belongs to a studio that you have not opened, or that has ended.\n"
    "Open the address that `partnerflow studio` has printed.\n"
)


class Values(dict[str, str]):
    """The values of a form's fields, as a template shows them again; empty for any other field."""

    def __missing__(self, name: str) -> str:
        return ""


class Form:
    """The fields of a form that has been sent: each has one value or several. A GET has none."""

    def __init__(self, fields: dict[str, list[str]]):
        self.fields = fields

    def __bool__(self) -> bool:
        return bool(self.fields)

    def __getitem__(self, name: str) -> str:
        """Return the last value of a field with plain line ends; empty without one."""
        return self.all(name)[-1] if self.fields.get(name) else ""

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def values(self) -> Values:
        """Return the last value of each field."""
        return Values({name: self[name] for name in self.fields})

    def all(self, name: str) -> list[str]:
        """Return all values of a field, in their order, with plain line ends, which browsers do not send."""
        return [value.replace("\r\n", "\n").replace("\r", "\n") for value in self.fields.get(name, [])]


def form_of(request: Request) -> Form:
    """Return the form that a request has sent, which the guard has read; one without fields for a GET."""
    form: Form = getattr(request.state, "form", None) or Form({})
    return form


@dataclass(frozen=True)
class Guard:
    """ASGI middleware that refuses what does not come from a page of this session."""

    app: ASGIApp
    session: Session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its form in `request.state.form`, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        answer = self._refusal(request)
        if answer is None and request.method not in ("GET", "HEAD"):
            answer = await self._read_form(request)
        await (answer or self.app)(scope, receive, _with_headers(send))

    def _refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that no page may see: a refusal, or the exchange of the token."""
        if self._is_of_another_user(request):
            return PlainTextResponse("This connection is one of another user of this computer.\n", 403)
        if request.headers.getlist("host") not in ([one] for one in self.session.hosts):
            return PlainTextResponse("This host name is not that of the studio.\n", 421)
        if request.url.path == "/" and "token" in request.query_params:
            return self._exchange(request)
        if not is_same(self.session.cookie, request.cookies.get(self.session.cookie_name)):
            return PlainTextResponse(OPEN_AGAIN, 403)
        if request.method in ("GET", "HEAD"):
            return None
        if request.headers.get("origin") != f"http://{request.headers['host']}":
            return PlainTextResponse("This request comes from another site.\n", 403)
        return None

    def _is_of_another_user(self, request: Request) -> bool:
        server = "127.0.0.1", self.session.port
        return request.client is not None and user_of(request.client, server) not in (None, os.getuid(), ROOT)

    def _exchange(self, request: Request) -> Response:
        if request.method != "GET" or not is_same(self.session.token, request.query_params["token"]):
            return PlainTextResponse(OPEN_AGAIN, 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.session.cookie_name, self.session.cookie, httponly=True, samesite="strict")
        return answer

    async def _read_form(self, request: Request) -> Response | None:
        """Store the form of a request. Return a refusal without the CSRF token, or for a body that is not a form."""
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            return PlainTextResponse("The body is not a form.\n", 415)
        body = await read_body(request, MAX_BODY_BYTES)
        if isinstance(body, Response):
            return body
        fields = _fields(body)
        if fields is None:
            return PlainTextResponse("The form is not valid.\n", 400)
        form = Form(fields)
        if not is_same(self.session.csrf, request.headers.get(CSRF_HEADER) or form[CSRF_FIELD]):
            return PlainTextResponse("This form is not one of this session. Load the page again.\n", 403)
        request.state.form = form
        return None


def _fields(body: bytes) -> dict[str, list[str]] | None:
    try:
        return parse_qs(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        return None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
