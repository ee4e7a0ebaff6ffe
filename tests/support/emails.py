"""Messages, deliveries and settings for tests of emails."""

from dataclasses import replace
from datetime import datetime

from flows.messages.message import Message, message_from
from flows.sending.send_test_email import TestEmail as Email
from flows.settings import Settings

KEY = "a key of these tests"
HEADERS = [
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Content-Language", "List-Unsubscribe", "List-Id",
    "Feedback-ID", "Auto-Submitted", "Precedence", "X-Auto-Response-Suppress", "X-Partnerflow-Delivery",
    "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
]  # fmt: skip
TWO_PARTS = [name for name in HEADERS if name != "Content-Transfer-Encoding"]


def settings(**more) -> Settings:
    """Return settings that read no file and no environment variable."""
    defaults = {
        "sender_address": "us@example.com",
        "bounce_address": None,
        "unsubscribe_url": None,
        "unsubscribe_signing_keys": (),
    }
    return Settings.model_construct(**defaults | more)


SIGNED = Settings(
    unsubscribe_url="https://mail.example.com/u", unsubscribe_signing_keys=KEY, bounce_address="bounce@b.example.com"
)


def message(text: str = "Dear {{ partner.name }},\n.\nBye", html: str | None = None, **more) -> Message:
    """Return a message with this text and HTML; `more` sets its sender name, reply_to, cc and bcc."""
    parts = {"subject": "Hello {{ partner.name }}", "text": text, "html": html, "sign_up_link": None}
    keys = {"sender_name": None, "reply_to": "answers@example.com", "cc": None, "bcc": None} | more
    return message_from({"format": 1, "language": "en", "languages": {"en": parts}} | keys)


def delivery(name: str = "Acme", email: str = "you@example.org", **more) -> Email:
    """Return a delivery to a partner of this name, in a program of this name."""
    context = {
        "partner": {"id": "7", "name": name, "language": None},
        "contact": {"first_name": name, "last_name": None},
        "program": {"id": "1000", "name": name, "timezone": "America/New_York", "postal_address": "1 Main Street"},
        "workflow": {"id": "w", "name": name},
    }
    moment = datetime(2026, 3, 20, 18)
    return replace(Email("5f2c", "w", "1000", "7", email, "5f2c@example.com", context, moment, moment), **more)
