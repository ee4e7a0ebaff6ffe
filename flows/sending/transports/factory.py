"""The transport of each action, as configured."""

from flows.sending.transport import Transport
from flows.sending.transports.application_api import ApplicationApiTransport
from flows.sending.transports.outbox import FileTransport
from flows.sending.transports.smtp import SmtpTransport
from flows.settings import Settings


def open_transports(settings: Settings) -> dict[str, Transport]:
    """Return the transport of each action: folders of files, unless a mail server or an application API is set."""
    email: Transport = SmtpTransport(settings) if settings.smtp_host else FileTransport(settings.outbox, ".eml")
    url, decisions = settings.application_api_url, settings.decisions
    application: Transport = ApplicationApiTransport(settings) if url else FileTransport(decisions, ".json")
    return {"email": email, "accept application": application}
