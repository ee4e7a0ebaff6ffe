"""Email addresses: normalized for SMTP, and compared by mailbox.

All of the program compares addresses by `canonical_address` and `address_key`; SQL reads their results and normalizes
nothing itself.
"""

import contextlib
import re
import unicodedata
from functools import lru_cache

from compiler import PartnerflowError

_PLAIN = re.compile(r"(?=[^@]{1,64}@)(?=.{1,254}\Z)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@[a-z0-9.-]+")
"""Addresses of which only the domain needs a check, which is cached. Nearly all match, and many share a domain."""


_BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "".join(
    map(chr, (0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF))
)
"""White space of every kind, and the invisible characters that copying from web pages and spreadsheets leaves."""


def normalize_address(text: str) -> str:
    """Return the address in ASCII, as SMTP transmits it: case as given, a non-ASCII domain in IDNA form.

    >>> normalize_address(" Anna.Muster@bücher.example ")
    'Anna.Muster@xn--bcher-kva.example'

    Only the mail server knows whether the mailbox exists. Raises PartnerflowError if the text is not a valid address,
    or has non-ASCII characters before the @, which plain SMTP cannot transmit.
    """
    bare = text.strip(_BLANKS)
    return bare if _PLAIN.fullmatch(bare) and _is_domain(bare.rpartition("@")[2]) else _checked(bare)


def rule_version() -> str:
    """Return a text that changes whenever a canonical form may change.

    Count up its first number with a change of the rules in this file.
    """
    import email_validator
    import idna

    return f"1, idna {idna.__version__}, email-validator {email_validator.__version__}"


@lru_cache(maxsize=4096)
def _is_domain(name: str) -> bool:
    """Return whether the domain is valid and already normalized."""
    try:
        return _checked(f"a@{name}") == f"a@{name}"
    except PartnerflowError:
        return False


@lru_cache(maxsize=4096)
def _checked(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # slow to import

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


def canonical_address(text: str) -> str | None:
    """Return the form that all spellings of one mailbox share, or None if the text cannot be an address.

    >>> canonical_address("Anna@BÜCHER.example\\n")
    'anna@xn--bcher-kva.example'

    White space and invisible characters around it, letter case, the Unicode form and the form of the domain (IDNA) do
    not matter. Dots and +tags are kept: only the mailbox's own server knows what they mean.
    """
    try:
        return normalize_address(text.strip(_BLANKS).lower())
    except PartnerflowError:
        return None


def address_key(address: str) -> str:
    """Return the canonical address or, of a text that cannot be an address, a key for comparing it.

    >>> address_key(" Anna@BÜCHER.example") == address_key("anna@xn--bcher-kva.example")
    True

    Any text has a key, so that whatever was suppressed is found again.
    """
    if canonical := canonical_address(address):
        return canonical
    local, at, domain = unicodedata.normalize("NFC", address.strip(_BLANKS)).lower().rpartition("@")
    import idna

    with contextlib.suppress(UnicodeError):  # not a valid domain: compare it as written
        domain = idna.encode(domain, uts46=True).decode("ascii")
    return f"{local}{at}{domain}"


def mask_address(address: object) -> str:
    """Return the first letter and the domain of an address, enough to recognize it.

    >>> mask_address("anna@partner.example"), mask_address("nobody")
    ('a…@partner.example', '…')
    """
    local, at, domain = str(address).rpartition("@")
    return f"{local[:1]}…@{domain}" if at else "…"
