"""What of a segment is checked again at the hour of sending, for partners that an earlier hour names.

These are the conditions on stages, and the upper bounds `less than` and `is 0` (semantics, "Missed hours"). A condition
on other segments is checked as far as it consists of these: all else in them is taken as met, as it was at the earlier
hour. In a segment that a partner must not be in, `greater than` is the upper bound.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from compiler.segment_tree import AnyOf, Compare, Condition, DateWithin, NamedSegment, NoneOf, Workflow
from compiler.sql.predicates import PredicateBuilder


def conditions_to_recheck(workflow: Workflow, builder: PredicateBuilder) -> list[Condition]:
    """Return the conditions of a segment that can end membership at the hour of sending."""
    checked = _Checked(builder)
    return [one for one in workflow.segment if checked.condition(workflow, one, True) is not None]


def recheck_segment(workflow: Workflow, condition: Condition, builder: PredicateBuilder) -> Workflow:
    """Return the workflow with one of these conditions alone; a measure keeps its Performance Date Range."""
    checked = _Checked(builder)
    found = checked.condition(workflow, condition, True)
    assert isinstance(found, AnyOf | NoneOf | Compare)
    segment = (found, *_range(workflow, builder)) if isinstance(found, Compare) else (found,)
    return replace(workflow, segment=segment, segments=tuple(checked.segments.values()))


@dataclass(frozen=True)
class RecheckSegment:
    """One condition to check again, as a sentence, and a workflow whose segment has it alone."""

    workflow_id: str
    sentence: str
    workflow: Workflow


def recheck_segments(workflows: Iterable[Workflow], builder: PredicateBuilder) -> dict[str, RecheckSegment]:
    """Return the conditions to check again of some workflows, by the id of the workflow that has it alone."""
    found = {}
    for one in workflows:
        for number, condition in enumerate(conditions_to_recheck(one, builder)):
            alone = replace(recheck_segment(one, condition, builder), id=f"{one.id}/{number}")
            found[alone.id] = RecheckSegment(one.id, str(condition), alone)
    return found


@dataclass
class _Checked:
    """Weakens segments to what is checked again; `segments` has the weakened named segments by name."""

    builder: PredicateBuilder
    segments: dict[str, NamedSegment] = field(default_factory=dict)

    def condition(self, workflow: Workflow, condition: Condition, wanted: bool) -> Condition | None:
        """Return a weaker condition; None for one that is not checked.

        With `wanted` the partner must meet it, and None is always met; without, it must not, and None is never met.
        """
        kind = self.builder.field(condition).kind
        if kind == "segment" and isinstance(condition, AnyOf | NoneOf):
            return self._on_segments(workflow, condition, wanted)
        if isinstance(condition, AnyOf | NoneOf):
            return condition if kind == "stage" else None
        return condition if isinstance(condition, Compare) and condition.is_upper_bound == wanted else None

    def _on_segments(self, workflow: Workflow, condition: AnyOf | NoneOf, wanted: bool) -> Condition | None:
        inner_wanted = wanted == isinstance(condition, AnyOf)
        weakened = [self._segment(workflow.inside(name), name, inner_wanted) for name in condition.values]
        names = tuple(name for name in weakened if name is not None)
        if not names or (inner_wanted and len(names) < len(weakened)):
            return None
        return replace(condition, values=names)

    def _segment(self, workflow: Workflow, name: str, wanted: bool) -> str | None:
        """Return the name of the weakened segment; None for one of which nothing is checked."""
        ranges = _range(workflow, self.builder)
        conditions = [one for one in workflow.segment if one not in ranges]
        found = [self.condition(workflow, one, wanted) for one in conditions]
        kept = tuple(one for one in found if one is not None)
        if not kept or (not wanted and len(kept) < len(found)):
            return None
        new = f"{name} {'kept' if wanted else 'left'}"
        measured = ranges if any(isinstance(one, Compare) for one in kept) else ()
        self.segments[new] = NamedSegment(new, (*kept, *measured))
        return new


def _range(workflow: Workflow, builder: PredicateBuilder) -> tuple[Condition, ...]:
    return tuple(one for one in workflow.segment if isinstance(one, DateWithin) and builder.field(one).grain == "day")
