"""The one rule for what makes a bounce hard: replies of mail servers, bounce messages and the events of every provider.

A bounce is hard, and suppresses the address for every workflow, only when the evidence itself says that the mailbox is
dead. The evidence is the text of the reply or report with the enhanced status codes in it (RFC 3463). The macro
`bounce_type` is the same rule in SQL; a test compares the two. docs/events-and-reports.md has the table with the
reasons.
"""

import re

DEAD_MAILBOX = r"5[.](1[.](1|2|3|6|10)|2[.]1)"
"""Codes of a mailbox or domain that does not exist (5.1.1, 5.1.2, 5.1.10), an address that is not valid (5.1.3), or a
mailbox that has moved (5.1.6) or is disabled (5.2.1)."""

SPECIFIC = r"[245][.][1-7][.][1-9][0-9]{0,2}"
"""Codes with a subject and a detail. Codes with a zero (5.0.0, 5.7.0) are generic: any specific code overrides them."""

LIVING_MAILBOX = (
    r"552|full|quota|over +quota|overquota"
    r"|gr[ae]y *list[a-z]*|try +again|temporar[a-z]*|rate|too +(many|quickly)"
    r"|(black|block) *list[a-z]*|[a-z.]*spamhaus[a-z.]*|blocked|spam|policy|reputation"
)
"""Words of a full mailbox, greylisting, rate limits, blocklists and policies, which some servers send with the code of
a dead mailbox. 552 is the basic code of exceeded storage (RFC 5321)."""

_ADDRESS = re.compile(r"[^\s<>]*@[^\s<>]*", re.ASCII)
_SEPARATORS = re.compile(r"[^0-9A-Za-z.]+")


def bounce_type(*evidence: str | None) -> str:
    """Return hard or soft: what the texts (a status code, a reply, a diagnostic code) say together about a mailbox.

    >>> bounce_type("5.0.0", "550 5.1.1 no such user"), bounce_type("5.0.0", "552 5.2.2 mailbox full")
    ('hard', 'soft')

    The most specific code counts. If specific codes contradict each other, or words contradict the code, the evidence
    is not clear, and the bounce is soft. Text without a code of a dead mailbox is soft.
    """
    words = _words(" ".join(text for text in evidence if text))
    others = _has(SPECIFIC, _without(DEAD_MAILBOX, words)) or _has(LIVING_MAILBOX, words)
    return "hard" if _has(DEAD_MAILBOX, words) and not others else "soft"


def _words(text: str) -> str:
    """Return the text in lower case without addresses, its words and codes between two spaces each.

    Two, so that patterns which include the spaces also find neighbors. Dots stay: 5.1.1.9 is an IP address, not a code.
    """
    return f"  {_SEPARATORS.sub('  ', _ADDRESS.sub(' ', text)).lower()}  "


def _has(pattern: str, words: str) -> bool:
    return re.search(f"  ({pattern})[.]?  ", words) is not None


def _without(pattern: str, words: str) -> str:
    return re.sub(f"  ({pattern})[.]?  ", "    ", words)
