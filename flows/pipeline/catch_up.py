"""Catch-up: which earlier hours a run has to evaluate first, by what each workflow says about missed hours.

Hours are missed when no run takes place (an outage), and when a workflow is held or has an error. They are evaluated as
of their own instant, on today's data, so that a partner who changed stage in a missed hour still matches "is Today" and
later "14 Days Ago". In addition, the last instant of every local day lies between two runs: a stage change at 23:30 is
"Today" for half an hour only. So the first run of a day also evaluates the end of the day before; that is never missed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from compiler import MissedHours, Workflow
from flows.clock import HOUR, MICROSECOND, end_of_day_instants, hours_before
from flows.ledger.catch_up import pending_since
from flows.ledger.ledger import Ledger
from flows.local_time import local_time


@dataclass(frozen=True)
class CatchUp:
    """What a run has to evaluate before its own hour.

    `instants` (UTC, sorted) have the ids of the workflows that each is evaluated for. `held` has the reason why a
    workflow waits for a person, `skipped` the text about hours of a workflow that are not evaluated; both by id.
    `pending_since` is the first instant (UTC) that is to be evaluated for a workflow, and `late_from` the instant (UTC)
    from which on it is also evaluated for partners with late transitions; both by id.
    """

    instants: Mapping[datetime, frozenset[str]] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    pending_since: Mapping[str, datetime] = field(default_factory=dict)
    late_from: Mapping[str, datetime] = field(default_factory=dict)

    def without(self, workflows: Iterable[str]) -> "CatchUp":
        """Return the same without these workflows."""
        excluded = set(workflows)
        remaining = {instant: ids - excluded for instant, ids in self.instants.items()}
        return replace(self, instants={instant: ids for instant, ids in remaining.items() if ids})


def find_catch_up(
    ledger: Ledger,
    workflows: Iterable[Workflow],
    zones: Mapping[str, str],
    as_of: datetime,
    deployment: ZoneInfo,
    override: MissedHours | None = None,
) -> CatchUp:
    """Return what these active workflows have to catch up before `as_of` (UTC). `zones` are the programs' time zones.

    The hours are those of the deployment's zone. `override` replaces the `missed_hours` of every workflow.
    """
    by_id = {one.id: one for one in workflows if one.program in zones}
    programs = {one.id: one.program for one in by_id.values()}
    instants: dict[datetime, set[str]] = {}
    held, skipped = {}, {}
    pending: dict[str, datetime] = {}
    late_from: dict[str, datetime] = {}
    for name, since in pending_since(ledger, programs, as_of.replace(tzinfo=None)).items():
        policy = override or by_id[name].missed_hours
        begin, zone = since.replace(tzinfo=UTC), ZoneInfo(zones[programs[name]])
        pending[name] = begin
        missed = hours_before(deployment, begin, as_of)
        if missed and policy.policy == "hold":
            held[name] = _held_text(missed, zone)
            continue
        sends = policy.policy == "send"
        if sends:
            late_from[name] = as_of - timedelta(days=policy.days)
        earliest = max(begin, as_of - timedelta(days=policy.days) if sends else _since_last_hour(deployment, as_of))
        if skips := [hour for hour in missed if hour < earliest]:
            skipped[name] = _skipped_text(skips, policy, zone)
        ends = end_of_day_instants(zone, earliest, as_of)
        for instant in {*ends, *missed} - {*skips}:
            instants.setdefault(instant, set()).add(name)
    ordered = {instant: frozenset(instants[instant]) for instant in sorted(instants)}
    return CatchUp(ordered, held, skipped, pending, late_from)


def _since_last_hour(deployment: ZoneInfo, as_of: datetime) -> datetime:
    """Return the instant after the hour before `as_of`: the ends of days since then are evaluated in any case."""
    return hours_before(deployment, as_of - 2 * HOUR, as_of)[-1] + MICROSECOND


def _held_text(missed: Sequence[datetime], zone: ZoneInfo) -> str:
    return (
        f"{_hours(missed, zone)} missed, and `missed_hours: hold` waits for a person. "
        '`partnerflow plan --catch-up "send up to 3 days late"` shows who would be contacted; to decide, '
        "call `partnerflow run` with the same option or with `--catch-up skip`."
    )


def _skipped_text(skips: Sequence[datetime], policy: MissedHours, zone: ZoneInfo) -> str:
    return f"{_hours(skips, zone)} missed, and skipped (missed_hours: {policy})"


def _hours(missed: Sequence[datetime], zone: ZoneInfo) -> str:
    """Return the beginning of a sentence about these hours, in a program's zone."""
    first, last = local_time(missed[0], zone), local_time(missed[-1], zone)
    return f"The hour {first} was" if first == last else f"The hours from {first} to {last} were"
