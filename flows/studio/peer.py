"""Whose process has opened a connection to this one, where the system says so (Linux)."""

import socket
import sys
from pathlib import Path

Address = tuple[str, int]
"""Host and port."""

CONNECTIONS = Path("/proc/net/tcp")
"""The TCP connections over IPv4 (`man 5 proc`): both addresses are fields 2 and 3 of a line, the user id field 8."""


def user_of(client: Address, server: Address) -> int | None:
    """Return the id of the user who has opened a connection between addresses of this host; None if it is not known."""
    try:
        ends = [_written(*client), _written(*server)]
        lines = CONNECTIONS.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return None
    return next((int(fields[7]) for fields in map(str.split, lines) if fields[1:3] == ends), None)


def _written(host: str, port: int) -> str:
    return f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"
