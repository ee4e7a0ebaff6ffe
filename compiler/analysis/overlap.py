"""Overlap: which workflows can reach one partner in one hour, and which never, from their definitions alone.

By reasoning over stages, days and totals, not by trying: "never" holds for every account, and whatever can happen is
shown by a witness, a partner whom the compiled SQL puts where it is said to be.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Literal

from compiler.analysis.constraints import Demand, demand, merge, opposites
from compiler.analysis.example import Witness
from compiler.analysis.satisfiability import is_possible, witness
from compiler.segment_tree import DaysAgo, Workflow
from compiler.sql.single_statement import Compiler

Relation = Literal["same", "inside", "contains", "overlap", "undecided"]

Chance = Literal["never", "refunds", "can"]
"""`refunds`: only where a day's revenue is negative."""


class _Segment:
    """A workflow as what it demands."""

    def __init__(self, workflow: Workflow, compiler: Compiler, on: date):
        self.id, self.program, self.on = workflow.id, workflow.program, on
        self.demand = demand(workflow, compiler.conditions)
        self.opposites = opposites(workflow, compiler.conditions)
        self.days = _days(self.demand)
        self.number: int | None = None
        self.has_revenue = any(label == "Revenue" for _, label, _ in self.demand.totals)
        self.is_empty = self.with_(Demand(self.demand.stages)) == "never"

    def with_(self, also: Demand) -> Chance:
        """Whether there is a partner of this segment who meets another demand too."""
        if self.demand.stages.isdisjoint(also.stages) or _are_apart(self.days, _days(also)):
            return "never"
        merged = merge(self.demand, also)
        if is_possible(merged, self.on):
            return "can"
        refunded = self.has_revenue and is_possible(merged, self.on, signed=True)
        return "refunds" if refunded else "never"

    def outside(self, other: "_Segment") -> Chance:
        """Whether there is a partner of this segment who is not in the other."""
        found: Chance = "never"
        for opposite in other.opposites:
            chance = self.with_(opposite)
            if chance == "can":
                return chance
            found = chance if chance != "never" else found
        return found

    def witness(self, *alternatives: Demand) -> Witness | None:
        """A partner of this segment who meets one of the demands; with negative revenue only where it must be."""
        for signed in (False, True):
            for also in alternatives:
                found = witness(merge(self.demand, also), self.on, signed)
                if found:
                    return found
        return None


@dataclass(frozen=True)
class Overlap:
    """Two workflows of one program that can reach one partner in one hour.

    `relation` is what the first is to the second: the same segment, inside it, containing it, or neither. `unless` says
    what would have to be for `relation` not to hold. Undecided: `unless` names the conditions that nothing is known of.
    """

    one: _Segment
    other: _Segment
    relation: Relation
    unless: str | None = None

    @property
    def workflows(self) -> tuple[str, str]:
        """The ids of the first and the second."""
        return self.one.id, self.other.id

    @property
    def both(self) -> Witness | None:
        """A partner in both; None while undecided."""
        return self.one.witness(self.other.demand) if self.relation != "undecided" else None

    @property
    def first_only(self) -> Witness | None:
        """A partner in the first and not in the second; None where there is none."""
        return self.one.witness(*self.other.opposites) if self.relation != "undecided" else None

    @property
    def second_only(self) -> Witness | None:
        """A partner in the second and not in the first; None where there is none."""
        return self.other.witness(*self.one.opposites) if self.relation != "undecided" else None

    def as_json(self) -> dict:
        """The two with their witnesses."""
        witnesses = {"both": self.both, "first_only": self.first_only, "second_only": self.second_only}
        shown = {name: one and one.as_json() for name, one in witnesses.items()}
        return {"workflows": list(self.workflows), "relation": self.relation, "unless": self.unless, **shown}


@dataclass(frozen=True)
class Overlaps:
    """What is found of a program's workflows: the pairs that can meet, how many never do, and who matches nobody."""

    pairs: tuple[Overlap, ...]
    never: int
    nobody: tuple[str, ...]


NEGATIVE = "a day's revenue is negative"


def overlaps(workflows: Iterable[Workflow], compiler: Compiler, on: date, only: str | None = None) -> Overlaps:
    """Every two workflows of one program that can reach one partner in one hour, sorted by their ids.

    `on` is the local date that witnesses live on, where no segment names dates. With `only`, the pairs of that
    workflow.
    """
    segments = [_Segment(one, compiler, on) for one in sorted(workflows, key=lambda one: one.id)]
    nobody = tuple(one.id for one in segments if one.is_empty and only in (None, one.id))
    compared = _comparison()
    pairs = [
        compared(first, second)
        for first, second in combinations([one for one in segments if not one.is_empty], 2)
        if first.program == second.program and only in (None, first.id, second.id)
    ]
    found = tuple(one for one in pairs if one is not None)
    return Overlaps(found, len(pairs) - len(found), nobody)


def _comparison() -> Callable[[_Segment, _Segment], Overlap | None]:
    """Compares two segments, and two that ask the same as two before at once."""
    numbers: dict[tuple, int] = {}
    known: dict[tuple[int, int], tuple[Relation, str | None] | None] = {}

    def number(one: _Segment) -> int:
        if one.number is None:
            one.number = numbers.setdefault((one.demand, one.demand.unknown), len(numbers))
        return one.number

    def compared(one: _Segment, other: _Segment) -> Overlap | None:
        key = number(one), number(other)
        if key not in known:
            known[key] = _verdict(one, other)
        return Overlap(one, other, *known[key]) if known[key] else None

    return compared


def _verdict(one: _Segment, other: _Segment) -> tuple[Relation, str | None] | None:
    if one.with_(other.demand) == "never":
        return None
    unknown = one.demand.unknown + other.demand.unknown
    if unknown:
        return "undecided", "; ".join(unknown)
    outside = one.outside(other), other.outside(one)
    ordinary = _relation(*[chance == "can" for chance in outside])
    always = _relation(*[chance != "never" for chance in outside])
    return ordinary, NEGATIVE if ordinary != always else None


def _relation(first_only: bool, second_only: bool) -> Relation:
    if first_only:
        return "overlap" if second_only else "contains"
    return "inside" if second_only else "same"


def _days(found: Demand) -> tuple[int, float] | None:
    """The days since the last transition, where they are the same on every date."""
    if len(found.since) == 1 and isinstance(found.since[0].window, DaysAgo):
        return found.since[0].on(date.min)
    return None


def _are_apart(days: tuple[int, float] | None, others: tuple[int, float] | None) -> bool:
    """Whether the days alone keep two demands apart: most pairs, at once."""
    return days is not None and others is not None and (days[0] > others[1] or others[0] > days[1])
