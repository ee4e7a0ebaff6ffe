"""The messages that the active email workflows use."""

from collections.abc import Mapping
from dataclasses import dataclass

from compiler import PartnerflowError, SendEmail
from flows.definitions.loader import Definitions
from flows.messages.loader import read_message
from flows.messages.message import Message
from flows.settings import Settings


@dataclass(frozen=True)
class Messages:
    """The messages of email workflows, by workflow id; `unusable` has the errors of those that cannot be read."""

    usable: Mapping[str, Message]
    unusable: Mapping[str, str]


def read_messages(settings: Settings, definitions: Definitions) -> Messages:
    """Return the messages of the active workflows as their folders contain them now."""
    usable, unusable = {}, {}
    for workflow in definitions.active:
        if isinstance(workflow.action, SendEmail):
            try:
                usable[workflow.id] = read_message(settings.workflows / "messages" / workflow.action.message)
            except PartnerflowError as error:
                unusable[workflow.id] = str(error)
    return Messages(usable, unusable)
