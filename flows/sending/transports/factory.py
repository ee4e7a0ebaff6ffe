"""Who carries out each action, as the settings say."""

from flows.sending.transport import Sender
from flows.sending.transports.application_api import AcceptSender
from flows.sending.transports.outbox import FileSender
from flows.sending.transports.smtp import SmtpSender
from flows.settings import Settings


def open_senders(settings: Settings) -> dict[str, Sender]:
    """The sender of each action: files, unless a mail server or an endpoint is set."""
    return {
        "email": SmtpSender(settings) if settings.smtp_host else FileSender(settings.outbox, ".eml"),
        "accept application": (
            AcceptSender(settings) if settings.application_api_url else FileSender(settings.decisions, ".json")
        ),
    }
