"""One email over an open SMTP connection, that always knows how far it has come.

smtplib connects, but its sendmail() raises one and the same error before, in and after the message, and throws the 250
away. Here the commands are pipelined where the server allows it (RFC 2920), and the final dot is a write of its own: a
connection that breaks before it has certainly not delivered; one that breaks after it leaves a doubt, and nothing else
does.
"""

import re
import smtplib
import ssl
from dataclasses import dataclass

from flows.ledger.delivery import Verdict
from flows.messages.envelope import Parcel
from flows.sending.transports.smtp_replies import END, judge


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait for each phase, as RFC 5321 4.5.3.2 has them. A short one after the message makes doubts."""

    connect: float = 30
    command: float = 300
    block: float = 180
    end: float = 600


class _BrokenError(Exception):
    """The connection is gone; the words are the last that it said."""


def transact(client: smtplib.SMTP, parcel: Parcel, timeouts: Timeouts) -> tuple[Verdict, bool]:
    """Send a parcel, and say what became of it and whether the connection may be used again. Raises nothing."""
    client.sock.settimeout(timeouts.command)
    phase = ["MAIL FROM"]
    try:
        refusal, in_step = _envelope(client, parcel, phase)
        if refusal:
            return refusal, in_step and 400 <= refusal.code < 600 and refusal.code != 421 and _reset(client)
    except _BrokenError as broken:
        reason = f"The connection broke at {phase[0]}, before the message: {broken}"
        return Verdict("pending", reason, phase[0], unwell=True), False
    return _message(client, parcel.content, timeouts)


def _envelope(client: smtplib.SMTP, parcel: Parcel, phase: list[str]) -> tuple[Verdict | None, bool]:
    """Everything up to the go-ahead for the message: the refusal, if any, and whether the server is in step.

    Only the first recipient decides. A server that refuses it and yet waits for a message, for the copies, gets none.
    """
    size = f" SIZE={len(parcel.content)}" if client.has_extn("size") else ""
    utf8 = "" if "".join(parcel.recipients).isascii() else " SMTPUTF8"
    commands = [("MAIL FROM", f"MAIL FROM:<{parcel.sender}>{size}{utf8}")]
    steps = ["RCPT TO", *["RCPT TO (copy)"] * (len(parcel.recipients) - 1)]
    commands += [(step, f"RCPT TO:<{to}>") for step, to in zip(steps, parcel.recipients, strict=True)]
    refusal = None
    commands.append(("DATA", "DATA"))
    for batch in [commands] if client.has_extn("pipelining") else [[command] for command in commands]:
        phase[0] = batch[0][0]
        _write(client, "".join(f"{command}\r\n" for _, command in batch).encode())
        for step, _ in batch:
            phase[0] = step
            code, words = _reply(client)
            if step == "DATA" and code == 354:
                return refusal, False
            positive = 200 <= code < 300 and step != "DATA"
            if not positive and step != "RCPT TO (copy)":
                refusal = refusal or _refused(step, code, words)
            if code == 421:
                return refusal or judge(step, code, words), False
        if refusal:
            break
    return refusal, True


def _refused(step: str, code: int, words: str) -> Verdict:
    if 400 <= code < 600:
        return judge(step, code, words)
    return Verdict("pending", f"An answer that is none, at {step}: {code} {words}", step, code, text=words, unwell=True)


def _message(client: smtplib.SMTP, content: bytes, timeouts: Timeouts) -> tuple[Verdict, bool]:
    client.sock.settimeout(timeouts.block)
    try:
        client.sock.sendall(_stuffed(content))
    except OSError as error:
        return _cut_short(client, "message", error), False
    try:
        client.sock.sendall(b".\r\n")
    except OSError as error:
        if isinstance(client.sock, ssl.SSLSocket):  # how much of the last record has left is not known
            return Verdict("in_doubt", f"The connection broke at the final dot: {error}", END), False
        return _cut_short(client, END, error), False
    client.sock.settimeout(timeouts.end)
    try:
        code, words = _reply(client)
    except _BrokenError as broken:
        return Verdict("in_doubt", f"No answer after the message: {broken}", END), False
    verdict = judge(END, code, words) if 200 <= code < 600 else Verdict("in_doubt", f"{code} {words}", END, code)
    return verdict, verdict.state != "in_doubt" and code != 421


def _cut_short(client: smtplib.SMTP, phase: str, error: OSError) -> Verdict:
    """The final dot has not left, so nothing is delivered; the server may have said why it hung up."""
    try:
        client.sock.settimeout(1)
        code, words = _reply(client)
    except _BrokenError:
        code = 0
    if 400 <= code < 600:
        return judge(phase, code, words)
    return Verdict("pending", f"The connection broke in the message: {error}", phase, unwell=True)


def _stuffed(content: bytes) -> bytes:
    """The message with a dot before each line that begins with one, and its last line ended (RFC 5321 4.5.2)."""
    if content.startswith(b".") or b"\n." in content:
        content = re.sub(rb"(?m)^\.", b"..", content)
    return content if content.endswith(b"\r\n") else content + b"\r\n"


def _reset(client: smtplib.SMTP) -> bool:
    """Begin anew on the same connection after a refusal. False: it cannot be used again."""
    try:
        _write(client, b"RSET\r\n")
        return _reply(client)[0] == 250
    except _BrokenError:
        return False


def _write(client: smtplib.SMTP, data: bytes) -> None:
    try:
        client.sock.sendall(data)
    except OSError as error:
        raise _BrokenError(str(error)) from None


def _reply(client: smtplib.SMTP) -> tuple[int, str]:
    """A whole reply: its code, and its lines. What is no reply at all counts as a broken connection."""
    try:
        code, words = client.getreply()
    except OSError as error:  # smtplib's own errors are OSErrors as well
        raise _BrokenError(str(error)) from None
    if code < 0:
        raise _BrokenError(f"no SMTP reply: {words!r}")
    return code, words.decode("utf-8", "replace")
