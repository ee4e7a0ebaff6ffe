"""Parcels: deliveries made ready from what the ledger keeps of them."""

import threading
from collections.abc import Callable

from flows.ledger.delivery import Delivery
from flows.messages.envelope import Parcel
from flows.messages.message import Message, message_from
from flows.messages.render import render
from flows.settings import Settings

Content = Callable[[str], dict]
"""The content of a message version, such as the ledger keeps it."""


class Parcels:
    """Renders with the message that a delivery was claimed with; each version is read and parsed once."""

    def __init__(self, content: Content, settings: Settings):
        self._content, self._settings = content, settings
        self._messages: dict[str, Message] = {}
        self._lock = threading.Lock()

    def make(self, delivery: Delivery) -> Parcel:
        """The parcel of a delivery. Raises PartnerflowError when it cannot be rendered or written to."""
        return render(delivery, self._message(delivery.template_version), self._settings)

    def _message(self, version: str | None) -> Message | None:
        if version is None:
            return None
        with self._lock:
            if version not in self._messages:
                self._messages[version] = message_from(self._content(version))
            return self._messages[version]
