"""Missed hours: what no run has evaluated in time, and what each workflow wants done about it.

Hours are missed when no run took place (an outage), and when a workflow was held or broken. They are evaluated as of
their own instant, on the facts of now, so that a transition at an hour that was missed still finds its "is Today" and
its "14 Days Ago". Besides, every local day ends with an instant that no hour sees: a transition at 23:30 is "Today" for
half an hour. So the first run of a new day evaluates the last instant of the day before, too; that is due, not missed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from compiler import MissedHours, Workflow
from flows.ledger.catch_up import INSTANT, not_over_since
from flows.ledger.ledger import Ledger

HOUR = timedelta(hours=1)
"""Between two runs."""


@dataclass(frozen=True)
class Missed:
    """What a run has to see to before its own hour.

    `instants` are those to evaluate (UTC, in their order), each with the ids of the workflows that want it. `held` says
    of workflows (by id) why they wait for a person, `skipped` which hours of a workflow nobody will evaluate.
    """

    instants: Mapping[datetime, frozenset[str]] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)

    def without(self, workflows: Iterable[str]) -> "Missed":
        """The same but for these workflows."""
        gone = set(workflows)
        left = {instant: ids - gone for instant, ids in self.instants.items()}
        return Missed({instant: ids for instant, ids in left.items() if ids}, self.held, self.skipped)


def missed(
    ledger: Ledger,
    workflows: Iterable[Workflow],
    zones: Mapping[str, str],
    as_of: datetime,
    instead: MissedHours | None = None,
) -> Missed:
    """What these active workflows have missed before `as_of` (UTC). `zones` are the programs' time zones.

    `instead` stands, for this once, in the place of what each workflow says in its `missed_hours`.
    """
    known = {one.id: one for one in workflows if one.program in zones}
    programs = {one.id: one.program for one in known.values()}
    instants: dict[datetime, set[str]] = {}
    held, skipped = {}, {}
    for name, since in not_over_since(ledger, programs, as_of.replace(tzinfo=None)).items():
        policy = instead or known[name].missed_hours
        begin = since.replace(tzinfo=UTC)
        late = policy.policy == "send"
        reach = max(begin, as_of - timedelta(days=policy.days)) if late else as_of - HOUR + INSTANT
        first = _first_hour(begin, as_of)
        if first is not None and policy.policy == "hold":
            held[name] = _waits(first, as_of)
            continue
        if first is not None and first < reach:
            skipped[name] = _skips(first, _first_hour(reach, as_of), as_of, policy)
        for instant in due(ZoneInfo(zones[known[name].program]), max(begin, reach), as_of):
            instants.setdefault(instant, set()).add(name)
    return Missed({instant: frozenset(instants[instant]) for instant in sorted(instants)}, held, skipped)


def due(zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """The instants from `begin` to before `end` (UTC) that are to be evaluated: whole hours before `end`, ends of days.

    >>> night = datetime(2026, 3, 21, 3, 30, tzinfo=UTC)
    >>> found = due(ZoneInfo("America/New_York"), night, datetime(2026, 3, 21, 6, tzinfo=UTC))
    >>> print(*(f"{one:%H:%M:%S}" for one in found))
    03:59:59 04:00:00 05:00:00
    """
    hours, hour = [], end - HOUR
    while hour >= begin:
        hours.append(hour)
        hour -= HOUR
    return sorted([*hours, *day_ends(zone, begin, end)])


def day_ends(zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """The last instant of each local day, from `begin` to before `end` (UTC); a date that a zone leaves out has none.

    >>> apia = day_ends(ZoneInfo("Pacific/Apia"), datetime(2011, 12, 30, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC))
    >>> print(*(f"{one.astimezone(ZoneInfo('Pacific/Apia')):%Y-%m-%d}" for one in apia))
    2011-12-29 2011-12-31
    """
    days = range((end.astimezone(zone).date() - begin.astimezone(zone).date()).days + 2)
    midnights = (begin.astimezone(zone).date() + timedelta(days=number) for number in days)
    ends = {datetime.combine(day, time(), zone).astimezone(UTC) - INSTANT for day in midnights}
    return sorted(one for one in ends if begin <= one < end)


def _first_hour(begin: datetime, end: datetime) -> datetime | None:
    """The first of the whole hours before `end` that is not before `begin`; None when there is none."""
    hours = (end - begin) // HOUR
    return end - hours * HOUR if hours > 0 else None


def _waits(first: datetime, as_of: datetime) -> str:
    return (
        f"The hours from {_hour(first)} to {_hour(as_of - HOUR)} UTC were missed, and `missed_hours: hold` waits for a "
        'person. `partnerflow plan --missed "send up to 3 days late"` shows whom they would bring; `partnerflow run` '
        "with the same, or with `--missed skip`, decides."
    )


def _skips(first: datetime, kept: datetime | None, as_of: datetime, policy: MissedHours) -> str:
    last = (kept or as_of) - HOUR
    return f"The hours from {_hour(first)} to {_hour(last)} UTC were missed, and are skipped (missed_hours: {policy})"


def _hour(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"
