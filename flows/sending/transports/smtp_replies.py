"""What an SMTP reply means for a delivery: by its code (RFC 5321), refined by the enhanced status code (RFC 3463)."""

import re
from functools import partial

from flows.events.bounce_type import bounce_type
from flows.ledger.delivery import SendResult

END_OF_DATA = "end of message"
"""The stage after the final dot, the only one at which a missing reply leaves a doubt."""

LOGIN_REFUSED = (530, 534, 535, 538)
"""Codes of RFC 4954: the server wants a login, or refuses ours. It would refuse every other email, too."""

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")


def classify_reply(stage: str, code: int, text: str) -> SendResult:
    """Return the result that a reply means at a stage: a command, or END_OF_DATA. `text` is one printable line.

    >>> classify_reply("RCPT TO", 550, "5.1.1 No such user").is_hard_bounce
    True
    >>> classify_reply("RCPT TO", 451, "4.7.1 Greylisted").state
    'pending'
    >>> classify_reply(END_OF_DATA, 250, "2.0.0 queued as 3A5F").state
    'sent'

    After the final dot only 250 means success; another positive reply there is not defined by the protocol, and leaves
    a doubt. A 421 at any stage, and a 4xx reply to MAIL FROM, concern the server or the sender and not the recipient
    (`is_server_error`), and so does a refused login (`is_account_error`). A hard bounce is about the recipient, so no
    reply to MAIL FROM is one.
    """
    enhanced = _ENHANCED.match(text)
    status = enhanced.group(1) if enhanced else None
    reply = f"{code} {text}".strip()
    result = partial(SendResult, smtp_stage=stage, code=code, status=status, text=reply)
    if code in LOGIN_REFUSED:
        hint = "Check PARTNERFLOW_SMTP_USER, PARTNERFLOW_SMTP_PASSWORD and PARTNERFLOW_SMTP_TLS."
        return result("pending", f"The login is refused, at {stage}: {reply}. {hint}", is_account_error=True)
    if 500 <= code < 600:
        is_hard_bounce = stage != "MAIL FROM" and bounce_type(reply) == "hard"
        return result("failed", f"Refused at {stage}: {reply}", is_hard_bounce=is_hard_bounce)
    if 400 <= code < 500:
        return result("pending", f"Not now, at {stage}: {reply}", is_server_error=code == 421 or stage == "MAIL FROM")
    if stage == END_OF_DATA and code != 250:
        return result("in_doubt", f"Neither accepted nor refused after the message: {reply}")
    return result("sent", None)
