"""Checked workflows become one SQL statement, with all segments in one pass over the facts.

`staged_plan` splits it into several tables for many workflows. The statement has three parts and no date; the
evaluation hour is a row of raw.evaluations behind the relations it reads.

1. `features`: the performance facts summed once, one column per distinct measure and window of all segments. On
   DuckDB, segments that all have a Last Transition Date sum them for `candidates`, the partners with such a date;
2. `partners`: one row per partner, with its stage and its features; without activity they are 0;
3. one SELECT per workflow from `partners`, combined by UNION ALL.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from sqlglot import exp

from compiler.segment_tree import AWAITING_APPROVAL, AcceptApplication, Compare, Window, Workflow
from compiler.sql.candidates import candidate_predicate, transition_date
from compiler.sql.dialect import literal, name_of, table, to_sql
from compiler.sql.predicates import KEY, PredicateBuilder
from compiler.sql.semi_joins import equi_join
from compiler.vocabulary import Field, Vocabulary

PARTNERS_AS_OF = "segments.partners_as_of"
CONTRACTS_AS_OF = "segments.contracts_as_of"

MAX_SINGLE_STATEMENT_FEATURES = 16
"""Feature columns up to which one statement takes about as long as several (benchmarks/README.md)."""

Features = dict[str, tuple[Field, Window | None]]
"""Column name to the measure and window that it sums."""

Restriction = Callable[[str | None], exp.Expr]
"""Returns a predicate on program_id and partner_id of the relation with this name, or of the only one (None)."""


class Compiler:
    """Compiles workflows to statements.

    `last_n_days_include_today` is the project setting of that name: Last N Days are the days 0 to N ago, not 1 to N.
    With more than `max_single_statement_features` sums and semi-joins, the membership is computed in several tables.
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

    def membership(
        self, workflows: Iterable[Workflow], among: str | None = None, sums_candidates: bool = False
    ) -> exp.Query:
        """Return the members of all segments; with `among`, only those in this relation (program_id, partner_id).

        One row per workflow, program, partner and hour (workflow_id, program_id, partner_id, evaluated_at). With
        `sums_candidates`, several segments that all have a transition date sum the measures of their candidates only.
        """
        chosen = sorted_by_id(workflows)
        members = union_all([select_members(one, "partners", self.builder.predicates(one)) for one in chosen])
        if members is None:
            return empty_relation("workflow_id", "program_id", "partner_id").select(_null("evaluated_at", "timestamp"))
        if among:
            return self.with_partner_ctes(members, chosen, in_relation(among))
        return self.with_partner_ctes(members, chosen, candidates=self._candidates(chosen) if sums_candidates else None)

    def with_partner_ctes(
        self,
        statement: exp.Query,
        workflows: Sequence[Workflow],
        restriction: Restriction | None = None,
        candidates: exp.Select | None = None,
    ) -> exp.Query:
        """Return the statement with the CTEs `features` and `partners` that these workflows need.

        With `restriction` the CTEs have only the partners that it holds for. With `candidates` (the key of partners)
        the measures of all others are 0.
        """
        features = self.features(workflows)
        ctes = {}
        if candidates is not None:
            ctes["candidates"] = candidates
        if features:
            ctes["features"] = self._sums(features, of_candidates=candidates is not None)
        ctes["partners"] = self._partners(workflows, features)
        for name, cte in ctes.items():
            if restriction is not None:
                cte = cte.where(restriction(name_of(PARTNERS_AS_OF) if name == "partners" else None))
            statement = statement.with_(name, as_=cte, copy=False)
        return statement

    def workflows(self, workflows: Iterable[Workflow]) -> exp.Query:
        """Return the action of each workflow.

        One row per workflow (workflow_id, program_id, action, recipients).
        """
        rows = [(one.id, one.program, str(one.action), one.recipients) for one in sorted_by_id(workflows)]
        return literal_rows(rows, "workflow_id", "program_id", "action", "recipients")

    def conditions(self, workflows: Iterable[Workflow]) -> exp.Query:
        """Return the columns of marts that each workflow has conditions on.

        One row per workflow and column (workflow_id, program_id, mart_column such as `fct_performance_daily.clicks`).
        """
        rows = [
            (workflow.id, workflow.program, column)
            for workflow in sorted_by_id(workflows)
            for column in sorted(self.columns_read(workflow))
        ]
        return literal_rows(rows, "workflow_id", "program_id", "mart_column")

    def columns_read(self, workflow: Workflow) -> set[str]:
        """Return the columns of marts that a workflow has conditions on, as "model.column"."""
        fields = [self.vocabulary[one.label] for part in workflow.with_named() for one in part.segment]
        return {f"{field.model}.{field.column}" for field in fields if field.column}

    def applications(self, workflows: Iterable[Workflow]) -> exp.Query:
        """Return the waiting applications that meet each application workflow's conditions on contracts.

        One row per workflow, contract and hour (workflow_id, program_id, partner_id, contract_id, evaluated_at).
        """
        applied = [one for one in sorted_by_id(workflows) if isinstance(one.action, AcceptApplication)]
        none = empty_relation("workflow_id", "program_id", "partner_id", "contract_id")
        return union_all([self._applications(one) for one in applied]) or none.select(
            _null("evaluated_at", "timestamp")
        )

    def _applications(self, workflow: Workflow) -> exp.Select:
        columns = ("program_id", "partner_id", "contract_id", aliased("evaluated_at", "as_of"))
        conditions = self.builder.on_one_contract(workflow)
        return (
            exp.select(aliased("workflow_id", literal(workflow.id)), *columns)
            .from_(table(CONTRACTS_AS_OF))
            .where(
                exp.column("program_id").eq(literal(workflow.program)),
                exp.column("is_current"),
                exp.column("contract_stage").eq(literal(AWAITING_APPROVAL)),
                *[self.builder.row_predicate(condition) for condition in conditions],
            )
        )

    def features(self, workflows: Sequence[Workflow]) -> Features:
        """Return the distinct pairs of measure and window of these workflows, by the name of their column."""
        features: Features = {}
        for workflow in (part for one in workflows for part in one.with_named()):
            window = self.builder.window_of(workflow)
            for condition in self.builder.conditions_at_grain(workflow, "day"):
                if isinstance(condition, Compare):
                    field = self.builder.field(condition)
                    features[self.builder.feature_column(field, window)] = (field, window)
        return dict(sorted(features.items()))

    @cached_property
    def dates(self) -> Field:
        """Return the field whose windows the measures are summed over."""
        return next(one for one in self.vocabulary.fields if one.kind == "window" and one.grain == "day")

    def sum(self, field: Field, window: Window | None) -> exp.Expr:
        """Return a measure summed exactly over the days of a window."""
        measure: exp.Expr = exp.column(field.as_of_column)
        if window is not None:
            inside = self.builder.in_window(self.dates, window)
            measure = exp.Case().when(inside, measure, copy=False).else_(literal(0), copy=False)
        kind = "decimal(38, 8)" if field.kind == "amount" else "bigint"
        return exp.cast(exp.Sum(this=measure), kind, copy=False)

    def _candidates(self, workflows: Sequence[Workflow]) -> exp.Select | None:
        """Return the key of the partners that can be in a segment with measures.

        None for a single segment, where reading the facts takes the time, and if a segment has no transition date.
        """
        measured = [one for one in workflows if self.features([one])]
        if len(measured) < 2 or not all(transition_date(one, self.builder) for one in measured):
            return None
        return exp.select(*KEY).from_(table(PARTNERS_AS_OF)).where(candidate_predicate(measured, self.builder))

    def _sums(self, features: Features, of_candidates: bool) -> exp.Select:
        relation = next(iter(features.values()))[0].relation
        base = name_of(relation)
        keys = [exp.column(name, table=base if of_candidates else None) for name in KEY]
        sums = [aliased(name, self.sum(field, window)) for name, (field, window) in features.items()]
        inside = self.builder.bounding_range(self.dates, [window for _, window in features.values()])
        rows = exp.select(*[aliased(one.name, one) if of_candidates else one for one in keys], *sums, copy=False)
        rows = rows.from_(table(relation), copy=False)
        if of_candidates:
            rows = rows.join("candidates", on=equi_join(base, "candidates", KEY), copy=False)
        return rows.where(*inside, copy=False).group_by(*keys, copy=False)

    def _partners(self, workflows: Sequence[Workflow], features: Features) -> exp.Select:
        parts = [part for workflow in workflows for part in workflow.with_named()]
        conditions = [one for part in parts for one in self.builder.conditions_at_grain(part, "partner")]
        used = {column for condition in conditions for column in self.builder.columns(condition)} - set(KEY)
        base = table(PARTNERS_AS_OF)
        if not features:
            return exp.select(*KEY, *sorted(used)).from_(base)

        def partner(name: str) -> exp.Column:
            return exp.column(name, table=base.name)

        def feature(name: str) -> exp.Column:
            return exp.column(name, table="features")

        sums = [aliased(name, exp.func("coalesce", feature(name), literal(0), copy=False)) for name in features]
        return (
            exp.select(*[aliased(name, partner(name)) for name in (*KEY, *sorted(used))], *sums, copy=False)
            .from_(base, copy=False)
            .join(
                exp.to_table("features"),
                on=exp.and_(*[exp.EQ(this=partner(name), expression=feature(name)) for name in KEY], copy=False),
                join_type="left",
                copy=False,
            )
        )


