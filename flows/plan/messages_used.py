"""The messages that the active email workflows use."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from compiler import SendEmail
from flows.definitions.loader import Definitions
from flows.messages.in_use import check_in_use
from flows.messages.loader import check_message, error_text
from flows.messages.message import Message
from flows.settings import Settings


@dataclass(frozen=True)
class Messages:
    """The messages of email workflows, by workflow id; `unusable` has the errors of those that cannot be sent."""

    usable: Mapping[str, Message]
    unusable: Mapping[str, str]


def read_messages(settings: Settings, definitions: Definitions) -> Messages:
    """Return the messages of the active workflows as their folders contain them now."""
    usable, unusable, check = {}, {}, cache(check_message)
    for workflow in definitions.active:
        if isinstance(workflow.action, SendEmail):
            message, problems = check(settings.workflows / "messages" / workflow.action.message)
            address = definitions.postal_address(workflow.program)
            errors = error_text(check_in_use(settings, workflow, message, problems, address))
            if message is None or errors:
                unusable[workflow.id] = errors
            else:
                usable[workflow.id] = message
    return Messages(usable, unusable)
