"""Unsubscribe links: their tokens, and the headers that make mail programs show a button (RFC 2369, RFC 8058).

The token of a link has what the page behind it shows, encrypted and authenticated (AES-SIV, RFC 5297), so that the page
needs neither the ledger nor the warehouse, and a URL tells a log nothing. The token of a mailto: link is a signed
delivery id. Neither expires. Of several keys the first is used and all are accepted, so that a key can be rotated.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from itsdangerous import BadSignature, Signer
from pydantic import SecretStr

TEST_PREFIX = "test-"
"""The prefix of the delivery ids of test emails, whose tokens unsubscribe nobody."""

MAX_PROGRAM, MAX_ADDRESS = 80, 60
"""Bytes of a program's name, and characters of an address, in a token: a header line has at most 998 characters."""

MAX_TOKEN = 600
"""Characters of a token that is read."""


@dataclass(frozen=True)
class UnsubscribePage:
    """What the page behind a link shows: whose emails to whom, in which language.

    `address` is masked, because everybody who gets the email forwarded can open the page. Only
    `delivery_id` is always known.
    """

    delivery_id: str
    program: str = ""
    address: str = ""
    language: str = "en"

    @property
    def is_test(self) -> bool:
        """Whether the link is that of a test email, which has no effect."""
        return is_test(self.delivery_id)


@dataclass(frozen=True)
class UnsubscribeLinks:
    """How the recipient of one email unsubscribes: the link for its bodies, and the headers."""

    link: str
    headers: dict[str, str]


def unsubscribe_links(
    page: UnsubscribePage, url: str | None, keys: Sequence[SecretStr], mailbox: str
) -> UnsubscribeLinks:
    """Return a link to a page below `url`, or without one a mailto: link to `mailbox`.

    List-Unsubscribe is one unencoded line. With `url`, List-Unsubscribe-Post promises that one POST there suffices.
    """
    token = sign_token(page.delivery_id, keys) if keys else page.delivery_id
    mailto = f"mailto:{quote(mailbox, safe='@+')}?subject={quote(f'unsubscribe {token}')}"
    if not url:
        return UnsubscribeLinks(mailto, {"List-Unsubscribe": f"<{mailto}>"})
    link = f"{url}/{seal_page(page, keys)}"
    one_click = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return UnsubscribeLinks(link, {"List-Unsubscribe": f"<{link}>, <{mailto}>", **one_click})


def seal_page(page: UnsubscribePage, keys: Sequence[SecretStr]) -> str:
    """Return the token of a page, safe in a URL; the same page always has the same one.

    >>> old, new = SecretStr("a key of the test"), SecretStr("a newer key")
    >>> read_token(seal_page(UnsubscribePage("5f2c", "Acme", "a…@x.example", "de"), [old]), [new, old])
    UnsubscribePage(delivery_id='5f2c', program='Acme', address='a…@x.example', language='de')
    """
    program = page.program.encode()[:MAX_PROGRAM].decode(errors="ignore")
    address = page.address if len(page.address) <= MAX_ADDRESS else f"…{page.address[1 - MAX_ADDRESS :]}"
    shown = json.dumps([page.delivery_id, program, address, page.language], ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(_cipher(keys[0].get_secret_value()).encrypt(shown.encode(), None)).decode().rstrip("=")


def sign_token(delivery_id: str, keys: Sequence[SecretStr]) -> str:
    """Return the token of a delivery without a page, safe in a URL."""
    return _signer(keys, "").sign(delivery_id).decode("ascii")


def read_token(token: str, keys: Sequence[SecretStr]) -> UnsubscribePage | None:
    """Return the page of a token of either kind, or None when none of the keys made it."""
    if not keys or len(token) > MAX_TOKEN or not token.isascii():
        return None
    if "." in token:
        delivery_id = _unsigned(token, keys, "")
        return UnsubscribePage(delivery_id) if delivery_id else None
    for key in keys:
        try:
            sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
            if urlsafe_b64encode(sealed).decode().rstrip("=") == token:  # one token per page: no spare bits, no "+"
                return UnsubscribePage(*json.loads(_cipher(key.get_secret_value()).decrypt(sealed, None)))
        except (InvalidTag, ValueError):
            continue
    return None


def sign_undo(delivery_id: str, request_id: str, until: float, keys: Sequence[SecretStr]) -> str:
    """Return a token that undoes one request of a delivery until a time (seconds since 1970)."""
    return _signer(keys, ".undo").sign(f"{delivery_id}:{request_id}:{until:.0f}").decode("ascii")


def read_undo(token: str, delivery_id: str, now: float, keys: Sequence[SecretStr]) -> str | None:
    """Return the request that a token undoes, or None if it is of another delivery, too old or not signed."""
    of, _, rest = (_unsigned(token, keys, ".undo") or "").partition(":")
    request_id, _, until = rest.partition(":")
    return request_id if rest and of == delivery_id and now <= float(until) else None


def is_test(delivery_id: str) -> bool:
    """Return whether a delivery id is that of a test email, whose links have no effect."""
    return delivery_id.startswith(TEST_PREFIX)


@lru_cache(maxsize=16)
def _cipher(key: str) -> AESSIV:
    return AESSIV(hmac.digest(key.encode(), b"partnerflow.unsubscribe.page", "sha512"))


def _unsigned(token: str, keys: Sequence[SecretStr], purpose: str) -> str | None:
    try:
        return _signer(keys, purpose).unsign(token).decode("ascii") if keys else None
    except (BadSignature, UnicodeError):
        return None


def _signer(keys: Sequence[SecretStr], purpose: str) -> Signer:
    """Return a signer. itsdangerous signs with the last key of its list."""
    secrets = [key.get_secret_value() for key in reversed(keys)]
    salt = f"partnerflow.unsubscribe{purpose}"
    return Signer(secrets, salt=salt, key_derivation="hmac", digest_method=sha256)
