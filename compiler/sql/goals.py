"""The goals of workflows become two generated models: which goals there are, and which partners have reached them.

The hand-written models between them (int_goal_windows, int_goal_totals) sum the measures over the days of each goal, by
partner. The condition of a goal is a predicate on these sums, made like those of segments.
"""

from collections.abc import Iterable

from sqlglot import exp

from compiler.segment_tree import Compare, Goal, Workflow
from compiler.sql.dialect import literal, table
from compiler.sql.predicates import compare
from compiler.sql.single_statement import Compiler, aliased, literal_rows, sorted_by_id

GOAL_MODELS = ("workflow_goals", "goal_outcomes")
"""The generated models; the same for all definitions."""

TOTALS = "intermediate.int_goal_totals"

COLUMNS = (
    "workflow_id", "program_id", "partner_id", "counted_from", "goal", "is_held_out", "holdout_percent",
    "started_as_of", "started_on", "is_complete", "revenue",
)  # fmt: skip
"""The columns of the totals that the outcomes have too."""


def goal_statements(workflows: Iterable[Workflow], compiler: Compiler) -> dict[str, exp.Query]:
    """Return the statement of each of GOAL_MODELS, for the workflows with a goal that have been active."""
    measured = [one for one in sorted_by_id(workflows) if one.goal is not None and one.status != "draft"]
    return {"workflow_goals": _goals(measured, compiler), "goal_outcomes": _outcomes(measured, compiler)}


def _goals(workflows: list[Workflow], compiler: Compiler) -> exp.Query:
    """Return the goals: one row per workflow (workflow_id, goal, within_days, load_lag_days), all columns text."""
    rows = [
        (one.id, str(one.goal), str(one.goal.days), str(compiler.builder.field(one.goal.condition).load_lag_days))
        for one in workflows
        if one.goal is not None
    ]
    return literal_rows(rows, "workflow_id", "goal", "within_days", "load_lag_days")


def _outcomes(workflows: list[Workflow], compiler: Compiler) -> exp.Query:
    """Return the totals with the column `is_reached`: workflows of one condition share its predicate."""
    sharing: dict[Compare, list[str]] = {}
    for one in workflows:
        if isinstance(one.goal, Goal):
            sharing.setdefault(one.goal.condition, []).append(one.id)
    reached = [
        exp.and_(
            exp.column("workflow_id").isin(*map(literal, ids)),
            compare(exp.column(compiler.builder.field(condition).column), condition),
        )
        for condition, ids in sharing.items()
    ]
    is_reached = exp.Case().when(exp.or_(*reached), exp.true()).else_(exp.false()) if reached else exp.false()
    return exp.select(*COLUMNS, aliased("is_reached", is_reached)).from_(table(TOTALS))
