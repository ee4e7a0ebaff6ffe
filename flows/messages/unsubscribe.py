"""Unsubscribe links: their signed tokens, and the headers that make mail programs show a button (RFC 2369, RFC 8058).

A token is a delivery id and its signature. It contains no address, never expires, and can be verified without the
ledger. Of several keys the first signs and all verify, so that a key can be rotated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote

from itsdangerous import BadSignature, Signer
from pydantic import SecretStr

TEST_PREFIX = "test-"
"""The prefix of the delivery ids of test emails, whose tokens unsubscribe nobody."""


@dataclass(frozen=True)
class UnsubscribeLinks:
    """How the recipient of one email unsubscribes: the link for its bodies, and the headers."""

    link: str
    headers: dict[str, str]


def unsubscribe_links(delivery_id: str, url: str | None, keys: Sequence[SecretStr], mailbox: str) -> UnsubscribeLinks:
    """Return a link to a page below `url`, or without one a mailto: link to `mailbox`.

    List-Unsubscribe is one unencoded line. With `url`, List-Unsubscribe-Post promises that one POST there suffices.
    """
    token = sign_token(delivery_id, keys) if keys else delivery_id
    mailto = f"mailto:{quote(mailbox, safe='@+')}?subject={quote(f'unsubscribe {token}')}"
    if not url:
        return UnsubscribeLinks(mailto, {"List-Unsubscribe": f"<{mailto}>"})
    link = f"{url}/{token}"
    one_click = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return UnsubscribeLinks(link, {"List-Unsubscribe": f"<{link}>, <{mailto}>", **one_click})


def sign_token(delivery_id: str, keys: Sequence[SecretStr]) -> str:
    """Return the token of a delivery, safe in a URL.

    >>> old, new = SecretStr("a key of the test"), SecretStr("a newer key")
    >>> verify_token(sign_token("5f2c", [old]), [new, old])
    '5f2c'
    """
    return _signer(keys).sign(delivery_id).decode("ascii")


def verify_token(token: str, keys: Sequence[SecretStr]) -> str | None:
    """Return the delivery id of a token, or None when none of the keys signed it."""
    try:
        return _signer(keys).unsign(token).decode("ascii") if keys else None
    except (BadSignature, UnicodeError):
        return None


def is_test(delivery_id: str) -> bool:
    """Return whether a delivery id is that of a test email, whose links have no effect."""
    return delivery_id.startswith(TEST_PREFIX)


def _signer(keys: Sequence[SecretStr]) -> Signer:
    """Return a signer. itsdangerous signs with the last key of its list."""
    secrets = [key.get_secret_value() for key in reversed(keys)]
    return Signer(secrets, salt="partnerflow.unsubscribe", key_derivation="hmac", digest_method=sha256)
