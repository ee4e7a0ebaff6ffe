"""An email as bytes, ready for the wire (RFC 5322, CRLF line ends, nothing but ASCII)."""

from binascii import b2a_qp
from collections.abc import Mapping
from functools import lru_cache

MAX_KEPT = 4_000
"""Letters of the longest line whose encoding is kept. Most lines of a message are the same for everybody."""


def compose(headers: Mapping[str, str], text: str, html: str | None) -> bytes:
    """The headers in their order, then the bodies: the text first, so that the last one a reader knows is the best.

    Header values are written as they are: flows.messages.mime.headers makes them safe. The same input
    gives the same bytes.
    """
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "MIME-Version: 1.0\r\n"
    if html is None:
        return head.encode("ascii") + _part("plain", text)
    # Quoted-printable never has "=_" in it, so no body can hold the boundary (RFC 2045, 6.7).
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


def _part(kind: str, body: str) -> bytes:
    """One body with its own headers; it ends with a line end."""
    lines = body.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return head.encode("ascii") + b"".join([_line(one) if len(one) <= MAX_KEPT else _encoded(one) for one in lines])


def _encoded(line: str) -> bytes:
    """A line as quoted-printable; its end tells b2a_qp to break it with CRLF."""
    return b2a_qp(f"{line}\r\n".encode("utf-8", "replace"), istext=True)


_line = lru_cache(maxsize=1024)(_encoded)
