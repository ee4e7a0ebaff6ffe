"""Evidence about bounces, as pairs of a status code and what a mail server said; either may be missing."""

HARD: list[tuple[str | None, str | None]] = [
    ("5.1.1", None),
    (None, "550 5.1.1 <ann@x.example>: Recipient address rejected: User unknown"),
    ("5.0.0", "smtp; 550 5.1.1 no such user"),
    ("5.5.0", "550 5.1.1 no such user"),
    ("5.1.2", "550 Host unknown"),
    ("5.1.3", "501 5.1.3 Bad recipient address syntax"),
    ("5.1.6", None),
    ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup"),
    ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled."),
    (None, "550-5.1.1 The email account does not exist.\r\n550 5.1.1 https://mail.example/?p=NoSuchUser x1-2.3"),
    (None, "Sorry, no mailbox here by that name. (#5.1.1)"),
    ("5.1.1", "host 5.7.1.9 with Exim 4.94.2 said: 550 User unknown"),
    ("5.1.1", "550 5.1.1 <policy@full.example>: unknown"),
]
SOFT: list[tuple[str | None, str | None]] = [
    ("5.0.0", "smtp; 552 5.2.2 mailbox is over quota"),
    ("5.0.0", "smtp; 451 4.7.1 try again later"),
    ("5.0.0", "550 5.7.1 your network is on our block list"),
    ("5.0.0", "550 Requested action not taken: mailbox unavailable"),
    ("5.0.0", None),
    (None, None),
    (None, "550 No such user"),
    ("5.1.0", "550 5.1.0 Address rejected"),
    ("5.2.2", None),
    ("5.3.4", "552 5.3.4 message size exceeds the limit"),
    ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied"),
    ("5.4.7", "smtp; delivery time expired"),
    ("5.7.1", None),
    ("5.7.26", "550-5.7.26 This mail is unauthenticated"),
    ("4.1.1", "450 4.1.1 unverified address"),
    ("4.4.1", "connection timed out"),
    ("5.1.1", "550 5.7.1 Message rejected"),
    ("5.7.1", "550 5.1.1 User unknown"),
    ("5.1.1", "550 5.1.1 mailbox is full"),
    ("5.1.1", "552 storage exceeded"),
    ("5.1.1", "550 5.1.1 rejected by zen.spamhaus.org"),
    ("5.2.1", "550 5.2.1 The user is receiving mail at a rate that prevents additional messages"),
    ("5.1.8", "550 5.1.8 Bad sender's system address"),
    (None, "host [5.1.1.9] said: 550 rejected"),
    (None, "version v5.1.1 of 15.1.1 refused, see 5.1.1x"),
]

MACRO = "select status, said, {{ bounce_type(['status', 'said']) }} as found from evidence"
"""A query of the table `evidence`, for dbt to compile."""


def pairs() -> list[tuple[str | None, str | None]]:
    """Return the pairs of this module, and every enhanced code with each of their texts and four others."""
    codes = [f"{one}.{subject}.{detail}" for one in (2, 4, 5) for subject in range(9) for detail in range(30)]
    texts = [text for _, text in HARD + SOFT] + ["5.0.0 x", "550 5.1.1 x", "5.7.1", "4.2.2 5.1.1 5.1.2"]
    return [(code, text) for code in codes for text in texts] + HARD + SOFT
