"""The partners that can be members of some segments: their measures are summed for these partners only."""

from collections.abc import Iterable

from sqlglot import exp

from compiler.segment_tree import Condition, DateWithin, Window, Workflow
from compiler.sql.dialect import literal
from compiler.sql.predicates import PredicateBuilder


def candidate_predicate(workflows: Iterable[Workflow], builder: PredicateBuilder) -> exp.Expr:
    """Return a predicate that every possible member of the segments satisfies, by program, stage and transition date.

    Few other partners satisfy it: the windows of one program and stage are combined into one range.
    """
    windows: dict[tuple[str, Condition | None, str], list[Window]] = {}
    for workflow in workflows:
        date = transition_date(workflow, builder)
        key = (workflow.program, _of_kind("stage", workflow, builder), date.label if date else "")
        windows.setdefault(key, []).extend([date.window] if date else [])
    return exp.or_(*[exp.and_(*_bounds(*key, found, builder)) for key, found in windows.items()], copy=False)


def transition_date(workflow: Workflow, builder: PredicateBuilder) -> DateWithin | None:
    """Return its Last Transition Date, or another date of a partner that the vocabulary has."""
    found = _of_kind("date", workflow, builder)
    return found if isinstance(found, DateWithin) else None


def _bounds(
    program: str, stage: Condition | None, date: str, windows: list[Window], builder: PredicateBuilder
) -> list[exp.Expr]:
    """Return the predicates of one program, stage and date field."""
    found: list[exp.Expr] = [exp.column("program_id").eq(literal(program))]
    if stage is not None:
        found.append(builder.row_predicate(stage))
    return found + (builder.bounding_range(builder.vocabulary[date], windows) if date else [])


def _of_kind(kind: str, workflow: Workflow, builder: PredicateBuilder) -> Condition | None:
    """Return the first condition of this kind on a partner."""
    found = (one for one in builder.conditions_at_grain(workflow, "partner") if builder.field(one).kind == kind)
    return next(found, None)
