"""The part of a stranger's email that is parsed, bounded before it is: anybody can send email to the bounce address.

Python's email parser and flufl.bounce take quadratic time on long lines, long headers and many nested parts, and fail
on deep nesting. A bounce message names its recipients near its beginning, so that its head is enough.
"""

import re

MAX_BYTES = 256_000
"""Bytes of an email that are looked at."""

MAX_LINES = 5_000
"""Lines of an email that are looked at."""

MAX_LINE = 998
"""Bytes of a line that are looked at (RFC 5322, 2.1.1)."""

MAX_CONTAINERS = 20
"""Parts that contain others (multipart or message) in an email that is read; bounce messages have up to six."""

_MAX_CONTENT_TYPE = 500
_CONTENT_TYPE = re.compile(rb"content-type[ \t]*:[^\r\n]*(?:(?:\r\n|\r|\n)[ \t][^\r\n]*)*", re.I)
_CONTAINER = re.compile(rb"content-type:[\s\x1c-\x1f]*(multipart|message)/", re.I)
_UNUSUAL_CHARSET = re.compile(rb"charset(?!=\"?(us-ascii|utf-8|iso-8859-\d|windows-125\d)\b)", re.I)


def head_of_mail(content: bytes) -> bytes:
    """Return the head of an email, with long lines cut, up to its MAX_CONTAINERS-th part that contains others.

    Only the usual character sets are left: Python decodes some of the others in quadratic time.
    """
    lines = content[:MAX_BYTES].splitlines(keepends=True)[:MAX_LINES]
    head = b"".join(line if len(line) <= MAX_LINE else line[:MAX_LINE] + b"\n" for line in lines)
    containers = list(_CONTAINER.finditer(head))
    if len(containers) > MAX_CONTAINERS:
        head = head[: containers[MAX_CONTAINERS].start()]
    return _CONTENT_TYPE.sub(_short_content_type, head)


def is_nested_too_deeply(content: bytes) -> bool:
    """Return whether an email has more parts that contain others than are read."""
    return len(_CONTAINER.findall(content[:MAX_BYTES])) > MAX_CONTAINERS


def _short_content_type(found: re.Match[bytes]) -> bytes:
    return _UNUSUAL_CHARSET.sub(b"x-charset", found.group()[:_MAX_CONTENT_TYPE])
