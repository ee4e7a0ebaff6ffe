"""smtplib's client with an overall deadline for what is awaited, and limits on the size of a reply.

smtplib's own time-out starts again with every byte, so a server that sends one byte now and then could keep a
connection for ever. Every reply of the server enters the program here.
"""

import io
import re
import smtplib
import socket
import time
from typing import Any

from flows.printable import printable

MAX_LINE = 2_048
"""Bytes of a line. RFC 5321 (4.5.3.1.5) allows 512, but some servers send longer texts."""

MAX_LINES = 100
"""Lines of a reply. The longest are those to EHLO, with one line per extension."""

_LINE = re.compile(rb"([2-5][0-9]{2})(-| |(?=\r?\n))(.*)\n", re.DOTALL)


class BoundedSmtp(smtplib.SMTP):
    """A client that connects, greets and logs in within `seconds`; later waits get a deadline by `allow`."""

    def __init__(self, *args: Any, seconds: float, **more: Any):
        self.allow(seconds)
        super().__init__(*args, **more)

    def allow(self, seconds: float) -> None:
        """Set the deadline of what is written or read from now on."""
        self._seconds, self._deadline = seconds, time.monotonic() + seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def write(self, data: bytes) -> None:
        """Write all of the data before the deadline. Raises OSError."""
        view = memoryview(data)
        while view:
            view = view[self.awaited_socket().send(view) :]

    def awaited_socket(self) -> socket.socket:
        """Return the socket, whose time-out is what is left until the deadline. Raises OSError if none is left."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"not complete within {self._seconds:g} s")
        self.sock.settimeout(left)
        return self.sock

    def getreply(self) -> tuple[int, bytes]:
        """Return the code of a reply and its lines, which have no control characters.

        Raises OSError, and closes the connection, if the reply is not complete before the deadline, if it is longer
        than the limits, and if it is not an SMTP reply.
        """
        try:
            code, lines = self._read_lines()
            self.awaited_socket()  # the TLS handshake, which may follow, has the same deadline
        except OSError:
            self.close()
            raise
        return code, b"\n".join(lines)

    def _read_lines(self) -> tuple[int, list[bytes]]:
        codes, lines, dash = set(), [], b"-"
        while dash == b"-":
            code, dash, text = self._read_line()
            codes.add(code)
            lines.append(printable(text.decode("utf-8", "replace")).encode())
            if len(codes) > 1 or len(lines) > MAX_LINES:
                what = "lines with different codes" if len(codes) > 1 else f"more than {MAX_LINES} lines"
                raise smtplib.SMTPException(f"not an SMTP reply: {what}")
        return int(code), lines

    def _read_line(self) -> tuple[bytes, bytes, bytes]:
        """Return code, separator and text of a line."""
        if self.file is None:
            self.file = io.BufferedReader(_Received(self))
        try:
            line = self.file.readline(MAX_LINE + 1)
        except TimeoutError:
            raise TimeoutError(f"not complete within {self._seconds:g} s") from None
        if not line:
            raise smtplib.SMTPServerDisconnected("the server has closed the connection")
        found = _LINE.fullmatch(line)
        if found is None:
            raise smtplib.SMTPException(f"not an SMTP reply: {printable(line[:100].decode('utf-8', 'replace'))!r}")
        return found[1], found[2], found[3]


class BoundedSmtpTls(BoundedSmtp, smtplib.SMTP_SSL):
    """The same over a connection that starts with TLS."""


class _Received(io.RawIOBase):
    """The bytes that a client receives before its deadline."""

    def __init__(self, client: BoundedSmtp):
        self._client = client

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive some bytes, and return how many."""
        return self._client.awaited_socket().recv_into(buffer)
