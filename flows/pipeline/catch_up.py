"""Catch-up: which earlier hours a run has to evaluate first, by what each workflow says about missed hours.

Hours are missed when no run takes place (an outage), and when a workflow is held or has an error. They are evaluated as
of their own instant, on today's data, so that a partner who changed stage in a missed hour still matches "is Today" and
later "14 Days Ago". In addition, the last instant of every local day lies between two runs: a stage change at 23:30 is
"Today" for half an hour only. So the first run of a day also evaluates the end of the day before; that is never missed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from compiler import MissedHours, Workflow
from flows.clock import HOUR, MICROSECOND, end_of_day_instants
from flows.ledger.catch_up import pending_since
from flows.ledger.ledger import Ledger


@dataclass(frozen=True)
class CatchUp:
    """What a run has to evaluate before its own hour.

    `instants` (UTC, sorted) have the ids of the workflows that each is evaluated for. `held` has the reason why a
    workflow waits for a person, `skipped` the text about hours of a workflow that are not evaluated; both by id.
    """

    instants: Mapping[datetime, frozenset[str]] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)

    def without(self, workflows: Iterable[str]) -> "CatchUp":
        """Return the same without these workflows."""
        excluded = set(workflows)
        remaining = {instant: ids - excluded for instant, ids in self.instants.items()}
        return CatchUp({instant: ids for instant, ids in remaining.items() if ids}, self.held, self.skipped)


def find_catch_up(
    ledger: Ledger,
    workflows: Iterable[Workflow],
    zones: Mapping[str, str],
    as_of: datetime,
    override: MissedHours | None = None,
) -> CatchUp:
    """Return what these active workflows have to catch up before `as_of` (UTC). `zones` are the programs' time zones.

    `override` replaces the `missed_hours` of every workflow.
    """
    by_id = {one.id: one for one in workflows if one.program in zones}
    programs = {one.id: one.program for one in by_id.values()}
    instants: dict[datetime, set[str]] = {}
    held, skipped = {}, {}
    for name, since in pending_since(ledger, programs, as_of.replace(tzinfo=None)).items():
        policy = override or by_id[name].missed_hours
        begin = since.replace(tzinfo=UTC)
        sends = policy.policy == "send"
        earliest = max(begin, as_of - timedelta(days=policy.days)) if sends else as_of - HOUR + MICROSECOND
        first = _first_hour(begin, as_of)
        if first is not None and policy.policy == "hold":
            held[name] = _held_text(first, as_of)
            continue
        if first is not None and first < earliest:
            skipped[name] = _skipped_text(first, _first_hour(earliest, as_of), as_of, policy)
        for instant in instants_to_evaluate(ZoneInfo(zones[programs[name]]), max(begin, earliest), as_of):
            instants.setdefault(instant, set()).add(name)
    return CatchUp({instant: frozenset(instants[instant]) for instant in sorted(instants)}, held, skipped)


def instants_to_evaluate(zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """Return what is to be evaluated from `begin` to before `end` (UTC): whole hours before `end`, and ends of days.

    >>> night = datetime(2026, 3, 21, 3, 30, tzinfo=UTC)
    >>> found = instants_to_evaluate(ZoneInfo("America/New_York"), night, datetime(2026, 3, 21, 6, tzinfo=UTC))
    >>> print(*(f"{one:%H:%M:%S}" for one in found))
    03:59:59 04:00:00 05:00:00
    """
    hours, hour = [], end - HOUR
    while hour >= begin:
        hours.append(hour)
        hour -= HOUR
    return sorted([*hours, *end_of_day_instants(zone, begin, end)])


def _first_hour(begin: datetime, end: datetime) -> datetime | None:
    """Return the first whole hour before `end` that is not before `begin`, or None."""
    hours = (end - begin) // HOUR
    return end - hours * HOUR if hours > 0 else None


def _held_text(first: datetime, as_of: datetime) -> str:
    return (
        f"The hours from {_hour(first)} to {_hour(as_of - HOUR)} UTC were missed, and `missed_hours: hold` waits for a "
        'person. `partnerflow plan --catch-up "send up to 3 days late"` shows who would be contacted; to decide, call '
        "`partnerflow run` with the same option or with `--catch-up skip`."
    )


def _skipped_text(first: datetime, kept: datetime | None, as_of: datetime, policy: MissedHours) -> str:
    last = (kept or as_of) - HOUR
    return f"The hours from {_hour(first)} to {_hour(last)} UTC were missed, and are skipped (missed_hours: {policy})"


def _hour(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"
