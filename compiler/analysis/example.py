"""An example partner: the facts of one partner at one hour that show that a result of the analysis can occur.

Imports nothing of this project.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Activity:
    """A partner's clicks and actions on one local date; `revenue` is in the program's currency, all from `actions`."""

    day: date
    clicks: int = 0
    actions: int = 0
    revenue: Decimal = Decimal(0)


@dataclass(frozen=True)
class Contract:
    """A contract that exists before all activity; `stage` is its contract stage."""

    id: str
    stage: str
    term: str | None = None


@dataclass(frozen=True)
class ExamplePartner:
    """A partner at an hour of the local date `as_of_date`.

    `stage` is its relationship stage and `stage_since` the local date of the transition to it (None for the stage
    None). `values` has its id, name and other columns by condition label, where they matter; `groups` its partner
    groups.
    """

    as_of_date: date
    stage: str
    stage_since: date | None
    activity: tuple[Activity, ...] = ()
    contracts: tuple[Contract, ...] = ()
    groups: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the partner as one sentence.

        >>> activity = (Activity(date(2026, 3, 7), clicks=3),)
        >>> print(ExamplePartner(date(2026, 3, 20), "Joined", date(2026, 3, 6), activity))
        on 2026-03-20: Joined since 2026-03-06; 3 clicks on 2026-03-07
        """
        return f"on {self.as_of_date}: {'; '.join(self.parts())}"

    def parts(self) -> list[str]:
        """Return the parts of the sentence: the stage, then one for each day of activity, contract, group and value."""
        parts = [f"{self.stage} since {self.stage_since}" if self.stage_since else self.stage]
        parts += [f"{_counted(one)} on {one.day}" for one in self.activity]
        parts += [f"contract {one.id} {one.stage}{f' under {one.term}' if one.term else ''}" for one in self.contracts]
        parts += [f"in group {name}" for name in self.groups]
        parts += [f"{label} {value}" for label, value in self.values.items()]
        return parts

    def as_json(self) -> dict[str, Any]:
        """Return the partner as JSON values: dates in ISO 8601, decimal numbers as text."""
        return {
            "as_of_date": self.as_of_date.isoformat(),
            "stage": self.stage,
            "stage_since": self.stage_since and self.stage_since.isoformat(),
            "activity": [
                {
                    "day": one.day.isoformat(),
                    "clicks": one.clicks,
                    "actions": one.actions,
                    "revenue": f"{one.revenue:f}",
                }
                for one in self.activity
            ],
            "contracts": [{"id": one.id, "stage": one.stage, "term": one.term} for one in self.contracts],
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
