"""A scripted SMTP server that replies, disconnects or stops responding at any point of a session.

aiosmtpd cannot disconnect between two bytes of the protocol. This server records what it has accepted, so that a test
can compare that with what the client reports."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller

DROP, SILENCE = "drop", "silence"
"""In place of a reply: disconnect, or send nothing."""

Decide = Callable[[str], str | None]
"""A function from a phase to a reply, DROP, SILENCE, or None for the default reply.

The phases are `greeting`, the SMTP verbs, `body` (the first line of a message has arrived), `end` (the final dot has
arrived; the message is not accepted yet), and `reply` (the message is accepted; the reply has not been sent yet).
"""


def at(phase: str, answer: str) -> Decide:
    """Return a Decide that gives this reply in one phase."""
    return lambda now: answer if now == phase else None


def free_port() -> int:
    """Return a port that was free a moment ago, for a server that cannot choose one by itself."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextmanager
def closed_port() -> Iterator[int]:
    """Reserve a port that refuses connections for the length of a `with` block."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


class FreePortController(Controller):
    """An aiosmtpd server for port 0, whose `port` is the one that the system has chosen."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class ScriptedServer(socketserver.ThreadingTCPServer):
    """A server on 127.0.0.1 for the length of a `with` block.

    `accepted` has recipients and content of each accepted message, `commands` all commands of all connections.
    """

    allow_reuse_address = daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        decide: Decide = lambda _: None,
        extensions: tuple[str, ...] = ("PIPELINING", "SIZE 1000000"),
        tls: ssl.SSLContext | None = None,
    ):
        super().__init__(("127.0.0.1", 0), _Session)
        self.decide, self.extensions, self.tls = decide, extensions, tls
        self.accepted: list[tuple[list[str], bytes]] = []
        self.commands: list[str] = []
        self.connections = 0
        self.over = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self.server_address[1]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of an installation that sends to this server, from an address of its own."""
        return {
            "smtp_host": "127.0.0.1", "smtp_port": self.port, "smtp_tls": "none", "sender_address": "us@x.example",
        }  # fmt: skip

    @property
    def message_ids(self) -> list[str]:
        """The Message-ID of each accepted message; one that was accepted twice is listed twice."""
        return [message_from_bytes(data)["Message-ID"].strip("<>") for _, data in self.accepted]

    def __enter__(self) -> "ScriptedServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect."""


class _DisconnectError(Exception):
    """Ends the session."""


class _Session(socketserver.StreamRequestHandler):
    server: ScriptedServer
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.server.connections += 1
        with suppress(_DisconnectError, OSError):
            self._say("greeting", "220 test ESMTP")
            while line := self.rfile.readline():
                command = line.decode("utf-8", "replace").strip()
                self.server.commands.append(command)
                self._obey(command.upper().partition(" ")[0], command)

    def _obey(self, verb: str, command: str) -> None:
        if verb == "EHLO":
            starttls = ("STARTTLS",) if self.server.tls and not isinstance(self.connection, ssl.SSLSocket) else ()
            names = ("test", *self.server.extensions, *starttls)
            dashes = ["-"] * (len(names) - 1) + [" "]
            self._say("EHLO", "\r\n".join(f"250{dash}{name}" for dash, name in zip(dashes, names, strict=True)))
        elif verb == "STARTTLS":
            self._say("STARTTLS", "220 go ahead")
            self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        elif verb == "MAIL":
            self.recipients: list[str] = []
            self._say("MAIL", "250 ok")
        elif verb == "RCPT":
            if self._say("RCPT", "250 ok").startswith("25"):
                self.recipients.append(command.partition("<")[2].partition(">")[0])
        elif verb == "DATA":
            self._data()
        elif verb == "QUIT":
            self._say("QUIT", "221 bye")
            raise _DisconnectError
        else:
            self._say(verb, "250 ok")

    def _data(self) -> None:
        if not self.recipients:
            self._say("nobody", "554 no valid recipients")
            return
        if not self._say("DATA", "354 go on").startswith("354"):
            return
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise _DisconnectError
            if not lines:
                self._act("body")
            lines.append(line[1:] if line.startswith(b".") else line)
        answer = self.server.decide("end")
        if answer is not None:
            self._write(answer)
            return
        self.server.accepted.append((self.recipients, b"".join(lines)))
        self._say("reply", "250 2.0.0 queued as 3A5F")

    def _say(self, phase: str, ordinary: str) -> str:
        answer = self.server.decide(phase) or ordinary
        self._write(answer)
        return answer

    def _act(self, phase: str) -> None:
        answer = self.server.decide(phase)
        if answer is not None:
            self._write(answer)

    def _write(self, answer: str) -> None:
        if answer == DROP:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            raise _DisconnectError
        if answer == SILENCE:
            self.server.over.wait()
            raise _DisconnectError
        self.wfile.write(f"{answer}\r\n".encode())
        if answer.startswith("421"):
            raise _DisconnectError
