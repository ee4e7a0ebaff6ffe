"""What a mail server's reply means for a delivery (RFC 5321 codes, refined by the enhanced ones of RFC 3463)."""

import re

from flows.ledger.delivery import Verdict

UNDELIVERABLE = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
"""The mailbox or its domain does not exist, has moved, or is disabled: the address is suppressed. Policy (5.7.x), a
full mailbox and the like say nothing about the address and suppress nobody."""

END = "end of message"
"""The phase after the final dot, the only one in which an answer that is missing leaves a doubt."""

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")


def judge(phase: str, code: int, words: str) -> Verdict:
    """The verdict of a reply to a command, or to the message (`phase` is END).

    >>> judge("RCPT TO", 550, "5.1.1 No such user").undeliverable
    True
    >>> judge("RCPT TO", 451, "4.7.1 Greylisted").state
    'pending'
    >>> judge(END, 250, "2.0.0 queued as 3A5F").state
    'sent'

    After the final dot only 250 is yes; another positive reply there is no protocol that we know, and a doubt. A 421
    anywhere, and a temporary no to MAIL FROM, are about the server or about us, not about the recipient: `unwell`.
    """
    found = _ENHANCED.match(words)
    status = found.group(1) if found else None
    reply = f"{code} {' '.join(words.split())}"
    said = {"phase": phase, "code": code, "status": status, "text": reply}
    if 500 <= code < 600:
        refused = f"Refused at {phase}: {reply}"
        return Verdict("failed", refused, **said, undeliverable=code != 552 and status in UNDELIVERABLE)
    if 400 <= code < 500:
        return Verdict("pending", f"Not now, at {phase}: {reply}", **said, unwell=code == 421 or phase == "MAIL FROM")
    if phase == END and code != 250:
        return Verdict("in_doubt", f"Neither yes nor no after the message: {reply}", **said)
    return Verdict("sent", None, **said)