def in_relation(relation: str) -> Restriction:
    """Return the restriction to the partners in a relation with the columns program_id and partner_id."""
    columns = ("program_id", "partner_id")

    def restriction(owner: str | None) -> exp.Expr:
        key = exp.Tuple(expressions=[exp.column(name, table=owner) for name in columns])
        return exp.In(this=key, query=exp.select(*columns).from_(table(relation)).subquery())

    return restriction


def compile_workflow(workflow: Workflow, compiler: Compiler, dialect: str) -> str:
    """Return one workflow's membership as readable SQL to run in the warehouse, with its sentences as comments."""
    lines = [f"{workflow.id}: {workflow.name}", *[str(condition) for condition in workflow.segment]]
    lines += [f"{named.name}: {condition}" for named in workflow.segments for condition in named.conditions]
    comments = "".join(f"-- {' '.join(line.split())}\n" for line in lines)
    return comments + to_sql(compiler.membership([workflow]), dialect) + "\n"


def select_members(workflow: Workflow, relation: str, predicates: Sequence[exp.Expr]) -> exp.Select:
    """Return the members of one segment: the rows of a relation of partners that satisfy its predicates."""
    columns = [
        aliased("workflow_id", literal(workflow.id)),
        exp.column("program_id"),
        exp.column("partner_id"),
        aliased("evaluated_at", "as_of"),
    ]
    source = table(relation) if "." in relation else exp.to_table(relation)
    return exp.select(*columns, copy=False).from_(source, copy=False).where(*predicates, copy=False)


