"""The outlook of workflows: whom they will contact in the days after an hour, if nothing else happens.

Only dates and known transitions change membership by then, so the hour, and the first hour and the end of each day
after it, are enough.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from compiler import Compiler, Workflow
from flows.ledger.holdout import Holdouts
from flows.preview.compiled_models import CompiledModels
from flows.preview.hours import local_hours
from flows.preview.replay import LimitBreach, Replay, Send
from flows.warehouse.connection import Connection
from flows.warehouse.evaluations import Hour


@dataclass(frozen=True)
class Outlook:
    """The contacts of workflows at an hour (UTC) and later, and the hours at which a segment is over the limit."""

    as_of: datetime
    sends: tuple[Send, ...] = ()
    limit_breaches: tuple[LimitBreach, ...] = ()

    def now(self) -> dict[str, int]:
        """Return the number of partners that each workflow will contact at the hour, by id."""
        return self._counts([one for one in self.sends if one.as_of <= self.as_of])

    def later(self) -> dict[str, int]:
        """Return the number of partners that each workflow will contact after the hour, by id."""
        return self._counts([one for one in self.sends if one.as_of > self.as_of])

    def _counts(self, sends: Sequence[Send]) -> dict[str, int]:
        partners = {(one.workflow_id, one.program_id, one.partner_id) for one in sends}
        return dict(sorted(Counter(workflow_id for workflow_id, *_ in partners).items()))


def look_ahead(
    connection: Connection,
    models: CompiledModels,
    workflows: Sequence[Workflow],
    compiler: Compiler,
    as_of: datetime,
    days: int,
    deployment: ZoneInfo,
    holdouts: Holdouts,
) -> Outlook:
    """Return the outlook of these workflows over an hour (UTC) and the days after it, from facts open for reading.

    New members that are in a holdout are left out.
    """
    replay = Replay(connection, workflows, compiler, models, deployment, holdouts=holdouts)
    hours = [
        hour for program, zone in replay.programs() for hour in _hours(program, ZoneInfo(zone), as_of, days, deployment)
    ]
    replay.run(hours)
    return Outlook(as_of, tuple(replay.sends()), tuple(replay.limit_breaches))


def _hours(program: str, zone: ZoneInfo, as_of: datetime, days: int, deployment: ZoneInfo) -> list[Hour]:
    """Return the hour itself, and the first hour and the end of each local day that come after it."""
    last = as_of.astimezone(zone).date() + timedelta(days=days)
    hours = local_hours(program, zone, as_of.astimezone(zone).date(), last, deployment)
    firsts = {hour.local_date: hour for hour in reversed(hours)}.values()
    ends = {hour.local_date: hour for hour in hours}.values()
    own = Hour(program, as_of, as_of.astimezone(zone).date())
    found = {one for one in (own, *firsts, *ends) if one.as_of >= as_of}
    return sorted(found, key=lambda one: one.as_of)
