"""Many workflows become several statements, each of which makes a table, so that shared work is done once.

With at most `Compiler.max_single_statement_features` feature columns, one statement is as fast and easier to read.

1. `segment_partners`: one row per partner with one column per distinct semi-join;
2. `segment_performance`: the days of the partners and windows that matter;
3. `segment_features_by_transition`, `segment_features_all_partners`: the partners with the measures summed;
4. `segment_membership`: one SELECT per workflow from the table that has its columns, combined by UNION ALL. On engines
   that explode an array (`Engine`), one SELECT per table.

The tables are joined by a surrogate key, or by the natural one on an engine with several machines.

The reasons (benchmarks/README.md): segments with a Last Transition Date read many windows of few partners, the others
few windows of all partners, so each of these two groups has its own sums. A measure is summed over the days on which it
is not 0: the cost of a sum is the reading of rows, and revenue is rare. The results are tables because an engine that
inlines a CTE into each SELECT, or reads all its columns for each, would repeat the work a thousand times.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlglot import exp

from compiler.segment_tree import Workflow
from compiler.sql import DEFAULT
from compiler.sql.candidates import candidate_predicate
from compiler.sql.dialect import ENGINES, Engine, literal, name_of, table
from compiler.sql.feature_groups import FeatureGroup, feature_groups
from compiler.sql.matching_workflows import select_matches
from compiler.sql.predicates import KEY, days_ago_column, qualified
from compiler.sql.semi_joins import SemiJoinColumns, equi_join
from compiler.sql.single_statement import PARTNERS_AS_OF, Compiler, aliased, select_members, sorted_by_id, union_all

PARTNERS = "segments.segment_partners"
PERFORMANCE = "segments.segment_performance"
FEATURES = tuple(FeatureGroup(name).relation for name in ("by_transition", "all_partners"))
MEMBERSHIP = "marts.segment_membership"
STAGES = (PARTNERS, PERFORMANCE, *FEATURES, MEMBERSHIP)
"""Every relation of a staged plan."""

SURROGATE_KEY = "partner_sk"

Statements = dict[str, exp.Query]
"""A relation (`schema.name`) to the statement that makes it, in order of execution."""


def membership_statements(workflows: Iterable[Workflow], compiler: Compiler, dialect: str = DEFAULT) -> Statements:
    """Return the statements that compute the membership of these workflows, as suits the engine of a dialect.

    The last one makes `marts.segment_membership`: one row per workflow, program, partner and hour.
    """
    chosen = sorted_by_id(workflows)
    semi_joins = SemiJoinColumns()
    predicates = {one.id: compiler.builder.predicates(one, semi_joins) for one in chosen}
    count = semi_joins.count + len(compiler.features(chosen))
    engine = ENGINES[dialect]
    if not chosen or (engine.members == "union" and count <= compiler.max_single_statement_features):
        return {MEMBERSHIP: compiler.membership(chosen, sums_candidates=engine.sums_candidates)}
    groups = feature_groups(chosen, compiler)
    return StagedMembershipPlan(compiler, chosen, predicates, semi_joins, groups, engine).statements()


@dataclass(frozen=True)
class StagedMembershipPlan:
    """The statements of at least one workflow; `predicates` has those on a row of partners, by workflow id."""

    compiler: Compiler
    workflows: list[Workflow]
    predicates: dict[str, list[exp.Expr]]
    semi_joins: SemiJoinColumns
    groups: list[FeatureGroup]
    engine: Engine

    @property
    def key(self) -> tuple[str, ...]:
        """Return the columns by which the tables are joined."""
        return (SURROGATE_KEY,) if self.engine.members == "union" else KEY

    def statements(self) -> Statements:
        """Return the statement of each relation, in order of execution."""
        statements: Statements = {PARTNERS: self._partners()}
        if self.groups:
            statements[PERFORMANCE] = self._performance()
        statements |= {group.relation: self._features(group) for group in self.groups}
        return statements | {MEMBERSHIP: self._membership()}

    def _membership(self) -> exp.Query:
        sources = {one.id: group.relation for group in self.groups for one in group.workflows}
        if self.engine.members == "union":
            members = [
                select_members(one, sources.get(one.id, PARTNERS), self.predicates[one.id]) for one in self.workflows
            ]
        else:
            tested: dict[str, dict[str, list[exp.Expr]]] = {}
            for one in self.workflows:
                tested.setdefault(sources.get(one.id, PARTNERS), {})[one.id] = self.predicates[one.id]
            members = [
                select
                for relation, predicates in sorted(tested.items())
                for select in select_matches(relation, predicates, self.engine)
            ]
        found = union_all(members) or self.compiler.membership([])
        return _collected(found) if self.engine.collects_members else found

    def _partners(self) -> exp.Select:
        """Return every partner of the programs: key, attributes, semi-joins, feature groups."""
        base = name_of(PARTNERS_AS_OF)
        order = exp.Order(expressions=[exp.column(name, table=base) for name in KEY])
        number = aliased(SURROGATE_KEY, exp.Window(this=exp.RowNumber(), order=order))
        builder = self.compiler.builder
        flags = [
            aliased(one.flag_column, qualified(candidate_predicate(one.workflows, builder), base))
            for one in self.groups
        ]
        columns = [number] if SURROGATE_KEY in self.key else []
        columns += _columns(base, (*KEY, *self._attributes()))
        programs = [literal(program) for program in sorted({one.program for one in self.workflows})]
        partners = exp.select(*columns, *self.semi_joins.columns(), *flags, copy=False)
        partners = partners.from_(table(PARTNERS_AS_OF)).where(exp.column("program_id", table=base).isin(*programs))
        return self.semi_joins.join_to(partners, base)

    def _performance(self) -> exp.Select:
        """Return the days of the groups' partners inside any window."""
        dates = self.compiler.dates
        features = [feature for group in self.groups for feature in group.features(self.compiler).values()]
        flags = [exp.column(group.flag_column) for group in self.groups]
        measures = sorted({one.as_of_column for one, _ in features})
        inside = self.compiler.builder.bounding_range(dates, [window for _, window in features])
        return (
            exp.select(
                *_columns(name_of(PARTNERS), self.key), *flags, dates.as_of_column, days_ago_column(dates), *measures
            )
            .from_(table(dates.relation))
            .join(table(PARTNERS), on=equi_join(name_of(dates.relation), name_of(PARTNERS), KEY))
            .where(exp.or_(*flags), *inside)
        )

    def _features(self, group: FeatureGroup) -> exp.Select:
        """Return the partners of a group with its sums; without activity they are 0."""
        base = name_of(PARTNERS)
        features = group.features(self.compiler)
        measures = {name: one.as_of_column for name, (one, _) in features.items()}
        sums = [aliased(name, _or_zero(exp.column(name, table=_sums_of(one)))) for name, one in measures.items()]
        columns = [*_columns(base, (*KEY, *self._tested(group, features))), *sums]
        flag = exp.column(group.flag_column, table=base)
        partners = exp.select(*columns, copy=False).from_(table(PARTNERS)).where(flag)
        for measure in sorted(set(measures.values())):
            cte = _sums_of(measure)
            partners = partners.with_(cte, as_=self._sums(group, measure), copy=False)
            partners = partners.join(cte, on=equi_join(cte, base, self.key), join_type="left", copy=False)
        return partners

    def _sums(self, group: FeatureGroup, measure: str) -> exp.Select:
        """Return a measure's sums per partner, over the days on which it is not 0."""
        every = group.features(self.compiler)
        features = {name: one for name, one in every.items() if one[0].as_of_column == measure}
        sums = [aliased(name, self.compiler.sum(*one)) for name, one in features.items()]
        windows = [window for _, window in features.values()]
        inside = self.compiler.builder.bounding_range(self.compiler.dates, windows)
        days = exp.select(*self.key, *sums, copy=False).from_(table(PERFORMANCE)).group_by(*self.key)
        return days.where(exp.column(group.flag_column), exp.column(measure).neq(literal(0)), *inside)

    def _attributes(self) -> list[str]:
        """Return the columns of a partner that the segments read."""
        builder = self.compiler.builder
        parts = [part for workflow in self.workflows for part in workflow.with_named()]
        conditions = {one for part in parts for one in builder.conditions_at_grain(part, "partner")}
        return sorted({column for one in conditions for column in builder.columns(one)} - set(KEY))

    def _tested(self, group: FeatureGroup, features: Iterable[str]) -> list[str]:
        """Return the columns of `segment_partners` that the segments of a group read."""
        predicates = [predicate for one in group.workflows for predicate in self.predicates[one.id]]
        read = {column.name for predicate in predicates for column in predicate.find_all(exp.Column)}
        return sorted(read - {*features, *KEY})


def _columns(relation: str, names: Iterable[str]) -> list[exp.Expr]:
    """Return columns of a relation, each with its own name: some engines name a column of a table by its qualifier."""
    return [aliased(name, exp.column(name, table=relation)) for name in names]


def _or_zero(value: exp.Expr) -> exp.Expr:
    return exp.func("coalesce", value, literal(0), copy=False)


def _collected(members: exp.Query) -> exp.Select:
    """Return the same rows, after all of them have been computed."""
    columns = ("workflow_id", "program_id", "partner_id", "evaluated_at")
    return exp.select(*columns).from_("members").with_("members", as_=members, materialized=True, copy=False)


def _sums_of(measure: str) -> str:
    return f"sums_of_{measure}"
