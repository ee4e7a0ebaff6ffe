"""Chains: workflows that ask the same on other days after joining, and where such a chain has a gap or a double.

A chain is what is left when the windows are taken away: Example 5's four workflows differ in nothing but their days.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations, pairwise

from compiler.analysis.constraints import SINCE, Demand, Span, demand, merge, opposites
from compiler.analysis.example import Witness
from compiler.analysis.satisfiability import witness
from compiler.segment_tree import Dates, DaysAgo, Within, Workflow
from compiler.sql.predicates import Conditions
from compiler.sql.single_statement import Compiler


@dataclass(frozen=True)
class Double:
    """Days since the transition, both inclusive, on which a partner can be in two steps in one hour."""

    workflows: tuple[str, str]
    days: tuple[int, int]
    witness: Witness


@dataclass(frozen=True)
class Gap:
    """Days since the transition, both inclusive, between two steps, on which nobody is in any.

    `is_meant`: both neighbours are single days, as in Example 5. `witness` meets all that the step before asks but its
    days.
    """

    days: tuple[int, int]
    is_meant: bool
    witness: Witness | None


@dataclass(frozen=True)
class Chain:
    """The steps by their days since the transition, both inclusive; `follows` those of which every member was in the
    step before on its day, so that nobody begins in the middle."""

    workflows: tuple[str, ...]
    days: tuple[tuple[int, int], ...]
    doubles: tuple[Double, ...]
    gaps: tuple[Gap, ...]
    follows: tuple[str, ...]

    def as_json(self) -> dict:
        """The chain with its witnesses."""
        return {
            "workflows": list(self.workflows),
            "days": [list(days) for days in self.days],
            "doubles": [
                {"workflows": list(one.workflows), "days": list(one.days), "witness": one.witness.as_json()}
                for one in self.doubles
            ],
            "gaps": [
                {"days": list(one.days), "is_meant": one.is_meant, "witness": one.witness and one.witness.as_json()}
                for one in self.gaps
            ],
            "follows": list(self.follows),
        }


@dataclass(frozen=True)
class _Step:
    workflow: Workflow
    days: tuple[int, int]
    demand: Demand


def chains(workflows: Iterable[Workflow], compiler: Compiler, on: date) -> list[Chain]:
    """The chains of two steps or more among the workflows; `on` is the local date that witnesses live on."""
    groups: dict[tuple, list[_Step]] = {}
    for workflow in workflows:
        step = _step(workflow, compiler.conditions)
        if step is not None:
            groups.setdefault(_key(workflow), []).append(step)
    ordered = [sorted(steps, key=lambda one: (one.days, one.workflow.id)) for steps in groups.values()]
    found = [_chain(steps, compiler.conditions, on) for steps in ordered if len({one.days for one in steps}) > 1]
    return sorted(found, key=lambda one: one.workflows)


def _step(workflow: Workflow, conditions: Conditions) -> _Step | None:
    windows = [one.window for one in workflow.segment if isinstance(one, Within) and one.label == SINCE]
    found = demand(workflow, conditions)
    if not windows or isinstance(windows[0], Dates) or found.unknown:
        return None
    days = conditions.days(windows[0])
    return _Step(workflow, (days.first, days.last), found)


def _key(workflow: Workflow) -> tuple:
    """All that a segment asks but its days."""
    rest = [one for one in workflow.segment if not isinstance(one, Within) or isinstance(one.window, Dates)]
    return workflow.program, str(workflow.action), tuple(sorted(str(one) for one in rest))


def _chain(steps: list[_Step], conditions: Conditions, on: date) -> Chain:
    return Chain(
        tuple(one.workflow.id for one in steps),
        tuple(one.days for one in steps),
        tuple(_doubles(steps, on)),
        tuple(_gaps(steps, on)),
        tuple(late.workflow.id for early, late in pairwise(steps) if _follows(early, late, conditions, on)),
    )


def _doubles(steps: list[_Step], on: date) -> Iterable[Double]:
    for one, other in combinations(steps, 2):
        days = max(one.days[0], other.days[0]), min(one.days[1], other.days[1])
        found = witness(merge(one.demand, other.demand), on) if days[0] <= days[1] else None
        if found:
            yield Double((one.workflow.id, other.workflow.id), days, found)


def _gaps(steps: list[_Step], on: date) -> Iterable[Gap]:
    before = steps[0]
    for step in steps[1:]:
        if step.days[0] > before.days[1] + 1:
            days = before.days[1] + 1, step.days[0] - 1
            idle = replace(before.demand, since=(Span(DaysAgo(*days)),))
            is_meant = all(first == last for first, last in (before.days, step.days))
            yield Gap(days, is_meant, witness(idle, on))
        before = max(before, step, key=lambda one: one.days[1])


def _follows(early: _Step, late: _Step, conditions: Conditions, on: date) -> bool:
    """Whether a partner on the later step's day has been in the earlier one, by what is known of the earlier day.

    Seen from the later day, the earlier one's windows lie further back. Of contracts and groups no history is known.
    """
    are_days = early.days[0] == early.days[1] < late.days[0] == late.days[1]
    if not are_days or late.demand.contracts or late.demand.groups:
        return False
    later = late.days[0] - early.days[0]
    other_ways = [one for one in opposites(early.workflow, conditions) if one.totals]
    return not any(witness(merge(late.demand, _shifted(one, later)), on, signed=True) for one in other_ways)


def _shifted(one: Demand, days: int) -> Demand:
    totals = []
    for span, label, bounds in one.totals:
        if span is not None and isinstance(span.window, DaysAgo):
            span = Span(DaysAgo(span.window.first + days, span.window.last + days))
        elif span is None:
            span = Span(DaysAgo(days, 10**6))
        totals.append((span, label, bounds))
    return replace(one, totals=tuple(totals))
