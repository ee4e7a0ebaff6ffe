"""Simulate: past days again, on the same SQL with a ledger of their own; or days to come, as far as they are known.

Nothing is built, sent or kept: all of it happens in a transaction that is rolled back. Our own simulated emails move
New to Outreach as real ones do (flows/preview/replay.py).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from compiler import Compiler, PartnerflowError, Workflow
from flows.preview.hours import local_hours, require_days
from flows.preview.replay import LimitBreach, Replay, Send
from flows.preview.stage_models import read_stage_models
from flows.settings import Settings
from flows.warehouse.connection import has_table, open_warehouse, transaction


@dataclass(frozen=True)
class Simulation:
    """What would have happened from the local date `first` to `last`, both inclusive.

    `sends` are in the order of the hours, one a workflow and partner; `tripped` the hours at which a segment had more
    addresses than the limit allows. Times are UTC.
    """

    first: date
    last: date
    workflows: tuple[str, ...]
    sends: tuple[Send, ...]
    limit_breaches: tuple[LimitBreach, ...]

    @property
    def hours(self) -> dict[datetime, int]:
        """How many emails leave at each hour that has any."""
        counted: Counter[datetime] = Counter()
        for send in self.sends:
            counted[send.as_of] += send.emails
        return {as_of: emails for as_of, emails in sorted(counted.items()) if emails}

    @property
    def several(self) -> dict[tuple[str, str], list[Send]]:
        """The partners that more than one workflow contacts, by program and partner."""
        ordered = sorted(self.sends, key=lambda one: (one.program_id, one.partner_id, one.as_of, one.workflow_id))
        groups = groupby(ordered, key=lambda one: (one.program_id, one.partner_id))
        found = {partner: list(sends) for partner, sends in groups}
        return {partner: sends for partner, sends in found.items() if len(sends) > 1}

    def of(self, workflow_id: str) -> list[Send]:
        """What one workflow does."""
        return [send for send in self.sends if send.workflow_id == workflow_id]

    def as_json(self) -> dict[str, Any]:
        """The simulation as the command line answers with it."""
        return {
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "workflows": [self._workflow(name) for name in self.workflows],
            "hours": [{"as_of": _iso(as_of), "emails": emails} for as_of, emails in self.hours.items()],
            "several": [
                {
                    "program_id": program,
                    "partner_id": partner,
                    "sends": [{"workflow_id": one.workflow_id, "as_of": _iso(one.as_of)} for one in sends],
                }
                for (program, partner), sends in self.several.items()
            ],
            "sends": [one.as_json() for one in self.sends],
        }

    def _workflow(self, workflow_id: str) -> dict[str, Any]:
        sends = self.of(workflow_id)
        tripped = [one.as_json() for one in self.limit_breaches if one.workflow_id == workflow_id]
        busiest = Counter(one.as_of for one in sends).most_common(1)
        return {
            "workflow_id": workflow_id,
            "partners": len(sends),
            "emails": sum(one.emails for one in sends),
            "first": _iso(sends[0].as_of) if sends else None,
            "last": _iso(sends[-1].as_of) if sends else None,
            "busiest": {"as_of": _iso(busiest[0][0]), "partners": busiest[0][1]} if busiest else None,
            "over_limit": tripped,
        }


def simulate(
    settings: Settings, workflows: Sequence[Workflow], compiler: Compiler, first: date, last: date
) -> Simulation:
    """Replay the local days `first` to `last` of each program for workflows of any status.

    From the facts as last built and the ledger as last mirrored: what these workflows really did from `first` on is
    left out, what others did stays. Raises PartnerflowError when no facts have been built yet or the days are none.
    """
    require_days(first, last)
    with open_warehouse(settings.warehouse) as connection:
        if not has_table(connection, "segments", "partners_as_of"):
            raise PartnerflowError("No facts have been built yet. Run `partnerflow plan` once; it builds them.")
        with transaction(connection, keep=False):
            replay = Replay(connection, workflows, compiler, read_stage_models(settings))
            return replayed(replay, first, last)


def replayed(replay: Replay, first: date, last: date) -> Simulation:
    """The simulation of some days; to be called in a transaction that is rolled back."""
    hours = [hour for program, zone in replay.programs() for hour in local_hours(program, ZoneInfo(zone), first, last)]
    replay.run(hours)
    names = tuple(sorted(one.id for one in replay.workflows))
    return Simulation(first, last, names, tuple(replay.sends()), tuple(replay.limit_breaches))


def _iso(as_of: datetime) -> str:
    return as_of.isoformat().replace("+00:00", "Z")
