"""Parcels: deliveries made ready from what the ledger keeps of them."""

import threading

from flows.ledger.delivery import Delivery
from flows.ledger.ledger import Ledger
from flows.ledger.reads import message_content
from flows.messages.message import Message, message_from
from flows.messages.render import render
from flows.parcel import Parcel
from flows.settings import Settings


class Parcels:
    """Renders with the message that a delivery was claimed with; each version is read and parsed once."""

    def __init__(self, ledger: Ledger, settings: Settings):
        self._ledger, self._settings = ledger, settings
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
                self._messages[version] = message_from(message_content(self._ledger, version))
            return self._messages[version]
