"""Segments as small frozen records: what a definition means, before any SQL.

`str()` of a condition is its canonical sentence, in the words of the help page. Imports nothing else of this package.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

SELECT_ALL = "Select All"
NO_STAGE = "None"
AWAITING_APPROVAL = "Awaiting Advertiser Approval"
"""The Contract Stage of an application that can be accepted."""


@dataclass(frozen=True)
class DaysAgo:
    """A range of days before the local date of the hour, both ends inclusive: `first` <= `last`; 0 is that date.

    Negative numbers are days after that date; a range has none of them, or none but them and 0.

    >>> print(DaysAgo(0, 0), DaysAgo(1, 1), DaysAgo(14, 14), DaysAgo(1, 30), sep=" | ")
    is Today | is Yesterday | is 14 Days Ago | interval between 1 and 30 Days Ago
    >>> print(DaysAgo(-30, -30), DaysAgo(-30, 0), sep=" | ")
    is in 30 Days | interval between 0 and 30 Days From Now
    """

    first: int
    last: int

    @property
    def is_ahead(self) -> bool:
        """Return whether the range has days after the date of the hour."""
        return min(self.first, self.last) < 0

    def __str__(self) -> str:
        if self.is_ahead and self.first == self.last:
            return f"is in {-self.first} Day{'' if self.first == -1 else 's'}"
        if self.is_ahead:
            return f"interval between {-self.last} and {-self.first} Days From Now"
        if self.first != self.last:
            return f"interval between {self.first} and {self.last} Days Ago"
        return {0: "is Today", 1: "is Yesterday"}.get(self.first, f"is {self.first} Days Ago")


@dataclass(frozen=True)
class LastDays:
    """The window `is Last N Days`: 1 to N days ago, or 0 to N if the project setting includes today.

    >>> print(LastDays(30), LastDays(30).days_ago(), LastDays(30).days_ago(include_today=True), sep=" | ")
    is Last 30 Days | interval between 1 and 30 Days Ago | interval between 0 and 30 Days Ago
    """

    days: int

    def days_ago(self, include_today: bool = False) -> DaysAgo:
        """Return the window as days ago (semantics, "Dates": 1 to N, as in "between 1 and 30 days after joining")."""
        return DaysAgo(0 if include_today else 1, self.days)

    def __str__(self) -> str:
        return f"is Last {self.days} Days"


@dataclass(frozen=True)
class DateRange:
    """A range of calendar dates, both ends inclusive.

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
    """A condition that the field is one of the values.

    >>> print(AnyOf("Partner Name", ("Acme", 'Smith, "the" Sons')))
    Partner Name is any of Acme, "Smith, ""the"" Sons"
    """

    label: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.label} is any of {', '.join(_quoted(value) for value in self.values)}"


@dataclass(frozen=True)
class NoneOf:
    """A condition that the field is none of the values. Of groups and contracts, the partner has none of them.

    >>> print(NoneOf("Partner Group", ("Gold", "Silver")))
    Partner Group is none of Gold, Silver
    """

    label: str
    values: tuple[str, ...]

    @property
    def opposite(self) -> AnyOf:
        """Return the condition that holds for exactly the partners for which this one does not."""
        return AnyOf(self.label, self.values)

    def __str__(self) -> str:
        return f"{self.label} is none of {', '.join(_quoted(value) for value in self.values)}"


@dataclass(frozen=True)
class Contains:
    """A condition that the field contains the text, in any letter case and without wildcards."""

    label: str
    text: str

    def __str__(self) -> str:
        return f"{self.label} contains {_quoted(self.text, always=True)}"


@dataclass(frozen=True)
class Compare:
    """A condition that the measure is strictly greater or strictly less than the value, or is 0.

    >>> print(Compare("Revenue", "greater than", Decimal("999.50")), Compare("Clicks", "is", Decimal(0)), sep=" | ")
    Revenue greater than 999.50 | Clicks is 0
    """

    label: str
    operator: Literal["greater than", "less than", "is"]
    value: Decimal

    @property
    def is_upper_bound(self) -> bool:
        """Return whether more activity can end the condition: `less than` and `is 0`."""
        return self.operator != "greater than"

    def __str__(self) -> str:
        return f"{self.label} {self.operator} {self.value:f}"


@dataclass(frozen=True)
class DateWithin:
    """A condition that a date lies in the window. Measures are summed over the window of Performance Date Range."""

    label: str
    window: Window

    def __str__(self) -> str:
        return f"{self.label} {self.window}"


Condition = AnyOf | NoneOf | Contains | Compare | DateWithin


@dataclass(frozen=True)
class SendEmail:
    """The action of an email workflow: send this message, a folder of workflows/messages/."""

    message: str

    def __str__(self) -> str:
        return "email"


@dataclass(frozen=True)
class AcceptApplication:
    """The action of an application workflow: accept the applications that await the advertiser's approval."""

    def __str__(self) -> str:
        return "accept application"


