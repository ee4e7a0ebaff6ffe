"""One email over an open SMTP connection, with exact knowledge of how far the conversation has come.

smtplib opens the connection, but its sendmail() raises the same error before, during and after the message, and drops
the text of the 250 reply. Here the commands are pipelined where the server allows it (RFC 2920), and the final dot is a
write of its own: a connection that is lost before it has certainly not delivered the email; only one that is lost after
it leaves a doubt.
"""

import re
import ssl
from dataclasses import dataclass

from flows.ledger.delivery import SendResult
from flows.messages.envelope import OutgoingMessage
from flows.printable import printable
from flows.sending.transports.smtp_client import BoundedSmtp
from flows.sending.transports.smtp_replies import END_OF_DATA, classify_reply
from flows.settings import Settings


@dataclass(frozen=True)
class Timeouts:
    """Seconds for each stage, in which it must be complete: the settings `smtp_*_timeout`.

    `connect` is for the set-up of a connection, `command` for each reply before the message, `data` for the message and
    `data_done` for the reply to it.
    """

    connect: float
    command: float
    data: float
    data_done: float

    @classmethod
    def of(cls, settings: Settings) -> "Timeouts":
        """Return those of the settings."""
        return cls(
            settings.smtp_connect_timeout,
            settings.smtp_command_timeout,
            settings.smtp_data_timeout,
            settings.smtp_data_done_timeout,
        )


def send_message(client: BoundedSmtp, message: OutgoingMessage, timeouts: Timeouts) -> tuple[SendResult, bool]:
    """Send a message; return the result, and whether the connection can be used again. Raises nothing."""
    stage, seconds = ["MAIL FROM"], timeouts.command
    try:
        refusal, in_sync = _send_envelope(client, message, seconds, stage)
    except OSError as error:
        reason = f"The connection was lost at {stage[0]}, before the message: {error}"
        return SendResult("pending", reason, stage[0], is_server_error=True), False
    if refusal:
        return refusal, in_sync and _is_refused_alone(refusal) and _reset(client, seconds)
    return _send_data(client, message.content, timeouts)


def _is_refused_alone(refusal: SendResult) -> bool:
    """Return whether a refusal concerns this message and leaves the connection open."""
    return refusal.code is not None and 400 <= refusal.code < 600 and refusal.code != 421


def _send_envelope(
    client: BoundedSmtp, message: OutgoingMessage, seconds: float, stage: list[str]
) -> tuple[SendResult | None, bool]:
    """Send the commands before the message; return the refusal, if any, and whether the replies are in sync.

    Each reply has `seconds`. `stage` is updated to the command whose reply is awaited. Only the first recipient
    decides: a copy may be refused. When the server refuses the first recipient and yet accepts DATA for the copies, no
    message is sent.
    """
    refusal = None
    commands = _envelope_commands(client, message)
    for batch in [commands] if client.has_extn("pipelining") else [[command] for command in commands]:
        stage[0] = batch[0][0]
        client.allow(seconds)
        client.write("".join(f"{command}\r\n" for _, command in batch).encode())
        for step, _ in batch:
            stage[0] = step
            code, text = _read_reply(client, seconds)
            if step == "DATA" and code == 354:
                return refusal, False
            is_positive = 200 <= code < 300 and step != "DATA"
            if not is_positive and step != "RCPT TO (copy)":
                refusal = refusal or _refusal(step, code, text)
            if code == 421:
                return refusal or classify_reply(step, code, text), False
        if refusal:
            break
    return refusal, True


def _envelope_commands(client: BoundedSmtp, message: OutgoingMessage) -> list[tuple[str, str]]:
    """Return the commands from MAIL FROM to DATA, each with the name of its stage."""
    size = f" SIZE={len(message.content)}" if client.has_extn("size") else ""
    utf8 = "" if "".join(message.recipients).isascii() else " SMTPUTF8"
    stages = ["RCPT TO", *["RCPT TO (copy)"] * (len(message.recipients) - 1)]
    recipients = [(stage, f"RCPT TO:<{to}>") for stage, to in zip(stages, message.recipients, strict=True)]
    return [("MAIL FROM", f"MAIL FROM:<{message.sender}>{size}{utf8}"), *recipients, ("DATA", "DATA")]


def _refusal(stage: str, code: int, text: str) -> SendResult:
    if 400 <= code < 600:
        return classify_reply(stage, code, text)
    return SendResult(
        "pending", f"Unexpected reply at {stage}: {code} {text}", stage, code, text=text, is_server_error=True
    )


def _send_data(client: BoundedSmtp, content: bytes, timeouts: Timeouts) -> tuple[SendResult, bool]:
    client.allow(timeouts.data)
    try:
        client.write(_dot_stuff(content))
    except OSError as error:
        return _connection_lost_in_data(client, "message", error), False
    try:
        client.write(b".\r\n")
    except OSError as error:
        if isinstance(client.sock, ssl.SSLSocket):  # how much of the last record has left is not known
            return SendResult("in_doubt", f"The connection was lost at the final dot: {error}", END_OF_DATA), False
        return _connection_lost_in_data(client, END_OF_DATA, error), False
    try:
        code, text = _read_reply(client, timeouts.data_done)
    except OSError as error:
        return SendResult("in_doubt", f"No reply after the message: {error}", END_OF_DATA), False
    result = classify_reply(END_OF_DATA, code, text)
    return result, result.state != "in_doubt" and code != 421


def _connection_lost_in_data(client: BoundedSmtp, stage: str, error: OSError) -> SendResult:
    """Return the result when the final dot has not left: nothing is delivered. The server may have said why."""
    try:
        code, text = _read_reply(client, 1)
    except OSError:
        code, text = 0, ""
    if 400 <= code < 600:
        return classify_reply(stage, code, text)
    return SendResult("pending", f"The connection was lost during the message: {error}", stage, is_server_error=True)


def _dot_stuff(content: bytes) -> bytes:
    """Double the dot of each line that starts with one, and end the last line (RFC 5321 4.5.2)."""
    if content.startswith(b".") or b"\n." in content:
        content = re.sub(rb"(?m)^\.", b"..", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _reset(client: BoundedSmtp, seconds: float) -> bool:
    """Reset the conversation after a refusal; return whether the connection can be used again."""
    try:
        client.allow(seconds)
        client.write(b"RSET\r\n")
        return _read_reply(client, seconds)[0] == 250
    except OSError:
        return False


def _read_reply(client: BoundedSmtp, seconds: float) -> tuple[int, str]:
    """Return the code and the text of a reply. Raises OSError, also for what is not an SMTP reply."""
    client.allow(seconds)
    code, text = client.getreply()
    return code, printable(text.decode())
