"""Email header values that no name can break out of.

Python's email package is not used because it writes a further header when a name hides a CRLF in an RFC 2047 encoded
word (CVE-2024-6923 on Python 3.11 and 3.12), leaves parts of long names unquoted, and encodes what must stay plain.
"""

import unicodedata
from base64 import b64encode
from functools import lru_cache
from typing import Any

MAX_PLAIN = 60
"""Characters of the longest unencoded value: encoded words can be folded anywhere, plain text cannot."""

WORD_BYTES = 39
"""UTF-8 bytes in one encoded word: 64 characters with its delimiters, under the 75 that RFC 2047 allows."""

_BLANKED = {"Cc", "Zl", "Zp", "Cs"}
"""Unicode categories that become a space: controls, line and paragraph separators, lone surrogates."""

_BIDI = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Bidirectional overrides and isolates, which would reverse the text after a name; they are deleted."""


def without_controls(value: Any) -> Any:
    """Return a string, or a mapping of strings at any depth, with control characters and runs of spaces as one space.

    >>> without_controls({"name": "Bell\\x07 and\\r\\nBcc: x"})
    {'name': 'Bell and Bcc: x'}
    """
    if isinstance(value, dict):
        return {key: without_controls(item) for key, item in value.items()}
    if not isinstance(value, str) or (value.isascii() and value.isprintable() and "  " not in value):
        return value.strip() if isinstance(value, str) else value
    kept = (" " if unicodedata.category(one) in _BLANKED else one for one in value.translate(_BIDI))
    return " ".join("".join(kept).split())


@lru_cache(maxsize=4096)
def mailbox(name: str, address: str) -> str:
    """Return a mailbox such as `"Smith, Sons & Co" <us@example.com>`; without a name, the address alone."""
    phrase = without_controls(name)
    if not phrase:
        return address
    if not _is_plain(phrase):
        return f"{_encoded(phrase)}\r\n <{address}>"
    escaped = phrase.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


@lru_cache(maxsize=4096)
def unstructured(text: str) -> str:
    """Return an unstructured header value (RFC 5322 3.2.5), such as a subject."""
    clean = without_controls(text)
    return clean if _is_plain(clean) else _encoded(clean)


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text and len(text) <= MAX_PLAIN


def _encoded(text: str) -> str:
    """Return RFC 2047 encoded words, one per line; no character is split over two words."""
    words: list[bytes] = []
    word = b""
    for letter in text:
        encoded = letter.encode()
        if len(word) + len(encoded) > WORD_BYTES:
            words, word = [*words, word], b""
        word += encoded
    return "\r\n ".join(f"=?utf-8?b?{b64encode(one).decode()}?=" for one in [*words, word])
