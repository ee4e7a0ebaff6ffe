"""Addresses: written as a mail server takes them, and compared as mailboxes are."""

import contextlib
import unicodedata
from functools import lru_cache

import idna
from email_validator import EmailNotValidError, validate_email

from compiler import PartnerflowError


@lru_cache(maxsize=4096)
def address(text: str) -> str:
    """The address in ASCII as it goes over the wire: letter case as given, a non-ASCII domain in its IDNA form.

    >>> address(" Anna.Muster@bücher.example ")
    'Anna.Muster@xn--bcher-kva.example'

    Whether the mailbox exists is the mail server's to say. Raises PartnerflowError when the text is no address, or one
    with non-ASCII letters before the @, which plain SMTP cannot carry.
    """
    try:
        found = validate_email(
            text.strip(), check_deliverability=False, globally_deliverable=False, test_environment=True, strict=True
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
