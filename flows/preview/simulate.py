"""Simulate past days with a ledger of their own, or future days as far as they are known, with the SQL of a run.

The contact policy decides, hour by hour, by the function that decides in a run, and holdouts by the ledger's key.
Nothing is built, sent or kept:
everything happens in temporary tables of a session that only reads. Simulated emails move partners from New to Outreach
as real ones do (flows/preview/replay.py).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Literal
from zoneinfo import ZoneInfo

from compiler import Compiler, ContactPolicy, PartnerflowError, Workflow
from flows.preview.compiled_models import read_compiled_models
from flows.preview.holdouts import read_holdouts
from flows.preview.hours import local_hours, open_facts, require_days
from flows.preview.replay import LimitBreach, Replay, Send
from flows.preview.simulated_ledger import DeferredEmail, HeldOut
from flows.settings import Settings
from flows.warehouse.programs import read_programs

MOST: Mapping[str, tuple[Literal["partner", "address"], int]] = {
    "most_per_partner_per_hour": ("partner", 1),
    "most_per_partner_per_day": ("partner", 24),
    "most_per_address_per_hour": ("address", 1),
    "most_per_address_per_day": ("address", 24),
}
"""What a simulation counts the most emails of: per whom, and in how many evaluation hours."""

_NONE = timedelta()

ENDS = ("deferred", "disqualified", "given_up", "waiting")


@dataclass(frozen=True)
class Simulation:
    """What would have happened from the local date `first` to `last`, both inclusive.

    `sends` has one item per contact and hour at which its emails leave, and per accepted application, ordered by hour.
    `held_out` has the new members that are in the holdout of their workflow, which never writes to them.
    `limit_breaches` has the hours at which a segment is over the limit. `held` has the workflows that were not
    simulated, with the reason. `deferred` has the emails that the contact policy made wait, ordered by hour. `most` has
    the numbers of MOST. Times are UTC.
    """

    first: date
    last: date
    workflows: tuple[str, ...]
    sends: tuple[Send, ...]
    limit_breaches: tuple[LimitBreach, ...]
    held: Mapping[str, str] = field(default_factory=dict)
    deferred: tuple[DeferredEmail, ...] = ()
    most: Mapping[str, int] = field(default_factory=dict)
    held_out: tuple[HeldOut, ...] = ()

    @property
    def hours(self) -> dict[datetime, int]:
        """Return the number of emails of each hour that has any."""
        counted: Counter[datetime] = Counter()
        for send in self.sends:
            counted[send.as_of] += send.emails
        return {as_of: emails for as_of, emails in sorted(counted.items()) if emails}

    @property
    def ends(self) -> Counter[str]:
        """Return the number of emails that had to wait, and how many of them ended otherwise than by leaving."""
        return _ends(self.deferred)

    @property
    def longest_wait(self) -> timedelta:
        """Return the longest time after which an email left."""
        return max(
            (one.ended - one.as_of for one in self.deferred if one.outcome == "sent" and one.ended), default=_NONE
        )

    def summary(self) -> dict[str, int]:
        """Return what a policy is compared by: emails, the most to one partner or address, and what waited."""
        counts = {"emails": sum(self.hours.values()), **self.most, **{name: self.ends[name] for name in ENDS}}
        return counts | {"longest_wait_hours": round(self.longest_wait / timedelta(hours=1))}

    @property
    def several(self) -> dict[tuple[str, str], list[Send]]:
        """Return the contacts of partners that more than one workflow contacts, by program and partner."""
        ordered = sorted(self.sends, key=lambda one: (one.program_id, one.partner_id, one.as_of, one.workflow_id))
        groups = groupby(ordered, key=lambda one: (one.program_id, one.partner_id))
        found = {partner: list(sends) for partner, sends in groups}
        return {partner: sends for partner, sends in found.items() if len({one.workflow_id for one in sends}) > 1}

    def of(self, workflow_id: str) -> list[Send]:
        """What one workflow does."""
        return [send for send in self.sends if send.workflow_id == workflow_id]

    def as_json(self) -> dict[str, Any]:
        """The simulation as the command line answers with it.

        It has `deferred` only if an email had to wait, `held_out` only if anybody is in a holdout, and `held` only if a
        workflow was not simulated.
        """
        held_out = [one._asdict() | {"as_of": _iso(one.as_of)} for one in self.held_out]
        deferred = {"deferred": [one.as_json() for one in self.deferred]} if self.deferred else {}
        held = [{"workflow_id": name, "detail": reason} for name, reason in self.held.items()]
        return {
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "workflows": [self._workflow(name) for name in self.workflows],
            "hours": self._hours(),
            "several": [
                {
                    "program_id": program,
                    "partner_id": partner,
                    "sends": [{"workflow_id": one.workflow_id, "as_of": _iso(one.as_of)} for one in sends],
                }
                for (program, partner), sends in self.several.items()
            ],
            "sends": [one.as_json() for one in self.sends],
            **deferred,
            **({"held_out": held_out} if held_out else {}),
            **({"held": held} if held else {}),
        }

    def _hours(self) -> list[dict[str, Any]]:
        """Return the emails of each hour, and how many began to wait, were dropped or given up in it."""
        counted: dict[datetime, Counter[str]] = defaultdict(Counter)
        for as_of, emails in self.hours.items():
            counted[as_of]["emails"] = emails
        for one in self.deferred:
            counted[one.as_of]["deferred"] += 1
            if one.ended and one.outcome != "sent":
                counted[one.ended][one.outcome] += 1
        names = ("emails", "deferred", "disqualified", "given_up")
        return [{"as_of": _iso(at)} | {name: counts[name] for name in names} for at, counts in sorted(counted.items())]

    def _workflow(self, workflow_id: str) -> dict[str, Any]:
        sends = self.of(workflow_id)
        breaches = [one.as_json() for one in self.limit_breaches if one.workflow_id == workflow_id]
        partners = {(one.as_of, one.program_id, one.partner_id) for one in sends}
        busiest = Counter(as_of for as_of, *_ in sorted(partners)).most_common(1)
        ends = _ends(one for one in self.deferred if one.workflow_id == workflow_id)
        held_out = sum(one.workflow_id == workflow_id for one in self.held_out)
        return {
            "workflow_id": workflow_id,
            "partners": len({(one.program_id, one.partner_id) for one in sends}),
            "emails": sum(one.emails for one in sends),
            **({"held_out": held_out} if held_out else {}),
            **{name: ends[name] for name in ENDS},
            "first": _iso(sends[0].as_of) if sends else None,
            "last": _iso(sends[-1].as_of) if sends else None,
            "busiest": {"as_of": _iso(busiest[0][0]), "partners": busiest[0][1]} if busiest else None,
            "over_limit": breaches,
        }


def simulate(
    settings: Settings,
    workflows: Sequence[Workflow],
    compiler: Compiler,
    first: date,
    last: date,
    policy: ContactPolicy | None = None,
) -> Simulation:
    """Replay the local days `first` to `last` of each program for workflows of any status.

    Reads the facts as last built and the ledger as last mirrored. What these workflows really did from `first` on is
    left out; what other workflows did stays. Their emails that waited on the first day, or still wait, take part.
    Without a `policy`, only the send windows of the workflows make emails wait. Workflows of a program without a valid
    time zone are not simulated. Raises PartnerflowError when the facts have not been built, no workflow remains, or the
    dates are not a valid range.
    """
    require_days(first, last)
    with open_facts(settings) as connection:
        models = read_compiled_models(settings, connection)
        reasons = read_programs(connection).unusable
        held = {one.id: reasons[one.program] for one in workflows if one.program in reasons}
        usable = [one for one in workflows if one.id not in held]
        if held and not usable:
            raise PartnerflowError("\n".join(dict.fromkeys(held.values())))
        policy, holdouts = policy or ContactPolicy(), read_holdouts(settings, usable)
        replay = Replay(connection, usable, compiler, models, settings.zone, policy=policy, holdouts=holdouts)
        return replace(replayed(replay, first, last), held=held)


def replayed(replay: Replay, first: date, last: date) -> Simulation:
    """Return the simulation of these days."""
    hours = [
        hour
        for program, zone in replay.programs()
        for hour in local_hours(program, ZoneInfo(zone), first, last, replay.zone)
    ]
    replay.run(hours)
    names = tuple(sorted(one.id for one in replay.workflows))
    most = {name: replay.most_emails(per, number) for name, (per, number) in MOST.items()}
    return Simulation(
        first, last, names, tuple(replay.sends()), tuple(replay.limit_breaches), {}, tuple(replay.deferred()), most,
        tuple(replay.held_out()),
    )  # fmt: skip


def _ends(deferred: Iterable[DeferredEmail]) -> Counter[str]:
    counted = Counter[str](one.outcome for one in deferred)
    return counted + Counter(deferred=counted.total())


def _iso(as_of: datetime) -> str:
    return as_of.isoformat().replace("+00:00", "Z")
