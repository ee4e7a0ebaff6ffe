"""Addresses: when two spellings are one mailbox."""

import unicodedata

_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"


def address_key(address: str) -> str:
    """The address as it is compared: lower case, its domain in the IDNA form.

    >>> address_key(" Anna@Bücher.example ")
    'anna@xn--bcher-kva.example'
    """
    text = unicodedata.normalize("NFC", address.strip(_INVISIBLE + " \t\r\n")).lower()
    local, at, domain = text.rpartition("@")
    try:
        return local + at + domain.encode("idna").decode("ascii")
    except UnicodeError:
        return text
