"""Email addresses: normalized for SMTP, and compared by mailbox."""

import contextlib
import re
import unicodedata
from functools import lru_cache

import idna
from email_validator import EmailNotValidError, validate_email

from compiler import PartnerflowError

_PLAIN = re.compile(r"(?=[^@]{1,64}@)(?=.{1,254}\Z)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@[a-z0-9.-]+")
"""Addresses of which only the domain needs a check, which is cached. Nearly all match, and many share a domain."""


def normalize_address(text: str) -> str:
    """Return the address in ASCII, as SMTP transmits it: case as given, a non-ASCII domain in IDNA form.

    >>> normalize_address(" Anna.Muster@bücher.example ")
    'Anna.Muster@xn--bcher-kva.example'

    Only the mail server knows whether the mailbox exists. Raises PartnerflowError if the text is not a valid address,
    or has non-ASCII characters before the @, which plain SMTP cannot transmit.
    """
    bare = text.strip()
    return bare if _PLAIN.fullmatch(bare) and _is_domain(bare.rpartition("@")[2]) else _checked(bare)


@lru_cache(maxsize=4096)
def _is_domain(name: str) -> bool:
    """Return whether the domain is valid and already normalized."""
    try:
        return _checked(f"a@{name}") == f"a@{name}"
    except PartnerflowError:
        return False


@lru_cache(maxsize=4096)
def _checked(text: str) -> str:
    try:
        found = validate_email(
            text, check_deliverability=False, globally_deliverable=False, test_environment=True, strict=True
        )
    except EmailNotValidError as error:
        raise PartnerflowError(f"{text!r} is not a valid email address: {error}") from None
    if found.ascii_email is None:
        raise PartnerflowError(
            f"{text!r} is not a valid email address: it needs SMTPUTF8, which few mail servers support."
        )
    return f"{found.ascii_local_part}@{found.ascii_domain}"


def address_key(address: str) -> str:
    """Return a key that all spellings of one mailbox share, for comparing only, never for sending.

    >>> address_key(" Anna@BÜCHER.example") == address_key("anna@xn--bcher-kva.example")
    True

    Any text has a key. Dots and +tags are kept: only the mailbox's own server knows what they mean.
    """
    local, at, domain = unicodedata.normalize("NFC", address.strip()).lower().rpartition("@")
    with contextlib.suppress(UnicodeError):  # not a valid domain: compare it as written
        domain = idna.encode(domain, uts46=True).decode("ascii")
    return f"{local}{at}{domain}"
