"""Compose an email as bytes, ready for SMTP (RFC 5322, CRLF line ends, ASCII only)."""

from binascii import b2a_qp
from collections.abc import Mapping
from functools import lru_cache

MAX_CACHED_LINE = 4_000
"""Characters of the longest line whose encoding is cached. Most lines of a message are the same for all recipients."""


def compose(headers: Mapping[str, str], text: str, html: str | None) -> bytes:
    """Return the headers in their order, then the bodies as quoted-printable. The same input gives the same bytes.

    Plain text comes first: clients show the last part they support (RFC 2046 5.1.4). Header values are written
    unchanged: flows.messages.mime.headers makes them safe.
    """
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "MIME-Version: 1.0\r\n"
    if html is None:
        return head.encode("ascii") + _part("plain", text)
    # Quoted-printable text never contains "=_", so no body can contain the boundary (RFC 2045, 6.7).
    boundary = b"=_partnerflow"
    return b"".join(
        (
            head.encode("ascii"),
            b'Content-Type: multipart/alternative; boundary="', boundary, b'"\r\n\r\n',
            b"--", boundary, b"\r\n", _part("plain", text),
            b"\r\n--", boundary, b"\r\n", _part("html", html),
            b"\r\n--", boundary, b"--\r\n",
        )
    )  # fmt: skip


def _part(subtype: str, body: str) -> bytes:
    """Return one body with its own headers, ending in a line end."""
    lines = body.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    encoded = [_encode_cached(line) if len(line) <= MAX_CACHED_LINE else _encode(line) for line in lines]
    return head.encode("ascii") + b"".join(encoded)


def _encode(line: str) -> bytes:
    """Return one line as quoted-printable; its CRLF makes b2a_qp break long lines with CRLF."""
    return b2a_qp(f"{line}\r\n".encode("utf-8", "replace"), istext=True)


_encode_cached = lru_cache(maxsize=1024)(_encode)
