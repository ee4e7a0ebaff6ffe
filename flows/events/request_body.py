"""The body of a request, within limits of size and time."""

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

REQUEST_TIMEOUT = 10.0
"""Seconds within which the body must arrive. flows.events.connections has the limit for the header."""


async def read_body(request: Request, largest: int) -> bytes | Response:
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
