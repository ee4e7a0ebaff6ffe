"""Addresses: written as a mail server takes them, and compared as mailboxes are."""

import contextlib
import re
import unicodedata
from functools import lru_cache

import idna
from email_validator import EmailNotValidError, validate_email

from compiler import PartnerflowError

_PLAIN = re.compile(r"(?=[^@]{1,64}@)(?=.{1,254}\Z)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@[a-z0-9.-]+")
"""Addresses that are right, and stay as they are, if only their domain is. Nearly all are such, and many share one."""


def address(text: str) -> str:
    """The address in ASCII as it goes over the wire: letter case as given, a non-ASCII domain in its IDNA form.

    >>> address(" Anna.Muster@bücher.example ")
    'Anna.Muster@xn--bcher-kva.example'

    Whether the mailbox exists is the mail server's to say. Raises PartnerflowError when the text is no address, or one
    with non-ASCII letters before the @, which plain SMTP cannot carry.
    """
    bare = text.strip()
    return bare if _PLAIN.fullmatch(bare) and _is_domain(bare.rpartition("@")[2]) else _checked(bare)


@lru_cache(maxsize=4096)
def _is_domain(name: str) -> bool:
    """Whether addresses of this domain can be written to, and need nothing done to it."""
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
        raise PartnerflowError(f"{text!r} is no address that can be written to: {error}") from None
    if found.ascii_email is None:
        raise PartnerflowError(
            f"{text!r} is no address that can be written to: it needs SMTPUTF8, which few servers take."
        )
    return f"{found.ascii_local_part}@{found.ascii_domain}"


def address_key(address: str) -> str:
    """What two spellings of one mailbox share; for comparing, never for writing to.

    >>> address_key(" Anna@BÜCHER.example") == address_key("anna@xn--bcher-kva.example")
    True

    Any text has a key. Dots and +tags are letters like any other: only the mailbox's own server knows what they mean.
    """
    local, at, domain = unicodedata.normalize("NFC", address.strip()).lower().rpartition("@")
    with contextlib.suppress(UnicodeError):  # idna's errors are such: no domain, so it is compared as it is written
        domain = idna.encode(domain, uts46=True).decode("ascii")
    return f"{local}{at}{domain}"