def sorted_by_id(workflows: Iterable[Workflow]) -> list[Workflow]:
    """Return the workflows in the order of every statement."""
    return sorted(workflows, key=lambda workflow: workflow.id)


def aliased(name: str, value: exp.Expr | str) -> exp.Expr:
    """Return a value, or the column of that name, with an alias."""
    return exp.alias_(exp.column(value) if isinstance(value, str) else value, name, copy=False)


def union_all(rows: list[exp.Select]) -> exp.Query | None:
    """Return the rows of all statements; None when there is no statement."""
    return rows[0] if len(rows) == 1 else exp.union(*rows, distinct=False, copy=False) if rows else None


def literal_rows(rows: Sequence[tuple[str, ...]], *columns: str) -> exp.Select:
    """Return rows of texts: one VALUES list, since an engine's parser may fail at a UNION ALL of many SELECTs."""
    if not rows:
        return empty_relation(*columns)
    tuples = [exp.Tuple(expressions=[literal(value) for value in row]) for row in rows]
    alias = exp.TableAlias(this=exp.to_identifier("given"), columns=[exp.to_identifier(name) for name in columns])
    return exp.select(*columns).from_(exp.Values(expressions=tuples, alias=alias), copy=False)


def empty_relation(*columns: str) -> exp.Select:
    """Return no row, with text columns of these names."""
    return exp.select(*[_null(name, "varchar") for name in columns]).where(exp.false())


def _null(name: str, kind: str) -> exp.Expr:
    return exp.alias_(exp.cast(exp.null(), kind), name)
