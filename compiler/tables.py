"""Many workflows become several statements, each a table: every question about a partner is asked once.

Used from `Compiler.most_questions` on; below, one statement is as fast, and easier to read.

1. `segment_partners`: a row a partner, numbered, with what its contracts and groups meet;
2. `segment_performance`: the days of partners and windows that matter, by the number of the partner;
3. `segment_features_dated`, `segment_features_undated`: the partners again, with the measures summed;
4. `segment_membership`: a SELECT a workflow over the table that has what it asks for, united.

Why so (benchmarks/README.md): segments with a Last Transition Date ask for many windows of few partners, the others for
few windows of all, so each of these two families has its own sums. A measure is summed over the days that have any of
it, in narrow rows: what a sum costs is the reading of a day's row and the width of the partner's. Tables, because an
engine that puts a CTE into each SELECT, or reads all its columns for each, does the work a thousand times.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from compiler.compile import EVALUATED_PARTNERS, Compiler, Features, by_id, members_of, named, united
from compiler.conditions import KEY, qualified
from compiler.dialect import literal, table
from compiler.tree import Dates, DaysAgo, Window, Within, Workflow
from compiler.vocabulary import Field

PARTNERS = "segments.segment_partners"
PERFORMANCE = "segments.segment_performance"
MEMBERSHIP = "marts.segment_membership"
NUMBER = "partner_number"

Steps = dict[str, exp.Expression]
"""A relation (`schema.name`) to the statement that makes it, in the order in which they are made."""


def membership_steps(workflows: Iterable[Workflow], compiler: Compiler) -> Steps:
    """The statements that lead to the membership of these workflows; the last one is `marts.segment_membership`."""
    tables = _Tables(by_id(workflows), compiler)
    if tables.questions <= compiler.most_questions:
        return {MEMBERSHIP: compiler.membership(workflows)}
    return tables.steps()


@dataclass
class Family:
    """Workflows that ask for measures of the same partners: `name` is dated or undated (see above)."""

    name: str
    workflows: list[Workflow]
    features: Features

    @property
    def relation(self) -> str:
        """The table of their partners."""
        return f"segments.segment_features_{self.name}"

    @property
    def flag(self) -> str:
        """The column that is true for every partner that one of them can have, and for few others."""
        return f"is_{self.name}"


STEPS = (PARTNERS, PERFORMANCE, *[Family(name, [], {}).relation for name in ("dated", "undated")], MEMBERSHIP)
"""Every relation that may be made."""


@dataclass
class LookUps:
    """Questions about rows of contracts and groups, each a column of `segment_partners` that says whether one meets it.

    `asked` is (relation, by_hour) to name and test of each column, by the text of the test.
    """

    asked: dict[tuple[str, bool], dict[str, tuple[str, exp.Expression]]] = field(default_factory=dict)

    def __call__(self, relation: str, tests: Sequence[exp.Expression], by_hour: bool = True) -> exp.Column:
        """The column that answers whether the relation has a row of the partner that meets all the tests."""
        test = exp.and_(*tests) if tests else exp.true()
        known = self.asked.setdefault((relation, by_hour), {})
        name, _ = known.setdefault(test.sql(), (f"{_name(relation)}_{len(known) + 1}", test))
        return exp.column(name)

    @property
    def columns(self) -> dict[tuple[str, bool], dict[str, exp.Expression]]:
        """(relation, by_hour), sorted, to the tests by the name of their column."""
        return {key: dict(known.values()) for key, known in sorted(self.asked.items())}


class _Tables:
    def __init__(self, workflows: list[Workflow], compiler: Compiler):
        self.compiler = compiler
        self.conditions = compiler.conditions
        self.workflows = workflows
        self.look_ups = LookUps()
        self.tests = {one.id: self.conditions.tests(one, self.look_ups) for one in workflows}
        dated = {one.id for one in workflows if self._transition(one)}
        measured = [one for one in workflows if compiler.features([one])]
        split = {
            "dated": [one for one in measured if one.id in dated],
            "undated": [one for one in measured if one.id not in dated],
        }
        self.families = [Family(name, chosen, compiler.features(chosen)) for name, chosen in split.items() if chosen]
        self.relations = {one.id: family.relation for family in self.families for one in family.workflows}

    @property
    def questions(self) -> int:
        """How many sums and look-ups the workflows need."""
        sums = self.compiler.features(self.workflows)
        return len(sums) + sum(map(len, self.look_ups.asked.values()))

    def steps(self) -> Steps:
        """The statements, by what they make."""
        steps = {PARTNERS: self._partners()}
        if self.families:
            steps[PERFORMANCE] = self._performance()
        steps |= {family.relation: self._features(family) for family in self.families}
        members = [members_of(one, self.relations.get(one.id, PARTNERS), self.tests[one.id]) for one in self.workflows]
        return steps | {MEMBERSHIP: united(members)}

    def _partners(self) -> exp.Select:
        """Every partner of the programs asked for: number, attributes, answers of the look-ups, families."""
        base = _name(EVALUATED_PARTNERS)
        key = [exp.column(name, table=base) for name in KEY]
        number = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=key))
        programs = sorted({one.program for one in self.workflows})
        partners = exp.select(
            named(NUMBER, number),
            *key,
            *[exp.column(name, table=base) for name in self._attributes(self.workflows)],
            *[self._answer(relation, name) for (relation, _), asked in self.look_ups.columns.items() for name in asked],
            *[named(family.flag, qualified(self._reach(family), base)) for family in self.families],
        ).from_(table(EVALUATED_PARTNERS))
        partners = partners.where(key[0].copy().isin(*[literal(program) for program in programs]))
        for (relation, by_hour), asked in self.look_ups.columns.items():
            partners = self._asking(partners, relation, by_hour, asked)
        return partners

    def _asking(
        self, partners: exp.Select, relation: str, by_hour: bool, asked: dict[str, exp.Expression]
    ) -> exp.Select:
        """The partners joined with what their rows of a relation meet."""
        name = _answers(relation)
        keys = [key for key in KEY if by_hour or key != "as_of"]
        meets = [
            named(column, exp.Max(this=exp.Case().when(test, literal(1)).else_(literal(0))))
            for column, test in asked.items()
        ]
        rows = exp.select(*keys, *meets).from_(table(relation)).group_by(*keys)
        return partners.with_(name, as_=rows).join(name, on=_same(name, "evaluated_partners", keys), join_type="left")

    def _answer(self, relation: str, name: str) -> exp.Expression:
        answer = exp.func("coalesce", exp.column(name, table=_answers(relation)), literal(0))
        return named(name, answer.eq(literal(1)))

    def _performance(self) -> exp.Select:
        """The days of the families' partners inside any window."""
        days = _name(self.compiler.dates.relation)
        measures = sorted({one.evaluated_column for family in self.families for one, _ in family.features.values()})
        dates = [self.compiler.dates.evaluated_column, self.compiler.dates.days_ago_column]
        flags = [exp.column(family.flag) for family in self.families]
        windows = [window for family in self.families for _, window in family.features.values()]
        return (
            exp.select(NUMBER, *flags, *dates, *measures)
            .from_(table(self.compiler.dates.relation))
            .join(table(PARTNERS), on=_same(days, _name(PARTNERS), KEY))
            .where(exp.or_(*flags), *self._hull(self.compiler.dates, windows))
        )

    def _features(self, family: Family) -> exp.Select:
        """The partners of a family, with its sums; no activity is 0."""
        base = _name(PARTNERS)
        measures = sorted({one.evaluated_column for one, _ in family.features.values()})
        sums = [
            named(name, exp.func("coalesce", exp.column(name, table=_sums_of(one.evaluated_column)), literal(0)))
            for name, (one, _) in family.features.items()
        ]
        tested = {column.name for one in family.workflows for test in self.tests[one.id] for column in _columns(test)}
        kept = sorted(tested - set(family.features) - set(KEY))
        partners = exp.select(*[exp.column(name, table=base) for name in (*KEY, *kept)], *sums)
        partners = partners.from_(table(PARTNERS)).where(exp.column(family.flag, table=base))
        for measure in measures:
            name = _sums_of(measure)
            partners = partners.with_(name, as_=self._sums(family, measure))
            partners = partners.join(name, on=_same(name, base, [NUMBER]), join_type="left")
        return partners

    def _sums(self, family: Family, measure: str) -> exp.Select:
        """A measure's sums by partner, over the days that have any."""
        features = {name: one for name, one in family.features.items() if one[0].evaluated_column == measure}
        columns = [named(name, self.compiler.sum(*one)) for name, one in features.items()]
        windows = [window for _, window in features.values()]
        tests = [exp.column(family.flag), exp.column(measure).neq(literal(0))]
        tests += self._hull(self.compiler.dates, windows)
        return exp.select(NUMBER, *columns).from_(table(PERFORMANCE)).where(*tests).group_by(NUMBER)

    def _reach(self, family: Family) -> exp.Expression:
        """True for every partner that one of the segments can have, by program, stage and transition date."""
        windows: dict[exp.Expression, list[Within | None]] = {}
        for workflow in family.workflows:
            stage = [one for one in self.conditions.on(workflow, "partner") if self._kind(one) == "stage"]
            tests = [exp.column("program_id").eq(literal(workflow.program)), *map(self.conditions.on_row, stage)]
            windows.setdefault(exp.and_(*tests), []).append(self._transition(workflow))
        branches = []
        for test, dates in windows.items():
            hull = self._hull(self.conditions.field(dates[0]), [one.window for one in dates]) if dates[0] else []
            branches.append(exp.and_(test, *hull))
        return exp.or_(*branches)

    def _hull(self, dates: Field, windows: Sequence[Window | None]) -> list[exp.Expression]:
        """The test that every date in one of the windows meets: from the first to the last of them; none for all
        history."""
        if None in windows:
            return []
        days = [self.conditions.days(one) for one in windows if not isinstance(one, Dates)]
        fixed = [one for one in windows if isinstance(one, Dates)]
        hulls: list[Window] = []
        if days:
            hulls.append(DaysAgo(min(one.first for one in days), max(one.last for one in days)))
        if fixed:
            hulls.append(Dates(min(one.first for one in fixed), max(one.last for one in fixed)))
        return [exp.or_(*[self.conditions.inside(dates, one) for one in hulls])]

    def _attributes(self, workflows: Sequence[Workflow]) -> list[str]:
        """The columns of a partner that the segments read."""
        conditions = [one for workflow in workflows for one in self.conditions.on(workflow, "partner")]
        return sorted({column for one in conditions for column in self.conditions.columns(one)} - set(KEY))

    def _transition(self, workflow: Workflow) -> Within | None:
        """Its Last Transition Date."""
        dates = [one for one in self.conditions.on(workflow, "partner") if self._kind(one) == "date"]
        return dates[0] if dates else None

    def _kind(self, condition) -> str:
        return self.conditions.field(condition).kind


def _columns(test: exp.Expression) -> Iterable[exp.Column]:
    return test.find_all(exp.Column)


def _same(left: str, right: str, keys: Iterable[str]) -> exp.Expression:
    return exp.and_(*[exp.column(key, table=left).eq(exp.column(key, table=right)) for key in keys])


def _name(relation: str) -> str:
    return relation.split(".")[1]


def _answers(relation: str) -> str:
    return f"answers_of_{_name(relation)}"


def _sums_of(measure: str) -> str:
    return f"sums_of_{measure}"
