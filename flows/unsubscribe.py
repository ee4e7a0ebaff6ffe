"""Unsubscribing: the tokens of the links, and the headers by which mail programs show a button (RFC 2369, RFC 8058).

A token is a delivery's id and its signature: it names no address, never expires, and whoever holds the key can read it
without the ledger. With several keys the first signs and all of them are believed, so that a key can be replaced.
"""

from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import quote

from itsdangerous import BadSignature, Signer
from pydantic import SecretStr

TEST = "test-"
"""How the delivery ids of test emails begin; a token of one unsubscribes nobody."""


def sign(delivery_id: str, keys: Sequence[SecretStr]) -> str:
    """The token of a delivery, safe in a URL.

    >>> read(sign("5f2c", [SecretStr("a key of the test")]), [SecretStr("a newer key"), SecretStr("a key of the test")])
    '5f2c'
    """
    return _signer(keys).sign(delivery_id).decode("ascii")


def read(token: str, keys: Sequence[SecretStr]) -> str | None:
    """The delivery id of a token; None when none of the keys has signed it."""
    try:
        return _signer(keys).unsign(token).decode("ascii") if keys else None
    except (BadSignature, UnicodeError):
        return None


def is_test(delivery_id: str) -> bool:
    """Whether a delivery id is that of a test email, whose links act on nothing."""
    return delivery_id.startswith(TEST)


def unsubscribe_link(delivery_id: str, url: str | None, keys: Sequence[SecretStr], mailbox: str) -> str:
    """Where a recipient unsubscribes: a page below `url`; without one, an email to `mailbox`."""
    return f"{url}/{sign(delivery_id, keys)}" if url else _mailto(delivery_id, keys, mailbox)


def unsubscribe_headers(delivery_id: str, url: str | None, keys: Sequence[SecretStr], mailbox: str) -> dict[str, str]:
    """List-Unsubscribe, on one line and never encoded, and with a `url` the promise that one POST there is enough."""
    mailto = _mailto(delivery_id, keys, mailbox)
    if not url:
        return {"List-Unsubscribe": f"<{mailto}>"}
    links = f"<{unsubscribe_link(delivery_id, url, keys, mailbox)}>, <{mailto}>"
    return {"List-Unsubscribe": links, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _mailto(delivery_id: str, keys: Sequence[SecretStr], mailbox: str) -> str:
    subject = f"unsubscribe {sign(delivery_id, keys) if keys else delivery_id}"
    return f"mailto:{quote(mailbox, safe='@+')}?subject={quote(subject)}"


def _signer(keys: Sequence[SecretStr]) -> Signer:
    """itsdangerous signs with the last key of its list."""
    secrets = [key.get_secret_value() for key in reversed(keys)]
    return Signer(secrets, salt="partnerflow.unsubscribe", key_derivation="hmac", digest_method=sha256)
