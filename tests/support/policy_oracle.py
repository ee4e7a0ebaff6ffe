"""The contact policy in plain Python, hour by hour, from docs/contact-policy.md. It shares no code with the flow."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Policy:
    """A policy: `caps` are (emails, "partner" or "address", hours), `window` is (days of the week, first hour, end)."""

    caps: tuple[tuple[int, str, int], ...] = ()
    exempt: frozenset[str] = frozenset()
    priority: tuple[str, ...] = ()
    window: tuple[tuple[int, ...], int, int] | None = None
    max_delay_days: int = 3


class Email(NamedTuple):
    """An email of a workflow to a partner, claimed at an hour."""

    claimed: datetime
    workflow: str
    program: str
    partner: str
    address: str


@dataclass
class PolicyOracle:
    """The emails that wait, with the first hour at which they may leave, and those that left, with their hour.

    `qualifies` says whether an email's partner still qualifies at an hour, `zones` has the zones of programs.
    """

    policy: Policy
    zones: Mapping[str, ZoneInfo]
    qualifies: Callable[[Email, datetime], bool]
    waiting: dict[Email, datetime] = field(default_factory=dict)
    left: list[tuple[Email, datetime]] = field(default_factory=list)
    dropped: list[tuple[Email, datetime]] = field(default_factory=list)
    given_up: list[tuple[Email, datetime]] = field(default_factory=list)

    def run(self, hour: datetime, new: Iterable[Email], programs: Iterable[str]) -> None:
        """Let the emails of these programs leave at an hour, or make them wait."""
        mine = {one: since for one, since in self.waiting.items() if one.program in programs}
        old = [one for one in mine if hour - one.claimed > timedelta(days=self.policy.max_delay_days)]
        due = [one for one, since in mine.items() if since <= hour and one not in old]
        failed = [one for one in due if not self.qualifies(one, hour)]
        for ones, ends in ((old, self.given_up), (failed, self.dropped)):
            for one in ones:
                del self.waiting[one]
                ends.append((one, hour))
        ready = [one for one in due if one not in failed] + list(new)
        for one in sorted(ready, key=lambda one: (self._place(one.workflow), *one)):
            until = self._window_opens(one, hour) or self._cap_allows(one, hour)
            self.waiting.pop(one, None)
            if until is None:
                self.left.append((one, hour))
            else:
                self.waiting[one] = self._window_opens(one, until) or until

    def _place(self, workflow: str) -> int:
        """ "those in `priority` go first, in its order; the others follow, the earliest claim first" """
        return [*self.policy.priority, workflow].index(workflow) if workflow in self.policy.priority else 99

    def _window_opens(self, one: Email, hour: datetime) -> datetime | None:
        if self.policy.window is None or self._is_open(one, hour):
            return None
        return next(at for number in range(400) if self._is_open(one, at := hour + timedelta(hours=number)))

    def _is_open(self, one: Email, hour: datetime) -> bool:
        days, first, last = self.policy.window
        local = hour.astimezone(self.zones[one.program])
        return local.weekday() in days and first <= local.hour < last

    def _cap_allows(self, one: Email, hour: datetime) -> datetime | None:
        """ "No 24 hours in a row have more, wherever they begin." """
        waits = []
        for most, per, hours in self.policy.caps:
            theirs = sorted(at for other, at in self.left if self._counts_for(per, one, other))
            near = [at for at in theirs if abs(hour - at) < timedelta(hours=hours)]
            if len(near) >= most:
                waits.append(near[len(near) - most] + timedelta(hours=hours))
        return max(waits) if waits and one.workflow not in self.policy.exempt else None

    def _counts_for(self, per: str, one: Email, other: Email) -> bool:
        if other.workflow in self.policy.exempt:
            return False
        if per == "address":
            return other.address == one.address
        return (other.program, other.partner) == (one.program, one.partner)
