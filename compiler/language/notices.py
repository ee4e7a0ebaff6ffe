"""`notify:`, of a definition and of `notices.yml`: who gets a notice when something needs attention."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from compiler.errors import PartnerflowError
from compiler.language.settings_file import read_settings_file
from compiler.segment_tree import Receiver

FILE = "notices.yml"
"""Its name in a workflows folder."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*"
_MAILBOX = r"[^\s@<>,;:\"()]+@[^\s@<>,;:\"()]+"
PATTERN = rf"^(?:owner|{_MAILBOX}|webhook {_NAME}|command {_NAME})$"
"""The valid entries of `notify`; part of the JSON schema of definitions."""

REMEDY = (
    "Write a list of `owner`, an email address, `webhook NAME` or `command NAME`. The names are those of the settings "
    "notice_webhooks and notice_commands."
)


@dataclass(frozen=True)
class NoticePolicy:
    """`notices.yml`: the receivers of workflows without `notify:`, and of what concerns no single workflow.

    More than `many_partners` partners for a new or changed workflow are unusual. After `silent_hours` hours without a
    run, `partnerflow doctor --notify` says so.
    """

    notify: tuple[Receiver, ...] = ()
    many_partners: int = 100
    silent_hours: int = 2


class _Notices(BaseModel):
    """Who gets a notice when something needs attention."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    notify: list[Annotated[StrictStr, Field(pattern=PATTERN)]] = Field([], description="Receivers of all workflows.")
    many_partners: Annotated[StrictInt, Field(ge=1)] = Field(
        100, description="More are unusual for a changed workflow."
    )
    silent_hours: Annotated[StrictInt, Field(ge=1, le=168)] = Field(2, description="Hours without a run, 1 to 168.")


def parse_receiver(text: str) -> Receiver:
    """Return the receiver. Raises PartnerflowError when the text is not a valid one."""
    if not re.fullmatch(PATTERN, text):
        raise PartnerflowError(f"{text!r} is not a valid receiver of notices. {REMEDY}")
    kind, _, name = text.partition(" ")
    if kind == "webhook":
        return Receiver("webhook", name)
    if kind == "command":
        return Receiver("command", name)
    return Receiver("owner") if text == "owner" else Receiver("email", text)


def read_notices(path: str, text: str) -> NoticePolicy:
    """Return what the file defines. Raises DefinitionError with every problem of the file."""
    _, found = read_settings_file(path, text, _Notices, "notices", "This does not define notices.", _REMEDIES)
    return NoticePolicy(tuple(map(parse_receiver, found.notify)), found.many_partners, found.silent_hours)


_REMEDIES = {
    "notify": REMEDY,
    "many_partners": "Write a whole number, 1 or more.",
    "silent_hours": "Write a whole number of hours, from 1 to 168.",
}
