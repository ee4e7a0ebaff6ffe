"""Send one notice: by the installation's own mail transport, to a webhook as Slack has them, or to a command."""

import http.client
import json
import secrets
import ssl
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from compiler import PartnerflowError, Receiver
from flows.addresses import normalize_address
from flows.messages.envelope import OutgoingMessage
from flows.messages.mime.compose import compose
from flows.messages.mime.headers import mailbox, unstructured
from flows.notices.condition import Condition
from flows.printable import printable
from flows.sending.transports.factory import open_transports
from flows.settings import Settings

TIMEOUT = 20.0
"""Seconds that a webhook or a command may take: a notice must not hold up a run."""


@dataclass(frozen=True)
class Notice:
    """What one receiver gets at once: the conditions that have changed."""

    conditions: Sequence[Condition]

    @property
    def subject(self) -> str:
        """The first line: how many conditions need attention, or that all are well again."""
        bad = [one for one in self.conditions if not one.is_well]
        if len(self.conditions) == 1:
            return f"partnerflow: {self.lines[0]}"
        return f"partnerflow: {len(bad)} need attention" if bad else "partnerflow: well again"

    @property
    def lines(self) -> list[str]:
        """One line or more per condition, those that need attention first."""
        return [one.well if one.is_well else one.text for one in self._ordered]

    @property
    def _ordered(self) -> list[Condition]:
        return sorted(self.conditions, key=lambda one: (one.is_well, one.kind, one.subject))

    @property
    def text(self) -> str:
        """The whole text."""
        return "\n\n".join(self.lines)

    def as_json(self) -> dict[str, Any]:
        """Return what a command reads on its standard input."""
        found = [
            {"kind": one.kind, "workflow_id": one.subject or None, "is_well": one.is_well, "text": text}
            for one, text in zip(self._ordered, self.lines, strict=True)
        ]
        return {"subject": self.subject, "text": self.text, "notices": found}


def send(settings: Settings, receiver: Receiver, notice: Notice) -> None:
    """Send a notice. Raises PartnerflowError if it was not accepted, or the settings do not have the receiver."""
    if receiver.kind == "email":
        _email(settings, receiver.name, notice)
    elif receiver.kind == "webhook":
        _post(settings, receiver.name, notice)
    else:
        _run(settings, receiver.name, notice)


def _email(settings: Settings, address: str, notice: Notice) -> None:
    to, identity = normalize_address(address), f"notice-{secrets.token_hex(16)}"
    headers = {
        "From": mailbox("partnerflow", settings.sender_address),
        "To": to,
        "Subject": unstructured(notice.subject[:150]),
        "Date": format_datetime(datetime.now(UTC)),
        "Message-ID": f"<{identity}@{settings.sender_address.rpartition('@')[2]}>",
        "Auto-Submitted": "auto-generated",
    }
    message = OutgoingMessage(identity, compose(headers, notice.text, None), settings.sender_address, (to,))
    with closing(open_transports(settings)["email"].open_connection()) as connection:
        result = connection.prepare(message)()
    if result.state != "sent":
        raise PartnerflowError(f"The mail server did not accept it: {result.reason or result.state}")


def _post(settings: Settings, name: str, notice: Notice) -> None:
    """Post the text as JSON. Redirects are not followed: the URL is a secret."""
    if name not in settings.notice_webhooks:
        raise PartnerflowError(f"The setting notice_webhooks has no {name}.")
    url = urlsplit(settings.notice_webhooks[name].get_secret_value())
    if url.scheme == "https":
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            url.netloc, timeout=TIMEOUT, context=context
        )
    else:
        connection = http.client.HTTPConnection(url.netloc, timeout=TIMEOUT)
    body = json.dumps({"text": f"{notice.subject}\n{notice.text}"}).encode()
    with closing(connection):
        connection.request("POST", urlunsplit(("", "", url.path, url.query, "")) or "/", body, _JSON)
        response = connection.getresponse()
        if not 200 <= response.status < 300:
            raise PartnerflowError(f"The webhook {name} answers {response.status}: {_said(response.read(1_000))}")


def _run(settings: Settings, name: str, notice: Notice) -> None:
    """Run the command with the notice as JSON on its standard input."""
    if name not in settings.notice_commands:
        raise PartnerflowError(f"The setting notice_commands has no {name}.")
    document = json.dumps(notice.as_json(), ensure_ascii=False).encode()
    done = subprocess.run(
        settings.notice_commands[name], input=document, capture_output=True, timeout=TIMEOUT, check=False
    )
    if done.returncode:
        raise PartnerflowError(f"The command {name} ended with code {done.returncode}: {_said(done.stderr)}")


_JSON = {"Content-Type": "application/json"}


def _said(reply: bytes) -> str:
    return printable(reply.decode("utf-8", "replace"))[:200]
