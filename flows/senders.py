"""Who carries out each action, as the settings say."""

from flows.accept import AcceptSender
from flows.deliver import Sender
from flows.outbox import FileSender
from flows.settings import Settings
from flows.smtp import SmtpSender


def open_senders(settings: Settings) -> dict[str, Sender]:
    """The sender of each action: files, unless a mail server or an endpoint is set."""
    return {
        "email": SmtpSender(settings) if settings.smtp_host else FileSender(settings.outbox, ".eml"),
        "accept application": (
            AcceptSender(settings) if settings.accept_url else FileSender(settings.decisions, ".json")
        ),
    }
