"""Witness: one partner at one hour, told in facts, that shows what an analysis claims. A leaf."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Activity:
    """What a partner did on one local date; revenue in the program's currency, all of it that of `actions`."""

    day: date
    clicks: int = 0
    actions: int = 0
    revenue: Decimal = Decimal(0)


@dataclass(frozen=True)
class Contract:
    """A contract that was there before everything else; `stage` is its contract stage."""

    id: str
    stage: str
    term: str | None = None
    superseded: bool = False


@dataclass(frozen=True)
class Witness:
    """A partner as of an hour of the local date `on`.

    `stage` is its relationship stage and `since` the date of the transition to it, None for the stage None; `values`
    are its id, name and other columns by condition, where they matter; `groups` its partner groups.
    """

    on: date
    stage: str
    since: date | None
    activity: tuple[Activity, ...] = ()
    contracts: tuple[Contract, ...] = ()
    groups: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The partner in a sentence.

        >>> print(Witness(date(2026, 3, 20), "Joined", date(2026, 3, 6), (Activity(date(2026, 3, 7), clicks=3),)))
        on 2026-03-20: Joined since 2026-03-06; 3 clicks on 2026-03-07
        """
        parts = [f"{self.stage} since {self.since}" if self.since else self.stage]
        parts += [f"{_counted(one)} on {one.day}" for one in self.activity]
        parts += [
            f"contract {one.id} {one.stage}{f' under {one.term}' if one.term else ''}"
            f"{', superseded' if one.superseded else ''}"
            for one in self.contracts
        ]
        parts += [f"in group {name}" for name in self.groups]
        parts += [f"{label} {value}" for label, value in self.values.items()]
        return f"on {self.on}: {'; '.join(parts)}"

    def as_json(self) -> dict:
        """The partner with ISO dates and numbers as text where they are decimal."""
        return {
            "on": self.on.isoformat(),
            "stage": self.stage,
            "since": self.since and self.since.isoformat(),
            "activity": [
                {
                    "day": one.day.isoformat(),
                    "clicks": one.clicks,
                    "actions": one.actions,
                    "revenue": f"{one.revenue:f}",
                }
                for one in self.activity
            ],
            "contracts": [
                {"id": one.id, "stage": one.stage, "term": one.term, "superseded": one.superseded}
                for one in self.contracts
            ],
            "groups": list(self.groups),
            "values": dict(self.values),
        }


def _counted(one: Activity) -> str:
    parts = [_number(one.clicks, "click")] if one.clicks else []
    parts += [_number(one.actions, "action")] if one.actions else []
    parts += [f"{one.revenue:f} of revenue"] if one.revenue else []
    return " and ".join(parts) or "nothing"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
