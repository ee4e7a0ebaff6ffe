"""Checked workflows become one statement: all segments in one pass over the facts (tables.py: in several).

The statement has three parts, and no date: the hour is a row of raw.evaluations, behind the relations it reads.

1. `features`: the performance facts summed once, one column a distinct (measure, window) of all segments;
2. `partners`: one row a partner, with its stage and its features, where no activity is 0;
3. a SELECT a workflow over `partners`, united.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

from sqlglot import exp

from compiler.segment_tree import AWAITING_APPROVAL, AcceptApplication, Compare, Window, Workflow
from compiler.sql.dialect import literal, table, to_sql
from compiler.sql.predicates import KEY, PredicateBuilder
from compiler.vocabulary import Field, Vocabulary

PARTNERS_AS_OF = "segments.partners_as_of"
CONTRACTS_AS_OF = "segments.contracts_as_of"

MAX_SINGLE_STATEMENT_FEATURES = 16
"""Up to as many, one statement takes about as long as several (benchmarks/README.md)."""

Features = dict[str, tuple[Field, Window | None]]
"""Column name to the measure and window that it sums."""


class Compiler:
    """Turns workflows into statements.

    `last_n_days_include_today` is the project setting of the semantics ("Dates"): Last N Days are 0 to N, not 1 to N.
    With more than `max_single_statement_features` feature columns the membership is computed in several tables.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        last_n_days_include_today: bool = False,
        max_single_statement_features: int = MAX_SINGLE_STATEMENT_FEATURES,
    ):
        self.vocabulary = vocabulary
        self.max_single_statement_features = max_single_statement_features
        self.builder = PredicateBuilder(vocabulary, last_n_days_include_today)

    def membership(self, workflows: Iterable[Workflow]) -> exp.Expr:
        """Who is in each segment: one row a workflow, program, partner and hour (workflow_id, program_id, partner_id,
        evaluated_at)."""
        chosen = sorted_by_id(workflows)
        members = union_all(
            [select_members(workflow, "partners", self.builder.predicates(workflow)) for workflow in chosen]
        )
        if members is None:
            return empty_relation("workflow_id", "program_id", "partner_id").select(_null("evaluated_at", "timestamp"))
        return self.with_partner_ctes(members, chosen)

    def with_partner_ctes(
        self, statement: exp.Expr, workflows: Sequence[Workflow], partner_id: str | None = None
    ) -> exp.Expr:
        """The statement, with the parts `features` and `partners` that these workflows need put before it.

        With `partner_id` the parts hold that partner only.
        """
        features = self.features(workflows)
        parts = {"features": self._sums(features)} if features else {}
        parts["partners"] = self._partners(workflows, features)
        for name, part in parts.items():
            if partner_id is not None:
                owner = "partners_as_of" if name == "partners" else None
                part = part.where(exp.column("partner_id", table=owner).eq(literal(partner_id)))
            statement = statement.with_(name, as_=part, copy=False)
        return statement

    def workflows(self, workflows: Iterable[Workflow]) -> exp.Expr:
        """What is done for each workflow: one row a workflow (workflow_id, program_id, action, recipients)."""
        rows = [
            exp.select(
                aliased("workflow_id", literal(workflow.id)),
                aliased("program_id", literal(workflow.program)),
                aliased("action", literal(str(workflow.action))),
                aliased("recipients", literal(workflow.recipients)),
            )
            for workflow in sorted_by_id(workflows)
        ]
        return union_all(rows) or empty_relation("workflow_id", "program_id", "action", "recipients")

    def applications(self, workflows: Iterable[Workflow]) -> exp.Expr:
        """The waiting applications that meet each application workflow's conditions on contracts.

        One row a workflow, contract and hour (workflow_id, program_id, partner_id, contract_id, evaluated_at).
        """
        columns = ("program_id", "partner_id", "contract_id", aliased("evaluated_at", "as_of"))
        rows = [
            exp.select(aliased("workflow_id", literal(workflow.id)), *columns)
            .from_(table(CONTRACTS_AS_OF))
            .where(
                exp.column("program_id").eq(literal(workflow.program)),
                exp.column("is_current"),
                exp.column("contract_stage").eq(literal(AWAITING_APPROVAL)),
                *[
                    self.builder.row_predicate(condition)
                    for condition in self.builder.conditions_at_grain(workflow, "contract")
                ],
            )
            for workflow in sorted_by_id(workflows)
            if isinstance(workflow.action, AcceptApplication)
        ]
        none = empty_relation("workflow_id", "program_id", "partner_id", "contract_id")
        return union_all(rows) or none.select(_null("evaluated_at", "timestamp"))

    def features(self, workflows: Sequence[Workflow]) -> Features:
        """The distinct (measure, window) pairs of these workflows, by the name of their column."""
        features: Features = {}
        for workflow in workflows:
            window = self.builder.window_of(workflow)
            for condition in self.builder.conditions_at_grain(workflow, "day"):
                if isinstance(condition, Compare):
                    field = self.builder.field(condition)
                    features[self.builder.feature_column(field, window)] = (field, window)
        return dict(sorted(features.items()))

    @cached_property
    def dates(self) -> Field:
        """The field whose windows the measures are summed over."""
        return next(one for one in self.vocabulary.fields if one.kind == "window")

    def _sums(self, features: Features) -> exp.Select:
        relation = next(iter(features.values()))[0].relation
        columns = [aliased(name, self.sum(field, window)) for name, (field, window) in features.items()]
        inside = self.builder.bounding_range(self.dates, [window for _, window in features.values()])
        return exp.select(*KEY, *columns).from_(table(relation)).where(*inside).group_by(*KEY)

    def sum(self, field: Field, window: Window | None) -> exp.Expr:
        """A measure summed over a window of the days, exactly."""
        measure = exp.column(field.as_of_column)
        if window is not None:
            inside = self.builder.in_window(self.dates, window)
            measure = exp.Case().when(inside, measure, copy=False).else_(literal(0), copy=False)
        kind = "decimal(38, 8)" if field.kind == "amount" else "bigint"
        return exp.cast(exp.Sum(this=measure), kind, copy=False)

    def _partners(self, workflows: Sequence[Workflow], features: Features) -> exp.Select:
        conditions = [one for workflow in workflows for one in self.builder.conditions_at_grain(workflow, "partner")]
        used = {column for condition in conditions for column in self.builder.columns(condition)} - set(KEY)
        base = table(PARTNERS_AS_OF)
        if not features:
            return exp.select(*KEY, *sorted(used)).from_(base)

        def partner(name: str) -> exp.Column:
            return exp.column(name, table="partners_as_of")

        def feature(name: str) -> exp.Column:
            return exp.column(name, table="features")

        sums = [aliased(name, exp.func("coalesce", feature(name), literal(0))) for name in features]
        return (
            exp.select(*[partner(name) for name in (*KEY, *sorted(used))], *sums)
            .from_(base)
            .join(
                exp.to_table("features"),
                on=exp.and_(*[partner(name).eq(feature(name)) for name in KEY]),
                join_type="left",
            )
        )


