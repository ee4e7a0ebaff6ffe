"""The receiver answers while strangers hold connections open, and limits what one client can use."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from flows.events import connections
from flows.events.webhook_settings import ReceiverSettings
from flows.events.webhooks import Receiver, application, receive
from flows.messages.unsubscribe import sign_token
from support.smtp_server import free_port


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a receiver in this process, as the command starts it."""
    servers: list[uvicorn.Server] = []

    def run(app: object, **options: object) -> None:
        servers.append(uvicorn.Server(uvicorn.Config(app, **options)))  # type: ignore[arg-type]

    monkeypatch.setattr(uvicorn, "run", run)
    number = free_port()
    receive(tmp_path, ReceiverSettings(), "127.0.0.1", number)
    (server,) = servers
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    yield number
    server.should_exit = True
    thread.join()


def ask(port: int) -> int:
    """Return the status of a request."""
    return httpx.get(f"http://127.0.0.1:{port}/u/x", timeout=60).status_code


def test_silent_connections_do_not_keep_out_others(port: int):
    """Of 300 connections that send nothing or half a header, the oldest are closed, and a request is answered."""
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
    for one in opened[::2]:
        one.sendall(b"GET /u/x HTTP/1.1\r\nHost: x")
    assert ask(port) == 404
    opened[1].settimeout(60)
    assert opened[1].recv(1) == b""
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /u/x HTTP/1.1\r\n", b"GET /u/x HTTP/1.1\r\nHost: x\r\n\r\nGET /u/x HTTP/1.1\r\n"],
    ids=["silent", "first", "second"],
)
def test_header_that_does_not_arrive_ends_the_connection(port: int, monkeypatch: pytest.MonkeyPatch, sent: bytes):
    """Also that of the second request of a connection, whose bytes arrive one by one."""
    monkeypatch.setattr(connections, "HEADER_TIMEOUT", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(sent)
        received = b""
        try:
            while more := client.recv(1000):
                received += more
                if sent:
                    client.sendall(b"x")
        except ConnectionError:
            pass
    assert received.count(b"HTTP/1.1 404") == sent.count(b"Host")


def test_client_is_limited_and_others_are_not(tmp_path: Path):
    """The request above the limit gets 503; another client, or the same one later, is answered."""
    keys = (SecretStr("a key of the tests"),)
    app = application(Receiver(tmp_path, ReceiverSettings(unsubscribe_signing_keys=keys)))
    token = sign_token("test-1", keys)

    async def status(address: str, body: asyncio.Event | None = None) -> int:
        async def content():  # type: ignore[no-untyped-def]
            yield b"x"
            if body:
                await body.wait()

        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.post(f"/u/{token}", content=content())).status_code

    async def ask_all() -> list[int]:
        body = asyncio.Event()
        slow = [asyncio.create_task(status("192.0.2.1", body)) for _ in range(connections.MAX_REQUESTS)]
        await asyncio.sleep(0.1)
        found = [await status("192.0.2.1"), await status("192.0.2.2")]
        body.set()
        await asyncio.gather(*slow)
        return [*found, await status("192.0.2.1")]

    assert asyncio.run(ask_all()) == [503, 200, 200]
