"""Renders deliveries from what the ledger stores about them."""

import threading
from collections.abc import Callable
from typing import Any

from flows.ledger.delivery import Delivery
from flows.messages.envelope import OutgoingMessage
from flows.messages.message import Message, message_from
from flows.messages.render import render
from flows.settings import Settings

MessageContent = Callable[[str], dict[str, Any]]
"""Returns the content of a message version, as the ledger stores it."""


class DeliveryRenderer:
    """Renders each delivery with the message version that it was claimed with; each version is parsed once."""

    def __init__(self, content: MessageContent, settings: Settings):
        self._content, self._settings = content, settings
        self._messages: dict[str, Message] = {}
        self._lock = threading.Lock()

    def render(self, delivery: Delivery) -> OutgoingMessage:
        """Return the message of a delivery.

        Raises PartnerflowError when it cannot be rendered, or its address is not valid.
        """
        return render(delivery, self._message(delivery.template_version), self._settings)

    def _message(self, version: str | None) -> Message | None:
        if version is None:
            return None
        with self._lock:
            if version not in self._messages:
                self._messages[version] = message_from(self._content(version))
            return self._messages[version]
