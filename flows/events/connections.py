"""Connections to the receiver: a time-out for the header of a request, and limits for each client.

uvicorn has neither: a connection that never sends anything would be kept for ever, and 200 of them would keep out
everybody.
"""

import asyncio
from collections import Counter
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_TIMEOUT = 10.0
"""Seconds within which the header of a request must arrive, from the connection or the end of the last request."""

MAX_WAITING = 50
"""Connections of one peer that have not sent the header of a request; the oldest is closed for a new one."""

MAX_REQUESTS = 20
"""Requests of one client at the same time; more are answered with 503, and providers retry."""


class TimedProtocol(H11Protocol):
    """A connection that is closed when the header of its next request does not arrive in time."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting, and close the oldest connection of a peer that has too many waiting."""
        super().connection_made(transport)
        self._wait()
        ours = (one for one in self.connections if isinstance(one, TimedProtocol))
        waiting = [one for one in ours if one._timer and one._is_of(self)]
        if len(waiting) > MAX_WAITING:
            min(waiting, key=TimedProtocol._due)._close()

    def data_received(self, data: bytes) -> None:
        """Wait for the header if it is incomplete."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEADER_TIMEOUT, self._close)

    def _close(self) -> None:
        """Close the connection without a response; it no longer counts."""
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> float:
        return self._timer.when() if self._timer else 0.0

    def _is_of(self, other: "TimedProtocol") -> bool:
        return bool(self.client and other.client and self.client[0] == other.client[0])


class LimitPerClient:
    """ASGI middleware: a client has at most MAX_REQUESTS at the same time.

    The client is the one that a proxy on this host names in X-Forwarded-For, else the peer of the connection.
    """

    def __init__(self, app: ASGIApp):
        self.app = app
        self._open: Counter[Any] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with 503."""
        client = (scope.get("client") or ("", 0))[0]
        if self._open[client] >= MAX_REQUESTS:
            await PlainTextResponse("Too many requests.\n", 503)(scope, receive, send)
            return
        self._open[client] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open[client] -= 1
            self._open += Counter()  # drops the clients that have none
