"""Many workflows become several statements, each a table: every question about a partner is asked once.

With more than `Compiler.most_questions` of them; with fewer, one statement is as fast, and easier to read.

1. `segment_partners`: a row a partner, numbered, with what its contracts and groups meet;
2. `segment_performance`: the days of partners and windows that matter, by the number of the partner;
3. `segment_features_by_transition`, `segment_features_all_partners`: the partners again, with the measures summed;
4. `segment_membership`: a SELECT a workflow over the table that has what it asks for, united.

Why so (benchmarks/README.md): segments with a Last Transition Date ask for many windows of few partners, the others for
few windows of all, so each of these two families has its own sums. A measure is summed over the days that have any of
it: what a sum costs is the reading of a row, and revenue is rare. Tables, because an engine that puts a CTE into each
SELECT, or reads all its columns for each, does the work a thousand times.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlglot import exp

from compiler.segment_tree import Workflow
from compiler.sql.dialect import literal, name_of, table
from compiler.sql.feature_groups import Family, families_of, reach
from compiler.sql.predicates import KEY, qualified
from compiler.sql.semi_joins import LookUps, same
from compiler.sql.single_statement import EVALUATED_PARTNERS, Compiler, by_id, members_of, named, united

PARTNERS = "segments.segment_partners"
PERFORMANCE = "segments.segment_performance"
MEMBERSHIP = "marts.segment_membership"
STEPS = (PARTNERS, PERFORMANCE, Family("by_transition").relation, Family("all_partners").relation, MEMBERSHIP)
"""Every relation that may be made."""

NUMBER = "partner_sk"

Steps = dict[str, exp.Expression]
"""A relation (`schema.name`) to the statement that makes it, in the order in which they are made."""


def membership_steps(workflows: Iterable[Workflow], compiler: Compiler) -> Steps:
    """The statements that lead to the membership of these workflows; the last one is `marts.segment_membership`."""
    chosen = by_id(workflows)
    look_ups = LookUps()
    tests = {one.id: compiler.conditions.tests(one, look_ups) for one in chosen}
    if look_ups.count + len(compiler.features(chosen)) <= compiler.most_questions or not chosen:
        return {MEMBERSHIP: compiler.membership(chosen)}
    return _Tables(compiler, chosen, tests, look_ups, families_of(chosen, compiler)).steps()


@dataclass(frozen=True)
class _Tables:
    """The statements of some workflows; `tests` is workflow id to what a row of partners must meet."""

    compiler: Compiler
    workflows: list[Workflow]
    tests: dict[str, list[exp.Expression]]
    look_ups: LookUps
    families: list[Family]

    def steps(self) -> Steps:
        """What each makes, and the statement."""
        steps: Steps = {PARTNERS: self._partners()}
        if self.families:
            steps[PERFORMANCE] = self._performance()
        steps |= {family.relation: self._features(family) for family in self.families}
        relations = {one.id: family.relation for family in self.families for one in family.workflows}
        members = [members_of(one, relations.get(one.id, PARTNERS), self.tests[one.id]) for one in self.workflows]
        return steps | {MEMBERSHIP: united(members)}

    def _partners(self) -> exp.Select:
        """Every partner of the programs asked for: number, attributes, answers of the look-ups, families."""
        base = name_of(EVALUATED_PARTNERS)
        number = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=_columns(base, KEY)))
        families = [named(one.flag, qualified(reach(one, self.compiler.conditions), base)) for one in self.families]
        columns = [named(NUMBER, number), *_columns(base, (*KEY, *self._attributes()))]
        programs = [literal(program) for program in sorted({one.program for one in self.workflows})]
        partners = exp.select(*columns, *self.look_ups.answers(), *families, copy=False)
        partners = partners.from_(table(EVALUATED_PARTNERS)).where(exp.column("program_id", table=base).isin(*programs))
        return self.look_ups.join(partners, base)

    def _performance(self) -> exp.Select:
        """The days of the families' partners inside any window."""
        dates = self.compiler.dates
        features = [feature for family in self.families for feature in family.features(self.compiler).values()]
        flags = [exp.column(family.flag) for family in self.families]
        measures = sorted({one.as_of_column for one, _ in features})
        inside = self.compiler.conditions.hull(dates, [window for _, window in features])
        return (
            exp.select(NUMBER, *flags, dates.as_of_column, dates.as_of_days_ago_column, *measures)
            .from_(table(dates.relation))
            .join(table(PARTNERS), on=same(name_of(dates.relation), name_of(PARTNERS), KEY))
            .where(exp.or_(*flags), *inside)
        )

    def _features(self, family: Family) -> exp.Select:
        """The partners of a family, with its sums; no activity is 0."""
        base = name_of(PARTNERS)
        features = family.features(self.compiler)
        measures = {name: one.as_of_column for name, (one, _) in features.items()}
        sums = [named(name, _or_zero(exp.column(name, table=_sums_of(one)))) for name, one in measures.items()]
        columns = [*_columns(base, (*KEY, *self._tested(family, features))), *sums]
        partners = exp.select(*columns, copy=False).from_(table(PARTNERS)).where(exp.column(family.flag, table=base))
        for measure in sorted(set(measures.values())):
            part = _sums_of(measure)
            partners = partners.with_(part, as_=self._sums(family, measure), copy=False)
            partners = partners.join(part, on=same(part, base, [NUMBER]), join_type="left", copy=False)
        return partners

    def _sums(self, family: Family, measure: str) -> exp.Select:
        """A measure's sums by partner, over the days that have any."""
        features = {name: one for name, one in family.features(self.compiler).items() if one[0].as_of_column == measure}
        sums = [named(name, self.compiler.sum(*one)) for name, one in features.items()]
        inside = self.compiler.conditions.hull(self.compiler.dates, [window for _, window in features.values()])
        days = exp.select(NUMBER, *sums, copy=False).from_(table(PERFORMANCE)).group_by(NUMBER)
        return days.where(exp.column(family.flag), exp.column(measure).neq(literal(0)), *inside)

    def _attributes(self) -> list[str]:
        """The columns of a partner that the segments read."""
        conditions = {one for workflow in self.workflows for one in self.compiler.conditions.on(workflow, "partner")}
        return sorted({column for one in conditions for column in self.compiler.conditions.columns(one)} - set(KEY))

    def _tested(self, family: Family, features: Iterable[str]) -> list[str]:
        """The columns of `segment_partners` that the segments of a family read."""
        tests = [test for one in family.workflows for test in self.tests[one.id]]
        return sorted({column.name for test in tests for column in test.find_all(exp.Column)} - {*features, *KEY})


def _columns(relation: str, names: Iterable[str]) -> list[exp.Expression]:
    return [exp.column(name, table=relation) for name in names]


def _or_zero(value: exp.Expression) -> exp.Expression:
    return exp.func("coalesce", value, literal(0), copy=False)


def _sums_of(measure: str) -> str:
    return f"sums_of_{measure}"
