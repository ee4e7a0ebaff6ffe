"""Which workflows can reach the same partner in the same hour, decided from their definitions alone.

The result follows from stages, days and sums, not from samples: "impossible" holds for every account, and what is
possible is shown by an example partner whom the compiled SQL finds in the segments named.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import combinations, product
from typing import Any, Literal

from compiler.analysis.constraints import LIMITS, SegmentConstraints, alternatives_of, conjunction, negations, sizes_of
from compiler.analysis.example import ExamplePartner
from compiler.analysis.satisfiability import example_partner, is_satisfiable
from compiler.segment_tree import DaysAgo, Workflow
from compiler.sql.single_statement import Compiler

Relation = Literal["equal", "subset", "superset", "overlap", "undecided"]

Possibility = Literal["impossible", "only_with_refunds", "possible"]
"""`only_with_refunds`: only where the revenue of a day is negative."""

FixedDays = tuple[int, float]
"""Days since the last transition, first to last, that are the same on every date."""

Comparison = tuple[Relation, str | None]
"""The relation of two segments, and the exception to it."""

NEGATIVE_REVENUE = "a day's revenue is negative"


class _Segment:
    """The constraints of one workflow's segment: alternatives, of which a partner in it meets one."""

    def __init__(self, workflow: Workflow, compiler: Compiler, on: date):
        self.id, self.program, self.on = workflow.id, workflow.program, on
        self.alternatives = tuple(alternatives_of(workflow, compiler.builder))
        self.negations = negations(workflow, compiler.builder)
        self.unsupported = tuple(dict.fromkeys(text for one in self.alternatives for text in one.unsupported))
        self.sizes = [max(sizes) for sizes in zip(*map(sizes_of, (*self.alternatives, *self.negations)), strict=True)]
        self.number: int | None = None
        self._with_days = [(one, _fixed_days(one)) for one in self.alternatives]
        everybody = [SegmentConstraints(one.stages) for one in self.alternatives]
        self.is_unsatisfiable = self.possibility(everybody) == "impossible"

    def possibility(self, others: Iterable[SegmentConstraints]) -> Possibility:
        """Return whether a partner of this segment can satisfy one of some other constraints as well."""
        found: Possibility = "impossible"
        for also in others:
            for mine, days in self._with_days:
                possibility = self._both(mine, days, also)
                if possibility == "possible":
                    return possibility
                found = possibility if possibility != "impossible" else found
        return found

    def _both(self, mine: SegmentConstraints, days: FixedDays | None, also: SegmentConstraints) -> Possibility:
        if mine.stages.isdisjoint(also.stages) or _are_disjoint(days, _fixed_days(also)):
            return "impossible"
        both = conjunction(mine, also)
        if is_satisfiable(both, self.on):
            return "possible"
        has_revenue = any(label == "Revenue" for _, label, _ in mine.totals)
        with_refunds = has_revenue and is_satisfiable(both, self.on, negative_revenue=True)
        return "only_with_refunds" if with_refunds else "impossible"

    def example(self, *alternatives: SegmentConstraints) -> ExamplePartner | None:
        """Return a partner of this segment that satisfies one alternative; without negative revenue if possible."""
        for negative_revenue in (False, True):
            for also, mine in product(alternatives, self.alternatives):
                found = example_partner(conjunction(mine, also), self.on, negative_revenue)
                if found:
                    return found
        return None


@dataclass(frozen=True)
class Overlap:
    """Two workflows of one program that can reach the same partner in the same hour.

    `relation` is that of the first segment to the second: equal, subset, superset, or neither (overlap).
    `except_when` names what makes `relation` untrue. Of an undecided pair it names the conditions that the analysis
    does not support.
    """

    one: _Segment
    other: _Segment
    relation: Relation
    except_when: str | None = None

    @property
    def workflows(self) -> tuple[str, str]:
        """Return the ids of the first and the second workflow."""
        return self.one.id, self.other.id

    @property
    def both(self) -> ExamplePartner | None:
        """Return a partner in both segments; None if undecided."""
        return self.one.example(*self.other.alternatives) if self.relation != "undecided" else None

    @property
    def first_only(self) -> ExamplePartner | None:
        """Return a partner in the first segment and not in the second; None where there is none."""
        return self.one.example(*self.other.negations) if self.relation != "undecided" else None

    @property
    def second_only(self) -> ExamplePartner | None:
        """Return a partner in the second segment and not in the first; None where there is none."""
        return self.other.example(*self.one.negations) if self.relation != "undecided" else None

    def as_json(self) -> dict[str, Any]:
        """Return the pair with its example partners as JSON values."""
        examples = {"both": self.both, "first_only": self.first_only, "second_only": self.second_only}
        shown = {name: one and one.as_json() for name, one in examples.items()}
        return {"workflows": list(self.workflows), "relation": self.relation, "except_when": self.except_when, **shown}


