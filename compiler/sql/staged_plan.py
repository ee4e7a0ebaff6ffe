"""Many workflows become several statements, each a table: every question about a partner is asked once.

With at most `Compiler.max_single_statement_features` of them, one statement is as fast, and easier to read.

1. `segment_partners`: a row a partner, numbered, with what its contracts and groups meet;
2. `segment_performance`: the days of partners and windows that matter, by the number of the partner;
3. `segment_features_by_transition`, `segment_features_all_partners`: the partners again, with the measures summed;
4. `segment_membership`: a SELECT a workflow over the table that has what it asks for, united.

Why so (benchmarks/README.md): segments with a Last Transition Date ask for many windows of few partners, the others for
few windows of all, so each of these two groups has its own sums. A measure is summed over the days that have any of
it: what a sum costs is the reading of a row, and revenue is rare. Tables, because an engine that puts a CTE into each
SELECT, or reads all its columns for each, does the work a thousand times.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlglot import exp

from compiler.segment_tree import Workflow
from compiler.sql.dialect import literal, name_of, table
from compiler.sql.feature_groups import FeatureGroup, candidate_predicate, feature_groups
from compiler.sql.predicates import KEY, qualified
from compiler.sql.semi_joins import SemiJoinColumns, equi_join
from compiler.sql.single_statement import PARTNERS_AS_OF, Compiler, aliased, select_members, sorted_by_id, union_all

PARTNERS = "segments.segment_partners"
PERFORMANCE = "segments.segment_performance"
MEMBERSHIP = "marts.segment_membership"
STEPS = (
    PARTNERS,
    PERFORMANCE,
    FeatureGroup("by_transition").relation,
    FeatureGroup("all_partners").relation,
    MEMBERSHIP,
)
"""Every relation that may be made."""

NUMBER = "partner_sk"

Steps = dict[str, exp.Expr]
"""A relation (`schema.name`) to the statement that makes it, in the order in which they are made."""


def membership_statements(workflows: Iterable[Workflow], compiler: Compiler) -> Steps:
    """The statements that lead to the membership of these workflows; the last one is `marts.segment_membership`."""
    chosen = sorted_by_id(workflows)
    semi_joins = SemiJoinColumns()
    tests = {one.id: compiler.builder.predicates(one, semi_joins) for one in chosen}
    if semi_joins.count + len(compiler.features(chosen)) <= compiler.max_single_statement_features or not chosen:
        return {MEMBERSHIP: compiler.membership(chosen)}
    return StagedMembershipPlan(compiler, chosen, tests, semi_joins, feature_groups(chosen, compiler)).steps()


@dataclass(frozen=True)
class StagedMembershipPlan:
    """The statements of some workflows; `tests` is workflow id to what a row of partners must meet."""

    compiler: Compiler
    workflows: list[Workflow]
    tests: dict[str, list[exp.Expr]]
    semi_joins: SemiJoinColumns
    groups: list[FeatureGroup]

    def steps(self) -> Steps:
        """What each makes, and the statement."""
        steps: Steps = {PARTNERS: self._partners()}
        if self.groups:
            steps[PERFORMANCE] = self._performance()
        steps |= {group.relation: self._features(group) for group in self.groups}
        relations = {one.id: group.relation for group in self.groups for one in group.workflows}
        members = [select_members(one, relations.get(one.id, PARTNERS), self.tests[one.id]) for one in self.workflows]
        return steps | {MEMBERSHIP: union_all(members)}

    def _partners(self) -> exp.Select:
        """Every partner of the programs asked for: number, attributes, answers of the look-ups, groups."""
        base = name_of(PARTNERS_AS_OF)
        number = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=_columns(base, KEY)))
        groups = [
            aliased(one.flag_column, qualified(candidate_predicate(one, self.compiler.builder), base))
            for one in self.groups
        ]
        columns = [aliased(NUMBER, number), *_columns(base, (*KEY, *self._attributes()))]
        programs = [literal(program) for program in sorted({one.program for one in self.workflows})]
        partners = exp.select(*columns, *self.semi_joins.columns(), *groups, copy=False)
        partners = partners.from_(table(PARTNERS_AS_OF)).where(exp.column("program_id", table=base).isin(*programs))
        return self.semi_joins.join_to(partners, base)

    def _performance(self) -> exp.Select:
        """The days of the groups' partners inside any window."""
        dates = self.compiler.dates
        features = [feature for group in self.groups for feature in group.features(self.compiler).values()]
        flags = [exp.column(group.flag_column) for group in self.groups]
        measures = sorted({one.as_of_column for one, _ in features})
        inside = self.compiler.builder.bounding_range(dates, [window for _, window in features])
        return (
            exp.select(NUMBER, *flags, dates.as_of_column, dates.as_of_days_ago_column, *measures)
            .from_(table(dates.relation))
            .join(table(PARTNERS), on=equi_join(name_of(dates.relation), name_of(PARTNERS), KEY))
            .where(exp.or_(*flags), *inside)
        )

    def _features(self, group: FeatureGroup) -> exp.Select:
        """The partners of a group, with its sums; no activity is 0."""
        base = name_of(PARTNERS)
        features = group.features(self.compiler)
        measures = {name: one.as_of_column for name, (one, _) in features.items()}
        sums = [aliased(name, _or_zero(exp.column(name, table=_sums_of(one)))) for name, one in measures.items()]
        columns = [*_columns(base, (*KEY, *self._tested(group, features))), *sums]
        partners = (
            exp.select(*columns, copy=False).from_(table(PARTNERS)).where(exp.column(group.flag_column, table=base))
        )
        for measure in sorted(set(measures.values())):
            part = _sums_of(measure)
            partners = partners.with_(part, as_=self._sums(group, measure), copy=False)
            partners = partners.join(part, on=equi_join(part, base, [NUMBER]), join_type="left", copy=False)
        return partners

    def _sums(self, group: FeatureGroup, measure: str) -> exp.Select:
        """A measure's sums by partner, over the days that have any."""
        features = {name: one for name, one in group.features(self.compiler).items() if one[0].as_of_column == measure}
        sums = [aliased(name, self.compiler.sum(*one)) for name, one in features.items()]
        inside = self.compiler.builder.bounding_range(self.compiler.dates, [window for _, window in features.values()])
        days = exp.select(NUMBER, *sums, copy=False).from_(table(PERFORMANCE)).group_by(NUMBER)
        return days.where(exp.column(group.flag_column), exp.column(measure).neq(literal(0)), *inside)

    def _attributes(self) -> list[str]:
        """The columns of a partner that the segments read."""
        conditions = {
            one for workflow in self.workflows for one in self.compiler.builder.conditions_at_grain(workflow, "partner")
        }
        return sorted({column for one in conditions for column in self.compiler.builder.columns(one)} - set(KEY))

    def _tested(self, group: FeatureGroup, features: Iterable[str]) -> list[str]:
        """The columns of `segment_partners` that the segments of a group read."""
        tests = [test for one in group.workflows for test in self.tests[one.id]]
        return sorted({column.name for test in tests for column in test.find_all(exp.Column)} - {*features, *KEY})


def _columns(relation: str, names: Iterable[str]) -> list[exp.Expr]:
    return [exp.column(name, table=relation) for name in names]


def _or_zero(value: exp.Expr) -> exp.Expr:
    return exp.func("coalesce", value, literal(0), copy=False)


def _sums_of(measure: str) -> str:
    return f"sums_of_{measure}"
