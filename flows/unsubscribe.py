"""Unsubscribing: the tokens of the links.

A token is a delivery's id and its signature: it names no address, never expires, and whoever holds the key can read it
without the ledger. With several keys the first signs and all of them are believed, so that a key can be replaced.
"""

from collections.abc import Sequence
from hashlib import sha256

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


def _signer(keys: Sequence[SecretStr]) -> Signer:
    """itsdangerous signs with the last key of its list."""
    secrets = [key.get_secret_value() for key in reversed(keys)]
    return Signer(secrets, salt="partnerflow.unsubscribe", key_derivation="hmac", digest_method=sha256)
