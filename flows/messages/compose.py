"""An email as bytes, ready for the wire (RFC 5322, CRLF line ends, nothing but ASCII)."""

from binascii import b2a_qp
from collections.abc import Mapping


def compose(headers: Mapping[str, str], text: str, html: str | None) -> bytes:
    """The headers in their order, then the bodies: the text first, so that the last one a reader knows is the best.

    Header values are written as they are: flows.messages.headers makes them safe. The same input gives the same bytes.
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
    """One body with its own headers; it ends with a line end, by which b2a_qp knows to break lines with CRLF."""
    lines = body.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").replace("\n", "\r\n") + "\r\n"
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return head.encode("ascii") + b2a_qp(lines.encode("utf-8", "replace"), istext=True)
