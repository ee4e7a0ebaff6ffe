"""A mail server that does as it is told: answers, hangs up or falls silent at any point of the conversation.

aiosmtpd serves the ordinary tests; it cannot hang up between two bytes of the protocol. What this one has accepted it
knows for certain, so a test can say whether a verdict was true.
"""

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes

DROP, SILENCE = "drop", "silence"
"""Hang up, or say nothing more, in place of an answer."""

Decide = Callable[[str], str | None]
"""For a phase: an answer, DROP, SILENCE, or None for the ordinary answer. The phases are `greeting`, the commands,
`body` (the first line of a message has come), `end` (the final dot has, and the message is not accepted yet), and
`reply` (it is accepted, and the answer is about to leave)."""


def at(phase: str, answer: str) -> Decide:
    """Answer so at a phase, and in the ordinary way elsewhere."""
    return lambda now: answer if now == phase else None


def free_port() -> int:
    """A port of this host that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class ScriptedServer(socketserver.ThreadingTCPServer):
    """Serves on 127.0.0.1 while the `with` block lasts. `accepted` are the messages taken, `commands` all commands."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        decide: Decide = lambda _: None,
        extensions: tuple[str, ...] = ("PIPELINING", "SIZE 1000000"),
        tls: ssl.SSLContext | None = None,
    ):
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.decide, self.extensions, self.tls = decide, extensions, tls
        self.accepted: list[tuple[list[str], bytes]] = []
        self.commands: list[str] = []
        self.connections = 0
        self.over = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_address[1]

    @property
    def message_ids(self) -> list[str]:
        """The Message-IDs of what was accepted, as often as it was."""
        return [message_from_bytes(data)["Message-ID"].strip("<>") for _, data in self.accepted]

    def __enter__(self) -> "ScriptedServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is gone is no error here."""


class _HangUpError(Exception):
    """The conversation is over."""


class _Conversation(socketserver.StreamRequestHandler):
    server: ScriptedServer
    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.server.connections += 1
        with suppress(_HangUpError, OSError):
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
            raise _HangUpError
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
                raise _HangUpError
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
            raise _HangUpError
        if answer == SILENCE:
            self.server.over.wait(30)
            raise _HangUpError
        self.wfile.write(f"{answer}\r\n".encode())
        if answer.startswith("421"):
            raise _HangUpError
