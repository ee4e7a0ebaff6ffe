"""Sequences: workflows with the same conditions on different days after a transition, with their overlaps and gaps.

Workflows belong to one sequence when they differ in nothing but their windows of days: the four workflows of Example 5
of the help page differ only in their days.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations, pairwise
from typing import Any

from compiler.analysis.constraints import (
    TRANSITION_DATE,
    DayRange,
    SegmentConstraints,
    conjunction,
    constraints_of,
    negations,
)
from compiler.analysis.example import ExamplePartner
from compiler.analysis.satisfiability import example_partner
from compiler.segment_reader import SegmentReader
from compiler.segment_tree import DateRange, DateWithin, DaysAgo, Workflow
from compiler.sql.single_statement import Compiler

UNLIMITED_DAYS = 10**6
"""Days ago that stand for all history."""


@dataclass(frozen=True)
class StepOverlap:
    """Days since the transition, both inclusive, on which a partner can be in two steps in one hour."""

    workflows: tuple[str, str]
    days: tuple[int, int]
    example: ExamplePartner


@dataclass(frozen=True)
class Gap:
    """Days since the transition, both inclusive, between two steps, on which no partner is in any step.

    `is_intended`: both neighbors are single days, as in Example 5. `example` satisfies all conditions of the step
    before but its days.
    """

    days: tuple[int, int]
    is_intended: bool
    example: ExamplePartner | None


@dataclass(frozen=True)
class WorkflowSequence:
    """The steps, by their days since the transition (both inclusive).

    `continues` are the steps every member of which was in the step before on its day.
    """

    workflows: tuple[str, ...]
    days: tuple[tuple[int, int], ...]
    overlaps: tuple[StepOverlap, ...]
    gaps: tuple[Gap, ...]
    continues: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the sequence with its example partners as JSON values."""
        return {
            "workflows": list(self.workflows),
            "days": [list(days) for days in self.days],
            "overlaps": [
                {"workflows": list(one.workflows), "days": list(one.days), "example": one.example.as_json()}
                for one in self.overlaps
            ],
            "gaps": [
                {
                    "days": list(one.days),
                    "is_intended": one.is_intended,
                    "example": one.example and one.example.as_json(),
                }
                for one in self.gaps
            ],
            "continues": list(self.continues),
        }


@dataclass(frozen=True)
class _Step:
    workflow: Workflow
    days: tuple[int, int]
    constraints: SegmentConstraints


_Key = tuple[str, str, tuple[str, ...]]


def find_sequences(workflows: Iterable[Workflow], compiler: Compiler, on: date) -> list[WorkflowSequence]:
    """Return the sequences of two steps or more; example partners are as of the local date `on`."""
    groups: dict[_Key, list[_Step]] = {}
    for workflow in workflows:
        step = _step(workflow, compiler.builder)
        if step is not None:
            groups.setdefault(_key(workflow), []).append(step)
    ordered = [sorted(steps, key=lambda one: (one.days, one.workflow.id)) for steps in groups.values()]
    found = [_sequence(steps, compiler.builder, on) for steps in ordered if len({one.days for one in steps}) > 1]
    return sorted(found, key=lambda one: one.workflows)


def _step(workflow: Workflow, reader: SegmentReader) -> _Step | None:
    if workflow.segments:
        return None
    windows = [one.window for one in workflow.segment if isinstance(one, DateWithin) and one.label == TRANSITION_DATE]
    constraints = constraints_of(workflow, reader)
    if not windows or isinstance(windows[0], DateRange) or constraints.unsupported:
        return None
    days = reader.days(windows[0])
    return _Step(workflow, (days.first, days.last), constraints)


def _key(workflow: Workflow) -> _Key:
    """Return everything in a workflow but its days and its name."""
    rest = [one for one in workflow.segment if not isinstance(one, DateWithin) or isinstance(one.window, DateRange)]
    return workflow.program, str(workflow.action), tuple(sorted(str(one) for one in rest))


def _sequence(steps: list[_Step], reader: SegmentReader, on: date) -> WorkflowSequence:
    return WorkflowSequence(
        tuple(one.workflow.id for one in steps),
        tuple(one.days for one in steps),
        tuple(_overlaps(steps, on)),
        tuple(_gaps(steps, on)),
        tuple(late.workflow.id for early, late in pairwise(steps) if _continues(early, late, reader, on)),
    )


def _overlaps(steps: list[_Step], on: date) -> Iterable[StepOverlap]:
    for one, other in combinations(steps, 2):
        days = max(one.days[0], other.days[0]), min(one.days[1], other.days[1])
        found = example_partner(conjunction(one.constraints, other.constraints), on) if days[0] <= days[1] else None
        if found:
            yield StepOverlap((one.workflow.id, other.workflow.id), days, found)


def _gaps(steps: list[_Step], on: date) -> Iterable[Gap]:
    before = steps[0]
    for step in steps[1:]:
        if step.days[0] > before.days[1] + 1:
            days = before.days[1] + 1, step.days[0] - 1
            between = replace(before.constraints, since=(DayRange(DaysAgo(*days)),))
            is_intended = all(first == last for first, last in (before.days, step.days))
            yield Gap(days, is_intended, example_partner(between, on))
        before = max(before, step, key=lambda one: one.days[1])


def _continues(early: _Step, late: _Step, reader: SegmentReader, on: date) -> bool:
    """Return whether every partner in the later step was in the earlier one on its day, as far as history is known.

    From the later day, the windows of the earlier step lie further back. Contracts and groups have no history.
    """
    are_days = early.days[0] == early.days[1] < late.days[0] == late.days[1]
    now = late.constraints
    if not are_days or now.contracts or now.groups or now.excluded_contracts or now.excluded_groups or now.has_contract:
        return False
    later = late.days[0] - early.days[0]
    others = [_shifted(one, later) for one in negations(early.workflow, reader) if one.totals]
    return not any(example_partner(conjunction(late.constraints, one), on, negative_revenue=True) for one in others)


def _shifted(constraints: SegmentConstraints, days: int) -> SegmentConstraints:
    """Return the constraints with the windows of their totals moved back by a number of days."""
    return replace(
        constraints,
        totals=tuple((_shifted_range(one, days), label, bounds) for one, label, bounds in constraints.totals),
    )


def _shifted_range(days_ago: DayRange | None, days: int) -> DayRange:
    if days_ago is None:
        return DayRange(DaysAgo(days, UNLIMITED_DAYS))
    if isinstance(days_ago.window, DaysAgo):
        return DayRange(DaysAgo(days_ago.window.first + days, days_ago.window.last + days))
    return days_ago
