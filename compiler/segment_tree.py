"""What a partner manager means: small frozen records, before any SQL.

Every record prints as the canonical sentence of the help page's words. A leaf: imports nothing of this package.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

SELECT_ALL = "Select All"
NO_STAGE = "None"
AWAITING_APPROVAL = "Awaiting Advertiser Approval"
"""The Contract Stage of an application that waits to be accepted."""


@dataclass(frozen=True)
class DaysAgo:
    """Calendar days before the local date of the hour, both ends inclusive: `first` <= `last`, 0 = that date itself.

    >>> print(DaysAgo(0, 0), DaysAgo(1, 1), DaysAgo(14, 14), DaysAgo(1, 30), sep=" | ")
    is Today | is Yesterday | is 14 Days Ago | interval between 1 and 30 Days Ago
    """

    first: int
    last: int

    def __str__(self) -> str:
        if self.first != self.last:
            return f"interval between {self.first} and {self.last} Days Ago"
        return {0: "is Today", 1: "is Yesterday"}.get(self.first, f"is {self.first} Days Ago")


@dataclass(frozen=True)
class LastDays:
    """`is Last N Days`: the days 1 to N ago, or 0 to N where the project says that today counts.

    >>> print(LastDays(30), LastDays(30).days_ago(), LastDays(30).days_ago(include_today=True), sep=" | ")
    is Last 30 Days | interval between 1 and 30 Days Ago | interval between 0 and 30 Days Ago
    """

    days: int

    def days_ago(self, include_today: bool = False) -> DaysAgo:
        """The same window as days ago (semantics, "Dates": 1 to N, as in "between 1 and 30 days after joining")."""
        return DaysAgo(0 if include_today else 1, self.days)

    def __str__(self) -> str:
        return f"is Last {self.days} Days"


@dataclass(frozen=True)
class DateRange:
    """Calendar dates, both ends inclusive.

    >>> print(DateRange(date(2024, 10, 1), date(2024, 10, 7)))
    between Oct 1 2024 and Oct 7 2024
    """

    first: date
    last: date

    def __str__(self) -> str:
        return f"between {_page_date(self.first)} and {_page_date(self.last)}"


Window = DaysAgo | LastDays | DateRange


@dataclass(frozen=True)
class AnyOf:
    """The field is one of the values.

    >>> print(AnyOf("Partner Name", ("Acme", 'Smith, "the" Sons')))
    Partner Name is any of Acme, "Smith, ""the"" Sons"
    """

    label: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.label} is any of {', '.join(_quoted(value) for value in self.values)}"


@dataclass(frozen=True)
class Contains:
    """The field has the text somewhere in it, in any letter case; no wildcards."""

    label: str
    text: str

    def __str__(self) -> str:
        return f"{self.label} contains {_quoted(self.text, always=True)}"


@dataclass(frozen=True)
class Compare:
    """The measure is strictly greater or less than the value.

    >>> print(Compare("Revenue", "greater than", Decimal("999.50")))
    Revenue greater than 999.50
    """

    label: str
    operator: Literal["greater than", "less than"]
    value: Decimal

    def __str__(self) -> str:
        return f"{self.label} {self.operator} {self.value:f}"


@dataclass(frozen=True)
class DateWithin:
    """The date of the field lies in the window; for Performance Date Range, the measures are summed over it."""

    label: str
    window: Window

    def __str__(self) -> str:
        return f"{self.label} {self.window}"


Condition = AnyOf | Contains | Compare | DateWithin


@dataclass(frozen=True)
class SendEmail:
    """The action of an email workflow: send this message (a folder of workflows/messages/)."""

    message: str

    def __str__(self) -> str:
        return "email"


@dataclass(frozen=True)
class AcceptApplication:
    """The action of an application workflow: accept the applications that wait for the advertiser's approval."""

    def __str__(self) -> str:
        return "accept application"


@dataclass(frozen=True)
class MissedHours:
    """What becomes of hours that no run evaluated, or at which the workflow was held or broken.

    `send`: they are evaluated late, those of the last `days` times 24 hours before the run; `skip`: never; `hold`: the
    workflow waits until a person has said which.

    >>> print(MissedHours(), MissedHours("send", 1), MissedHours("skip", 0), sep=" | ")
    send up to 3 days late | send up to 1 day late | skip
    """

    policy: Literal["send", "skip", "hold"] = "send"
    days: int = 3

    def __str__(self) -> str:
        days = "1 day" if self.days == 1 else f"{self.days} days"
        return f"send up to {days} late" if self.policy == "send" else self.policy


@dataclass(frozen=True)
class Workflow:
    """One workflow: who should hear from it (all conditions must hold), and what is done.

    `id` never changes; it is half of the key that makes "once" true. `recipients` is primary (one contact a partner) or
    all. `owner` is who answers for it, a name, an address or both ("Ann Lee <ann@example.com>"), or nobody.
    """

    id: str
    name: str
    description: str
    program: str
    status: Literal["draft", "active", "paused"]
    segment: tuple[Condition, ...]
    action: SendEmail | AcceptApplication
    recipients: Literal["primary", "all"] = "primary"
    owner: str = ""
    missed_hours: MissedHours = MissedHours()


def _page_date(day: date) -> str:
    return f"{day:%b} {day.day} {day.year}"


def _quoted(value: str, always: bool = False) -> str:
    plain = value == value.strip() and value and not set(value) & set(',"[]')
    return value if plain and not always else '"' + value.replace('"', '""') + '"'
