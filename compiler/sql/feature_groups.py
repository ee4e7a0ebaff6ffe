"""Segments with measures, in two feature groups: those with a Last Transition Date, and those without."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from compiler.segment_tree import Condition, DateWithin, Window, Workflow
from compiler.sql.dialect import literal
from compiler.sql.predicates import PredicateBuilder
from compiler.sql.single_statement import Compiler, Features


@dataclass(frozen=True)
class FeatureGroup:
    """Segments whose measures are summed for the same partners: `name` is by_transition or all_partners."""

    name: str
    workflows: tuple[Workflow, ...] = ()

    @property
    def relation(self) -> str:
        """Return the table of their partners with the sums."""
        return f"segments.segment_features_{self.name}"

    @property
    def flag_column(self) -> str:
        """Return the column of a partner that is true if one of the segments can have it as a member."""
        return f"in_features_{self.name}"

    def features(self, compiler: Compiler) -> Features:
        """Return the sums."""
        return compiler.features(self.workflows)


def feature_groups(workflows: Sequence[Workflow], compiler: Compiler) -> list[FeatureGroup]:
    """Return the feature groups that these workflows need."""
    measured = [one for one in workflows if compiler.features([one])]
    split: dict[str, list[Workflow]] = {"by_transition": [], "all_partners": []}
    for workflow in measured:
        split["by_transition" if _transition(workflow, compiler.builder) else "all_partners"].append(workflow)
    return [FeatureGroup(name, tuple(chosen)) for name, chosen in split.items() if chosen]


def candidate_predicate(group: FeatureGroup, builder: PredicateBuilder) -> exp.Expr:
    """Return a predicate that every possible member of the group satisfies, by program, stage and transition date.

    Few other partners satisfy it: the windows of one program and stage are combined into one range.
    """
    windows: dict[tuple[str, Condition | None, str], list[Window]] = {}
    for workflow in group.workflows:
        date = _transition(workflow, builder)
        key = (workflow.program, _of_kind("stage", workflow, builder), date.label if date else "")
        windows.setdefault(key, []).extend([date.window] if date else [])
    return exp.or_(*[exp.and_(*_bounds(*key, found, builder)) for key, found in windows.items()], copy=False)


def _bounds(
    program: str, stage: Condition | None, date: str, windows: list[Window], builder: PredicateBuilder
) -> list[exp.Expr]:
    """Return the predicates of one program, stage and date field."""
    found: list[exp.Expr] = [exp.column("program_id").eq(literal(program))]
    if stage is not None:
        found.append(builder.row_predicate(stage))
    return found + (builder.bounding_range(builder.vocabulary[date], windows) if date else [])


def _transition(workflow: Workflow, builder: PredicateBuilder) -> DateWithin | None:
    """Return its Last Transition Date, or another date of a partner that the vocabulary has."""
    found = _of_kind("date", workflow, builder)
    return found if isinstance(found, DateWithin) else None


def _of_kind(kind: str, workflow: Workflow, builder: PredicateBuilder) -> Condition | None:
    """Return the first condition of this kind on a partner."""
    found = (one for one in builder.conditions_at_grain(workflow, "partner") if builder.field(one).kind == kind)
    return next(found, None)