@dataclass(frozen=True)
class MissedHours:
    """The policy for hours that no run evaluated, or at which the workflow was held or broken.

    `send` evaluates those of the last `days` times 24 hours before the run, `skip` evaluates none, and `hold` holds the
    workflow until a person decides.

    >>> print(MissedHours(), MissedHours("send", 1), MissedHours("skip", 0), sep=" | ")
    send up to 3 days late | send up to 1 day late | skip
    """

    policy: Literal["send", "skip", "hold"] = "send"
    days: int = 3

    def __str__(self) -> str:
        days = "1 day" if self.days == 1 else f"{self.days} days"
        return f"send up to {days} late" if self.policy == "send" else self.policy


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class SendWindow:
    """The hours of the week at which emails may leave, in the local time of the workflow's program.

    With `is_of_partner` they are in the local time of the partner, or of the program if that is not known. `days` are
    the days of the week, from 0 (Monday); `start` and `end` are minutes of the day, the end exclusive.

    >>> print(SendWindow(frozenset(range(5)), 9 * 60, 17 * 60), SendWindow(frozenset({0, 3}), 0, 24 * 60), sep=" | ")
    weekdays 09:00-17:00 | Mon, Thu 00:00-24:00
    """

    days: frozenset[int]
    start: int
    end: int
    is_of_partner: bool = False

    def includes(self, local: datetime) -> bool:
        """Return whether emails may leave at this local time."""
        return local.weekday() in self.days and self.start <= 60 * local.hour + local.minute < self.end

    def __str__(self) -> str:
        names = {frozenset(range(7)): "every day", frozenset(range(5)): "weekdays", frozenset({5, 6}): "weekends"}
        days = names.get(self.days) or ", ".join(DAYS[day] for day in sorted(self.days))
        zone = " in the partner's time zone" if self.is_of_partner else ""
        return f"{days} {self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}{zone}"


@dataclass(frozen=True)
class Goal:
    """What a partner is to do after the email of a workflow: more than a number, within some days (1 to 365).

    >>> print(Goal(Compare("Actions", "greater than", Decimal(0)), 14))
    Actions greater than 0 within 14 days
    """

    condition: Compare
    days: int

    def __str__(self) -> str:
        return f"{self.condition} within {self.days} day{'' if self.days == 1 else 's'}"


@dataclass(frozen=True)
class Receiver:
    """One receiver of notices: an address, the owner of the workflow, or a webhook or command by its name.

    >>> print(Receiver("webhook", "team"), Receiver("email", "ann@example.com"), Receiver("owner"), sep=" | ")
    webhook team | ann@example.com | owner
    """

    kind: Literal["owner", "email", "webhook", "command"]
    name: str = ""

    def __str__(self) -> str:
        return {"owner": "owner", "email": self.name}.get(self.kind, f"{self.kind} {self.name}")


@dataclass(frozen=True)
class NamedSegment:
    """The conditions of a file in workflows/segments/."""

    name: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Workflow:
    """One workflow: the partners that it selects (all conditions must hold), and its action.

    `segments` are the named segments that its conditions refer to, at any depth, sorted by name.
    `id` never changes: with the partner id it is the key that prevents a second email. `recipients` is primary (one
    contact per partner) or all. `owner` is the person responsible: a name, an address or both ("Ann Lee
    <ann@example.com>"), or empty. Without a `send_window`, that of the contact policy applies. `holdout` is the
    percentage of new members that it never writes to; None for none. `goal` is what its emails are measured by.
    `notify` are the receivers of its notices; None for those of `notices.yml`.
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
    segments: tuple[NamedSegment, ...] = ()
    send_window: SendWindow | None = None
    holdout: int | None = None
    goal: Goal | None = None
    notify: tuple[Receiver, ...] | None = None

    def inside(self, name: str) -> "Workflow":
        """Return the workflow with the conditions of a named segment as its own."""
        (conditions,) = [one.conditions for one in self.segments if one.name == name]
        return replace(self, segment=conditions)

    def with_named(self) -> list["Workflow"]:
        """Return the workflow, and for each named segment the workflow with its conditions."""
        return [self, *[replace(self, segment=one.conditions) for one in self.segments]]


def _page_date(day: date) -> str:
    return f"{day:%b} {day.day} {day.year}"


_NOT_PLAIN = re.compile(
    r"""[,"“”„‟«»＂\[\]]|['‘’‚‛]$|(?<!-)\b(or|not|except)\b(?!-)|^and\b|\band\b.*\b(is|are|contains|greater|less|between|interval)\b"""
    r"|(?-i:\bAND\b)",
    re.IGNORECASE,
)
"""What makes an unquoted value invalid, or gives it another meaning (compiler/language)."""


def _quoted(value: str, always: bool = False) -> str:
    is_plain = value and value == " ".join(value.split()) and value.isprintable() and not _NOT_PLAIN.search(value)
    return value if is_plain and not always else '"' + value.replace('"', '""') + '"'
