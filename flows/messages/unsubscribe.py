"""Unsubscribing: the tokens of the links, and the headers by which mail programs show a button (RFC 2369, RFC 8058).

A token is a delivery's id and its signature: it names no address, never expires, and whoever holds the key can read it
without the ledger. With several keys the first signs and all of them are believed, so that a key can be replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote

from itsdangerous import BadSignature, Signer
from pydantic import SecretStr

TEST_PREFIX = "test-"
"""How the delivery ids of test emails begin; a token of one unsubscribes nobody."""


def sign_token(delivery_id: str, keys: Sequence[SecretStr]) -> str:
    """The token of a delivery, safe in a URL.

    >>> old, new = SecretStr("a key of the test"), SecretStr("a newer key")
    >>> verify_token(sign_token("5f2c", [old]), [new, old])
    '5f2c'
    """
    return _signer(keys).sign(delivery_id).decode("ascii")


def verify_token(token: str, keys: Sequence[SecretStr]) -> str | None:
    """The delivery id of a token; None when none of the keys has signed it."""
    try:
        return _signer(keys).unsign(token).decode("ascii") if keys else None
    except (BadSignature, UnicodeError):
        return None


def is_test(delivery_id: str) -> bool:
    """Whether a delivery id is that of a test email, whose links act on nothing."""
    return delivery_id.startswith(TEST_PREFIX)


@dataclass(frozen=True)
class UnsubscribeLinks:
    """How the recipient of one email unsubscribes: the link for its bodies, and the headers."""

    link: str
    headers: dict[str, str]


def unsubscribe_links(delivery_id: str, url: str | None, keys: Sequence[SecretStr], mailbox: str) -> UnsubscribeLinks:
    """A page below `url`; without one, an email to `mailbox`.

    List-Unsubscribe is on one line and never encoded; with a `url` comes the promise that one POST there is enough.
    """
    token = sign_token(delivery_id, keys) if keys else delivery_id
    mailto = f"mailto:{quote(mailbox, safe='@+')}?subject={quote(f'unsubscribe {token}')}"
    if not url:
        return UnsubscribeLinks(mailto, {"List-Unsubscribe": f"<{mailto}>"})
    link = f"{url}/{token}"
    one_click = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return UnsubscribeLinks(link, {"List-Unsubscribe": f"<{link}>, <{mailto}>", **one_click})


def _signer(keys: Sequence[SecretStr]) -> Signer:
    """itsdangerous signs with the last key of its list."""
    secrets = [key.get_secret_value() for key in reversed(keys)]
    return Signer(secrets, salt="partnerflow.unsubscribe", key_derivation="hmac", digest_method=sha256)
