"""The unsubscribe page: whose emails to whom, a choice of this program or all, and an undo.

GET and HEAD change nothing, because scanners open every link. A POST unsubscribes from the program of the email: with
any body, as mail programs send it (RFC 8058). `scope=all` unsubscribes from all programs. `undo=…` undoes what the same
link did in the last UNDO_SECONDS; only the page of that request has the token for it, so that somebody who gets the
email forwarded cannot lift an earlier unsubscribe. No script, cookie, login or redirect is needed.
"""

import asyncio
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs
from weakref import WeakValueDictionary

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from flows.events.landing import write_payload
from flows.events.request_body import read_body
from flows.events.unsubscribe_texts import TEXTS
from flows.messages.mime.languages import negotiate_language
from flows.messages.unsubscribe import UnsubscribePage, read_token, read_undo, sign_undo

MAX_FORM_BYTES = 4_000
"""Bytes of a request."""

UNDO_SECONDS = 30 * 60
"""How long a request can be undone."""

MAX_REMEMBERED = 100_000
"""Links whose repeated requests are not written again. A repeat that is written has no effect."""

Value = TypeVar("Value")

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


@dataclass
class _Done:
    """What a link has done: the id of the request that can be undone, since when, and the scopes written."""

    request_id: str
    since: float
    scopes: set[str]


@dataclass
class UnsubscribePages:
    """The handlers of GET and POST /u/{token}. `clock` returns the seconds since 1970."""

    landing: Path
    keys: Sequence[SecretStr]
    clock: Callable[[], float]
    _done: OrderedDict[str, _Done] = field(default_factory=OrderedDict)
    _undone: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def show(self, request: Request) -> Response:
        """Return the page with its two buttons. 404 for a token that no key made."""
        page = self._page(request)
        return _html(page, "confirm", buttons=("program", "all")) if page else _html(None, "invalid", status=404)

    async def submit(self, request: Request) -> Response:
        """Store what a form says; repeats have no effect. 404 unknown token, 413 too large, 400 too late to undo."""
        page = self._page(request)
        if page is None:
            return _html(None, "invalid", status=404)
        body = await read_body(request, MAX_FORM_BYTES)
        if isinstance(body, Response):
            return body
        form = _fields(body)
        lock = self._locks.setdefault(page.delivery_id, asyncio.Lock())
        async with lock:  # a repeat that arrives meanwhile waits for the outcome of the first
            if "undo" in form:
                return await self._undo(page, form["undo"])
            return await self._unsubscribe(page, "all" if form.get("scope") == "all" else "program")

    async def _unsubscribe(self, page: UnsubscribePage, scope: str) -> Response:
        done, now = self._done.get(page.delivery_id), self.clock()
        if done is None or not done.scopes & {scope, "all"}:
            if done is None or now - done.since > UNDO_SECONDS:
                done = _Done(secrets.token_hex(16), now, set(done.scopes) if done else set())
            await self._write(page, event="unsubscribed", scope=scope, request_id=done.request_id)
            done.scopes.add(scope)
            _remember(self._done, page.delivery_id, done)
        until = done.since + UNDO_SECONDS
        undo = sign_undo(page.delivery_id, done.request_id, until, self.keys) if now <= until else None
        if "all" in done.scopes:
            return _html(page, "done_all", undo=undo)
        return _html(page, "done_program", undo=undo, buttons=("all",))

    async def _undo(self, page: UnsubscribePage, token: str) -> Response:
        request_id = read_undo(token, page.delivery_id, self.clock(), self.keys)
        if request_id is None:
            return _html(page, "too_late", status=400)
        if request_id not in self._undone:
            await self._write(page, event="undone", request_id=request_id)
            _remember(self._undone, request_id, None)
        done = self._done.get(page.delivery_id)
        if done and done.request_id == request_id:
            del self._done[page.delivery_id]
        return _html(page, "undone", buttons=("program", "all"))

    async def _write(self, page: UnsubscribePage, **event: str) -> None:
        if not page.is_test:
            payload = json.dumps(event | {"delivery_id": page.delivery_id})
            await run_in_threadpool(write_payload, self.landing, "partnerflow", payload)

    def _page(self, request: Request) -> UnsubscribePage | None:
        return read_token(request.path_params["token"], self.keys)


def _fields(body: bytes) -> dict[str, str]:
    """Return the last value of each field of a form; a body of another kind has none."""
    try:
        return {name: values[-1] for name, values in parse_qs(body.decode(), max_num_fields=10).items()}
    except ValueError:
        return {}


def _remember(table: OrderedDict[str, Value], key: str, value: Value) -> None:
    table[key] = value
    while len(table) > MAX_REMEMBERED:
        table.popitem(last=False)


def _html(
    page: UnsubscribePage | None, state: str, status: int = 200, buttons: Sequence[str] = (), undo: str | None = None
) -> HTMLResponse:
    """Return the page in a state, whose texts are `<state>_title` and `<state>` of TEXTS."""
    language = negotiate_language(page.language if page else None, TEXTS, "en")
    texts, shown = TEXTS[language], {"program": page and page.program, "address": page and page.address}
    shown["program"] = shown["program"] or texts["this_program"]
    whose = "whose" if page and page.address else "whose_without_address"
    content = _TEMPLATES.get_template("unsubscribe.html").render(
        language=language,
        title=texts[f"{state}_title"],
        text=texts[state].format(**shown),
        whose=texts[whose].format(**shown) if page else None,
        buttons=[(scope, texts[f"button_{scope}"].format(**shown)) for scope in buttons],
        undo=undo,
        undo_label=texts["undo"],
    )
    return HTMLResponse(content, status, headers=HEADERS)
