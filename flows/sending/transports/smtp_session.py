"""One email over an open SMTP connection, with exact knowledge of how far the conversation has come.

smtplib opens the connection, but its sendmail() raises the same error before, during and after the message, and drops
the text of the 250 reply. Here the commands are pipelined where the server allows it (RFC 2920), and the final dot is a
write of its own: a connection that is lost before it has certainly not delivered the email; only one that is lost after
it leaves a doubt.
"""

import re
import smtplib
import socket
import ssl
from dataclasses import dataclass

from flows.ledger.delivery import SendResult
from flows.messages.envelope import OutgoingMessage
from flows.sending.transports.smtp_replies import END_OF_DATA, classify_reply


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait at each stage, from RFC 5321 4.5.3.2. A short one after the message would cause doubts."""

    connect: float = 30
    command: float = 300
    block: float = 180
    end: float = 600


class _ConnectionLostError(Exception):
    """The connection is lost; the text is the last reply, or the error."""


def send_message(client: smtplib.SMTP, message: OutgoingMessage, timeouts: Timeouts) -> tuple[SendResult, bool]:
    """Send a message; return the result, and whether the connection can be used again. Raises nothing."""
    stage = ["MAIL FROM"]
    try:
        _socket(client).settimeout(timeouts.command)
        refusal, in_sync = _send_envelope(client, message, stage)
        if refusal:
            return refusal, in_sync and _is_refused_alone(refusal) and _reset(client)
    except (_ConnectionLostError, OSError) as error:
        reason = f"The connection was lost at {stage[0]}, before the message: {error}"
        return SendResult("pending", reason, stage[0], is_server_error=True), False
    return _send_data(client, message.content, timeouts)


def _is_refused_alone(refusal: SendResult) -> bool:
    """Return whether a refusal concerns this message and leaves the connection open."""
    return refusal.code is not None and 400 <= refusal.code < 600 and refusal.code != 421


def _send_envelope(client: smtplib.SMTP, message: OutgoingMessage, stage: list[str]) -> tuple[SendResult | None, bool]:
    """Send the commands before the message; return the refusal, if any, and whether the replies are in sync.

    `stage` is updated to the command whose reply is awaited. Only the first recipient decides: a copy may be refused.
    When the server refuses the first recipient and yet accepts DATA for the copies, no message is sent.
    """
    refusal = None
    commands = _envelope_commands(client, message)
    for batch in [commands] if client.has_extn("pipelining") else [[command] for command in commands]:
        stage[0] = batch[0][0]
        _write(client, "".join(f"{command}\r\n" for _, command in batch).encode())
        for step, _ in batch:
            stage[0] = step
            code, text = _read_reply(client)
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


def _envelope_commands(client: smtplib.SMTP, message: OutgoingMessage) -> list[tuple[str, str]]:
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


def _send_data(client: smtplib.SMTP, content: bytes, timeouts: Timeouts) -> tuple[SendResult, bool]:
    sock = _socket(client)
    sock.settimeout(timeouts.block)
    try:
        sock.sendall(_dot_stuff(content))
    except OSError as error:
        return _connection_lost_in_data(client, "message", error), False
    try:
        sock.sendall(b".\r\n")
    except OSError as error:
        if isinstance(sock, ssl.SSLSocket):  # how much of the last record has left is not known
            return SendResult("in_doubt", f"The connection was lost at the final dot: {error}", END_OF_DATA), False
        return _connection_lost_in_data(client, END_OF_DATA, error), False
    sock.settimeout(timeouts.end)
    try:
        code, text = _read_reply(client)
    except _ConnectionLostError as error:
        return SendResult("in_doubt", f"No reply after the message: {error}", END_OF_DATA), False
    if not 200 <= code < 600:
        return SendResult("in_doubt", f"{code} {text}", END_OF_DATA, code), False
    result = classify_reply(END_OF_DATA, code, text)
    return result, result.state != "in_doubt" and code != 421


def _connection_lost_in_data(client: smtplib.SMTP, stage: str, error: OSError) -> SendResult:
    """Return the result when the final dot has not left: nothing is delivered. The server may have said why."""
    try:
        _socket(client).settimeout(1)
        code, text = _read_reply(client)
    except (_ConnectionLostError, OSError):
        code, text = 0, ""
    if 400 <= code < 600:
        return classify_reply(stage, code, text)
    return SendResult("pending", f"The connection was lost during the message: {error}", stage, is_server_error=True)


def _dot_stuff(content: bytes) -> bytes:
    """Double the dot of each line that starts with one, and end the last line (RFC 5321 4.5.2)."""
    if content.startswith(b".") or b"\n." in content:
        content = re.sub(rb"(?m)^\.", b"..", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _reset(client: smtplib.SMTP) -> bool:
    """Reset the conversation after a refusal; return whether the connection can be used again."""
    try:
        _write(client, b"RSET\r\n")
        return _read_reply(client)[0] == 250
    except _ConnectionLostError:
        return False


def _socket(client: smtplib.SMTP) -> socket.socket:
    if client.sock is None:
        raise smtplib.SMTPServerDisconnected("the connection is closed")
    return client.sock


def _write(client: smtplib.SMTP, data: bytes) -> None:
    try:
        _socket(client).sendall(data)
    except OSError as error:
        raise _ConnectionLostError(str(error)) from None


def _read_reply(client: smtplib.SMTP) -> tuple[int, str]:
    """Return the code and the lines of a reply. What is not an SMTP reply counts as a lost connection."""
    try:
        code, text = client.getreply()
    except OSError as error:  # smtplib's own errors are OSErrors
        raise _ConnectionLostError(str(error)) from None
    if code < 0:
        raise _ConnectionLostError(f"not an SMTP reply: {text!r}")
    return code, text.decode("utf-8", "replace")