@dataclass(frozen=True)
class Overlaps:
    """The overlaps of some workflows.

    `pairs` can reach the same partner in the same hour, `disjoint` is the number of pairs that cannot, and
    `unsatisfiable` has the ids of the workflows whose segment never has a member.
    """

    pairs: tuple[Overlap, ...]
    disjoint: int
    unsatisfiable: tuple[str, ...]


def overlaps(workflows: Iterable[Workflow], compiler: Compiler, on: date, only: str | None = None) -> Overlaps:
    """Compare every two workflows of one program, sorted by their ids; with `only`, the pairs of that workflow.

    Example partners are as of the local date `on`, unless segments name dates that exclude it.
    """
    segments = [_Segment(one, compiler, on) for one in sorted(workflows, key=lambda one: one.id)]
    unsatisfiable = tuple(one.id for one in segments if one.is_unsatisfiable and only in (None, one.id))
    compare = _cached_comparison()
    pairs = [
        compare(first, second)
        for first, second in combinations([one for one in segments if not one.is_unsatisfiable], 2)
        if first.program == second.program and only in (None, first.id, second.id)
    ]
    found = tuple(one for one in pairs if one is not None)
    return Overlaps(found, len(pairs) - len(found), unsatisfiable)


def _cached_comparison() -> Callable[[_Segment, _Segment], Overlap | None]:
    """Return a function that compares two segments, and reuses the result for pairs with the same constraints."""
    numbers: dict[tuple[tuple[SegmentConstraints, ...], tuple[str, ...]], int] = {}
    known: dict[tuple[int, int], Comparison | None] = {}

    def number(one: _Segment) -> int:
        if one.number is None:
            one.number = numbers.setdefault((one.alternatives, one.unsupported), len(numbers))
        return one.number

    def compare(one: _Segment, other: _Segment) -> Overlap | None:
        key = number(one), number(other)
        if key not in known:
            known[key] = _compare(one, other)
        comparison = known[key]
        return Overlap(one, other, *comparison) if comparison else None

    return compare


def _compare(one: _Segment, other: _Segment) -> Comparison | None:
    if one.possibility(other.alternatives) == "impossible":
        return None
    unsupported = one.unsupported + other.unsupported
    if unsupported:
        return "undecided", "; ".join(unsupported)
    if too_large := _too_large(one, other):
        return "undecided", "; ".join(too_large)
    outside = one.possibility(other.negations), other.possibility(one.negations)
    without_refunds = _relation(*[possibility == "possible" for possibility in outside])
    with_refunds = _relation(*[possibility != "impossible" for possibility in outside])
    return without_refunds, NEGATIVE_REVENUE if without_refunds != with_refunds else None


def _too_large(one: _Segment, other: _Segment) -> list[str]:
    """Return what would take too long to decide of two segments and of each without the other."""
    pairs = [(one.alternatives, (*other.alternatives, *other.negations)), (other.alternatives, one.negations)]
    if all(mine + theirs <= limit for mine, theirs, limit in zip(one.sizes, other.sizes, LIMITS, strict=True)):
        pairs = []
    combined = [conjunction(mine, also) for first, second in pairs for mine in first for also in second]
    combined += [*one.negations, *other.negations]
    return list(dict.fromkeys(text for both in combined for text in both.unsupported))


def _relation(first_only: bool, second_only: bool) -> Relation:
    if first_only:
        return "overlap" if second_only else "superset"
    return "subset" if second_only else "equal"


def _fixed_days(constraints: SegmentConstraints) -> FixedDays | None:
    """Return the days since the last transition, where they are the same on every date."""
    if len(constraints.since) == 1 and isinstance(constraints.since[0].window, DaysAgo):
        return constraints.since[0].on(date.min)
    return None


def _are_disjoint(days: FixedDays | None, others: FixedDays | None) -> bool:
    """Return whether the days alone make two segments disjoint, as of most pairs; a fast first test."""
    return days is not None and others is not None and (days[0] > others[1] or others[0] > days[1])
