"""`contact_policy.yml`: what is common to all workflows of a folder.

How many emails one partner or address may get, who goes first, when emails leave, and how long one waits.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from compiler.errors import DefinitionError, PartnerflowError, Problem, did_you_mean
from compiler.language.send_window import PATTERN as SEND_WINDOW
from compiler.language.send_window import REMEDY as SEND_WINDOW_REMEDY
from compiler.language.send_window import parse_send_window
from compiler.language.settings_file import read_settings_file
from compiler.segment_tree import SendWindow
from compiler.yaml_source import Source

FILE = "contact_policy.yml"
"""Its name in a workflows folder."""

CAP = r"^at most (?:1 email|[1-9][0-9]{0,2} emails) per (?:partner|address) per (?:hour|day|(?:[2-9]|[1-9][0-9]) days)$"
CAP_REMEDY = "Write `at most 1 email per partner per day`, or per address, per hour, or per 2 to 99 days."
MAX_DELAY = r"^(?:1 day|(?:[2-9]|[12][0-9]|3[01]) days)$"


@dataclass(frozen=True)
class Cap:
    """The most emails that one partner, or one address, gets in any `hours` evaluation hours, over all workflows.

    >>> print(Cap(1, "partner", 24), Cap(3, "address", 168), sep=" | ")
    at most 1 email per partner per day | at most 3 emails per address per 7 days
    """

    limit: int
    per: Literal["partner", "address"]
    hours: int

    def __str__(self) -> str:
        emails = "1 email" if self.limit == 1 else f"{self.limit} emails"
        period = {1: "hour", 24: "day"}.get(self.hours) or f"{self.hours // 24} days"
        return f"at most {emails} per {self.per} per {period}"


@dataclass(frozen=True)
class ContactPolicy:
    """A contact policy; the default one limits nothing.

    `exempt` workflows are not limited, and their emails do not count. Of the others, those in `priority` go first, in
    its order. `send_window` is that of workflows without one of their own. An email that has waited for more than
    `max_delay_days` times 24 hours is given up.
    """

    caps: tuple[Cap, ...] = ()
    exempt: frozenset[str] = frozenset()
    priority: tuple[str, ...] = ()
    send_window: SendWindow | None = None
    max_delay_days: int = 3

    def rank(self, workflow_id: str) -> int:
        """Return the place of a workflow in the order of priority; those that are not listed share the last one."""
        return self.priority.index(workflow_id) if workflow_id in self.priority else len(self.priority)


class _Policy(BaseModel):
    """How often, and when, partners may be written to."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    caps: list[Annotated[StrictStr, Field(pattern=CAP)]] = Field([], description="At most 1 email per partner per day.")
    exempt: list[StrictStr] = Field([], description="Ids of workflows that no cap limits.")
    priority: list[StrictStr] = Field([], description="Ids of workflows; the first one goes first.")
    send_window: Annotated[StrictStr, Field(pattern=SEND_WINDOW)] | None = Field(None, description="Of all workflows.")
    max_delay: Annotated[StrictStr, Field(pattern=MAX_DELAY)] = Field("3 days", description="1 to 31 days.")


def parse_cap(text: str) -> Cap:
    """Return the cap. Raises PartnerflowError when the text is not a valid one.

    >>> parse_cap("at most 3 emails per address per 7 days")
    Cap(limit=3, per='address', hours=168)
    """
    if not re.fullmatch(CAP, text):
        raise PartnerflowError(f"{text!r} is not a valid cap. {CAP_REMEDY}")
    words = text.split()
    number, unit = (1, words[-1]) if words[-2] == "per" else (int(words[-2]), "day")
    return Cap(int(words[2]), "partner" if words[5] == "partner" else "address", number * (24 if unit == "day" else 1))


def read_contact_policy(path: str, text: str, workflow_ids: frozenset[str]) -> ContactPolicy:
    """Return the policy that a file defines; `workflow_ids` are those of its folder, drafts and broken ones included.

    Raises DefinitionError with every problem of the file.
    """
    what = "This is not a contact policy."
    source, policy = read_settings_file(path, text, _Policy, "contact-policy", what, _REMEDIES)
    problems = [*_unknown(source, "exempt", policy.exempt, workflow_ids)]
    problems += _unknown(source, "priority", policy.priority, workflow_ids)
    window = None
    try:
        window = parse_send_window(policy.send_window) if policy.send_window else None
    except PartnerflowError:
        message = f"{policy.send_window!r} is not a valid value of send_window."
        problems.append(source.problem(("send_window",), "contact-policy", message, SEND_WINDOW_REMEDY))
    if problems:
        raise DefinitionError(problems)
    return ContactPolicy(
        tuple(parse_cap(cap) for cap in policy.caps),
        frozenset(policy.exempt),
        tuple(policy.priority),
        window,
        int(policy.max_delay.split()[0]),
    )


def _unknown(source: Source, key: str, named: list[str], workflow_ids: frozenset[str]) -> list[Problem]:
    return [
        source.problem(
            (key, index), "contact-policy", f"There is no workflow {one}.", did_you_mean(one, workflow_ids) + _IDS
        )
        for index, one in enumerate(named)
        if one not in workflow_ids
    ]


_IDS = "A workflow is named by its id, which is its file name without .yml."
_REMEDIES = {
    "caps": CAP_REMEDY,
    "exempt": f"Write a list. {_IDS}",
    "priority": f"Write a list. {_IDS}",
    "send_window": SEND_WINDOW_REMEDY,
    "max_delay": "Write `1 day` or `2 days` to `31 days`.",
}
