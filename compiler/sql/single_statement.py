"""Checked workflows become one statement: all segments in one pass over the facts (tables.py: in several).

The statement has three parts, and no date: the hour is a row of raw.evaluations, behind the relations it reads.

1. `features`: the performance facts summed once, one column a distinct (measure, window) of all segments;
2. `partners`: one row a partner, with its stage and its features, where no activity is 0;
3. a SELECT a workflow over `partners`, united.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

from sqlglot import exp

from compiler.segment_tree import WAITING, AcceptApplication, Compare, Window, Workflow
from compiler.sql.dialect import literal, table, to_sql
from compiler.sql.predicates import KEY, Conditions
from compiler.vocabulary import Field, Vocabulary

EVALUATED_PARTNERS = "segments.partners_as_of"
EVALUATED_CONTRACTS = "segments.contracts_as_of"

MOST_QUESTIONS = 16
"""Up to as many, one statement takes about as long as several (benchmarks/README.md)."""

Features = dict[str, tuple[Field, Window | None]]
"""Column name to the measure and window that it sums."""


class Compiler:
    """Turns workflows into statements.

    `last_n_days_include_today` is the project setting of the semantics ("Dates"): Last N Days are 0 to N, not 1 to N.
    With more than `most_questions` sums and look-ups, the membership of many workflows is made in several tables.
    """

    def __init__(
        self, vocabulary: Vocabulary, last_n_days_include_today: bool = False, most_questions: int = MOST_QUESTIONS
    ):
        self.vocabulary = vocabulary
        self.most_questions = most_questions
        self.conditions = Conditions(vocabulary, last_n_days_include_today)

    def membership(self, workflows: Iterable[Workflow]) -> exp.Expression:
        """Who is in each segment: one row a workflow, program, partner and hour (workflow_id, program_id, partner_id,
        evaluated_at)."""
        chosen = by_id(workflows)
        members = united([members_of(workflow, "partners", self.conditions.tests(workflow)) for workflow in chosen])
        if members is None:
            return nothing("workflow_id", "program_id", "partner_id").select(_null("evaluated_at", "timestamp"))
        return self.with_partners(members, chosen)

    def with_partners(
        self, statement: exp.Expression, workflows: Sequence[Workflow], partner_id: str | None = None
    ) -> exp.Expression:
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

    def workflows(self, workflows: Iterable[Workflow]) -> exp.Expression:
        """What is done for each workflow: one row a workflow (workflow_id, program_id, action, recipients)."""
        rows = [
            exp.select(
                named("workflow_id", literal(workflow.id)),
                named("program_id", literal(workflow.program)),
                named("action", literal(str(workflow.action))),
                named("recipients", literal(workflow.recipients)),
            )
            for workflow in by_id(workflows)
        ]
        return united(rows) or nothing("workflow_id", "program_id", "action", "recipients")

    def applications(self, workflows: Iterable[Workflow]) -> exp.Expression:
        """The waiting applications that meet each application workflow's conditions on contracts.

        One row a workflow, contract and hour (workflow_id, program_id, partner_id, contract_id, evaluated_at).
        """
        columns = ("program_id", "partner_id", "contract_id", named("evaluated_at", "as_of"))
        rows = [
            exp.select(named("workflow_id", literal(workflow.id)), *columns)
            .from_(table(EVALUATED_CONTRACTS))
            .where(
                exp.column("program_id").eq(literal(workflow.program)),
                exp.column("is_current"),
                exp.column("contract_stage").eq(literal(WAITING)),
                *[self.conditions.on_row(condition) for condition in self.conditions.on(workflow, "contract")],
            )
            for workflow in by_id(workflows)
            if isinstance(workflow.action, AcceptApplication)
        ]
        none = nothing("workflow_id", "program_id", "partner_id", "contract_id")
        return united(rows) or none.select(_null("evaluated_at", "timestamp"))

    def features(self, workflows: Sequence[Workflow]) -> Features:
        """The distinct (measure, window) pairs of these workflows, by the name of their column."""
        features: Features = {}
        for workflow in workflows:
            window = self.conditions.window_of(workflow)
            for condition in self.conditions.on(workflow, "day"):
                if isinstance(condition, Compare):
                    field = self.conditions.field(condition)
                    features[self.conditions.feature(field, window)] = (field, window)
        return dict(sorted(features.items()))

    @cached_property
    def dates(self) -> Field:
        """The field whose windows the measures are summed over."""
        return next(one for one in self.vocabulary.fields if one.kind == "window")

    def _sums(self, features: Features) -> exp.Select:
        relation = next(iter(features.values()))[0].relation
        columns = [named(name, self.sum(field, window)) for name, (field, window) in features.items()]
        inside = self.conditions.hull(self.dates, [window for _, window in features.values()])
        return exp.select(*KEY, *columns).from_(table(relation)).where(*inside).group_by(*KEY)

    def sum(self, field: Field, window: Window | None) -> exp.Expression:
        """A measure summed over a window of the days, exactly."""
        measure = exp.column(field.as_of_column)
        if window is not None:
            inside = self.conditions.inside(self.dates, window)
            measure = exp.Case().when(inside, measure, copy=False).else_(literal(0), copy=False)
        kind = "decimal(38, 8)" if field.kind == "amount" else "bigint"
        return exp.cast(exp.Sum(this=measure), kind, copy=False)

    def _partners(self, workflows: Sequence[Workflow], features: Features) -> exp.Select:
        conditions = [one for workflow in workflows for one in self.conditions.on(workflow, "partner")]
        used = {column for condition in conditions for column in self.conditions.columns(condition)} - set(KEY)
        base = table(EVALUATED_PARTNERS)
        if not features:
            return exp.select(*KEY, *sorted(used)).from_(base)

        def partner(name: str) -> exp.Column:
            return exp.column(name, table="partners_as_of")

        def feature(name: str) -> exp.Column:
            return exp.column(name, table="features")

        sums = [named(name, exp.func("coalesce", feature(name), literal(0))) for name in features]
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


def members_of(workflow: Workflow, relation: str, tests: Sequence[exp.Expression]) -> exp.Select:
    """One segment: the rows of a relation of partners that meet its tests."""
    columns = [
        named("workflow_id", literal(workflow.id)),
        exp.column("program_id"),
        exp.column("partner_id"),
        named("evaluated_at", "as_of"),
    ]
    source = table(relation) if "." in relation else exp.to_table(relation)
    return exp.select(*columns, copy=False).from_(source, copy=False).where(*tests, copy=False)


def by_id(workflows: Iterable[Workflow]) -> list[Workflow]:
    """In the order in which they stand in every statement."""
    return sorted(workflows, key=lambda workflow: workflow.id)


def named(name: str, value: exp.Expression | str) -> exp.Expression:
    """A value, or the column of that name, as a column of another name."""
    return exp.alias_(exp.column(value) if isinstance(value, str) else value, name, copy=False)


def united(rows: list[exp.Select]) -> exp.Expression | None:
    """All rows of these; None when there is nothing to unite."""
    return rows[0] if len(rows) == 1 else exp.union(*rows, distinct=False, copy=False) if rows else None


def _null(name: str, kind: str) -> exp.Expression:
    return exp.alias_(exp.cast(exp.null(), kind), name)


def nothing(*columns: str) -> exp.Select:
    """No row, with text columns of these names."""
    return exp.select(*[_null(name, "varchar") for name in columns]).where(exp.false())