def compile_workflow(workflow: Workflow, compiler: Compiler, dialect: str) -> str:
    """One workflow's membership as SQL that a person can read and run in the warehouse, its sentences above it."""
    lines = [f"{workflow.id}: {workflow.name}", *[str(condition) for condition in workflow.segment]]
    comments = "".join(f"-- {' '.join(line.split())}\n" for line in lines)
    return comments + to_sql(compiler.membership([workflow]), dialect) + "\n"


def select_members(workflow: Workflow, relation: str, tests: Sequence[exp.Expr]) -> exp.Select:
    """One segment: the rows of a relation of partners that meet its tests."""
    columns = [
        aliased("workflow_id", literal(workflow.id)),
        exp.column("program_id"),
        exp.column("partner_id"),
        aliased("evaluated_at", "as_of"),
    ]
    source = table(relation) if "." in relation else exp.to_table(relation)
    return exp.select(*columns, copy=False).from_(source, copy=False).where(*tests, copy=False)


def sorted_by_id(workflows: Iterable[Workflow]) -> list[Workflow]:
    """In the order in which they stand in every statement."""
    return sorted(workflows, key=lambda workflow: workflow.id)


def aliased(name: str, value: exp.Expr | str) -> exp.Expr:
    """A value, or the column of that name, as a column of another name."""
    return exp.alias_(exp.column(value) if isinstance(value, str) else value, name, copy=False)


def union_all(rows: list[exp.Select]) -> exp.Expr | None:
    """All rows of these; None when there is nothing to unite."""
    return rows[0] if len(rows) == 1 else exp.union(*rows, distinct=False, copy=False) if rows else None


def _null(name: str, kind: str) -> exp.Expr:
    return exp.alias_(exp.cast(exp.null(), kind), name)


def empty_relation(*columns: str) -> exp.Select:
    """No row, with text columns of these names."""
    return exp.select(*[_null(name, "varchar") for name in columns]).where(exp.false())
