"""Conditions become boolean expressions over the relations that segments read.

The relations are cut to the hour already; an expression compares columns with literals, and holds no date but those
that a segment names.
"""

from collections.abc import Callable, Sequence

from sqlglot import exp

from compiler.segment_tree import (
    NO_STAGE,
    SELECT_ALL,
    AnyOf,
    Compare,
    Condition,
    Contains,
    DateRange,
    DateWithin,
    DaysAgo,
    LastDays,
    Window,
    Workflow,
)
from compiler.sql.dialect import literal, table
from compiler.vocabulary import Field, Vocabulary

KEY = ("program_id", "as_of", "partner_id")
"""What every relation of segments has, and is joined by."""

HasRow = Callable[..., exp.Expr]
"""Asks whether a relation has a row of the partner that meets tests: (relation, tests, by_hour=True)."""


class PredicateBuilder:
    """The meaning of conditions under a project's vocabulary.

    `last_n_days_include_today` is the project setting of the semantics ("Dates"): Last N Days are 0 to N, not 1 to N.
    """

    def __init__(self, vocabulary: Vocabulary, last_n_days_include_today: bool = False):
        self.vocabulary = vocabulary
        self._include_today = last_n_days_include_today

    def field(self, condition: Condition) -> Field:
        """The field that a condition is about."""
        return self.vocabulary[condition.label]

    def conditions_at_grain(self, workflow: Workflow, grain: str) -> list[Condition]:
        """The conditions of a segment whose field lives at this grain."""
        return [one for one in workflow.segment if self.field(one).grain == grain]

    def window_of(self, workflow: Workflow) -> Window | None:
        """The Performance Date Range of a segment, which applies to every measure in it."""
        return next((one.window for one in workflow.segment if self._is_window(one)), None)

    def predicates(self, workflow: Workflow, has_row: HasRow | None = None) -> list[exp.Expr]:
        """What a row of `partners` must meet to be a member; all of them.

        `has_row` says how a partner's contracts and groups are asked: by `exists` unless it is given.
        """
        tests = [exp.EQ(this=exp.column("program_id"), expression=literal(workflow.program))]
        tests += [self.predicate(workflow, one, has_row) for one in workflow.segment if self._is_tested_alone(one)]
        contracts = self.conditions_at_grain(workflow, "contract")
        return [*tests, self._on_one_contract(contracts, contracts, has_row or exists)] if contracts else tests

    def predicate(self, workflow: Workflow, condition: Condition, has_row: HasRow | None = None) -> exp.Expr:
        """Whether one condition holds for a row of `partners`, for itself."""
        field, has_row = self.field(condition), has_row or exists
        if field.grain == "contract":
            return self._on_one_contract([condition], self.conditions_at_grain(workflow, "contract"), has_row)
        if field.grain == "group":
            return has_row(field.relation, [self.row_predicate(condition)], by_hour=False)
        if isinstance(condition, Compare):
            return _compare(exp.column(self.feature_column(field, self.window_of(workflow))), condition)
        return exp.true() if field.grain == "day" else self.row_predicate(condition)

    def row_predicate(self, condition: Condition) -> exp.Expr:
        """Whether a condition holds for a row of its own field's relation."""
        field = self.field(condition)
        column = exp.column(field.as_of_column)
        if isinstance(condition, AnyOf):
            values = selected_stages(condition, field) if field.kind == "stage" else condition.values
            return exp.In(this=column, expressions=[literal(value) for value in values])
        if isinstance(condition, Contains):
            needle = exp.Lower(this=literal(condition.text))
            return exp.GT(this=exp.StrPosition(this=exp.Lower(this=column), substr=needle), expression=literal(0))
        if isinstance(condition, DateWithin):
            return self.in_window(field, condition.window)
        return _compare(column, condition)

    def in_window(self, field: Field, window: Window) -> exp.Expr:
        """Whether the date of a row lies in a window."""
        if isinstance(window, DateRange):
            column = exp.column(field.as_of_column)
            return exp.Between(this=column, low=literal(window.first), high=literal(window.last))
        days = self.days(window)
        column = exp.column(field.as_of_days_ago_column)
        if days.first == days.last:
            return exp.EQ(this=column, expression=literal(days.first))
        return exp.Between(this=column, low=literal(days.first), high=literal(days.last))

    def bounding_range(self, field: Field, windows: Sequence[Window | None]) -> list[exp.Expr]:
        """What every date in one of the windows meets: the first day of them to the last. No test for all history."""
        if None in windows:
            return []
        days = [self.days(one) for one in windows if not isinstance(one, DateRange)]
        fixed = [one for one in windows if isinstance(one, DateRange)]
        hulls: list[Window] = []
        if days:
            hulls.append(DaysAgo(min(one.first for one in days), max(one.last for one in days)))
        if fixed:
            hulls.append(DateRange(min(one.first for one in fixed), max(one.last for one in fixed)))
        return [exp.or_(*[self.in_window(field, one) for one in hulls], copy=False)]

    def days(self, window: DaysAgo | LastDays) -> DaysAgo:
        """A relative window as days ago."""
        return window.days_ago(self._include_today) if isinstance(window, LastDays) else window

    def columns(self, condition: Condition) -> list[str]:
        """The columns of a row that a condition reads."""
        return sorted({column.name for column in self.row_predicate(condition).find_all(exp.Column)})

    def feature_column(self, field: Field, window: Window | None) -> str:
        """The name of the column that holds a measure summed over a window."""
        if window is None:
            return f"{field.column}_ever"
        if isinstance(window, DateRange):
            return f"{field.column}_{window.first:%Y_%m_%d}_to_{window.last:%Y_%m_%d}"
        days = self.days(window)
        return f"{field.column}_{days.first}_to_{days.last}_days_ago"

    def _on_one_contract(
        self, conditions: Sequence[Condition], segment: Sequence[Condition], has_row: HasRow
    ) -> exp.Expr:
        """All the conditions hold on one contract that is not superseded; Contract Stage None is no contract at all.

        Where the whole segment names no stage, a template term looks at contracts in force or in play only.
        """
        stage = next((one for one in conditions if self.field(one).kind == "stage"), None)
        relation = self.field(conditions[0]).relation
        branches = []
        if stage is None or selected_stages(stage, self.field(stage)) != [NO_STAGE]:
            tests = [exp.column("is_current"), *[self.row_predicate(one) for one in conditions]]
            if not any(self.field(one).kind == "stage" for one in segment):
                counted = {self.field(one).default_filter_column for one in conditions} - {None}
                tests += [exp.column(column) for column in sorted(counted)]
            branches.append(has_row(relation, tests))
        if stage is not None and NO_STAGE in stage.values and len(conditions) == 1:
            branches.append(exp.not_(has_row(relation, [])))
        return exp.or_(*branches) if branches else exp.false()

    def _is_window(self, condition: Condition) -> bool:
        return isinstance(condition, DateWithin) and self.field(condition).kind == "window"

    def _is_tested_alone(self, condition: Condition) -> bool:
        return self.field(condition).grain != "contract" and not self._is_window(condition)


def selected_stages(condition: AnyOf, field: Field) -> list[str]:
    """The stages meant, in the page's order: Select All is every stage but None."""
    named = set(condition.values)
    if SELECT_ALL in named:
        named |= set(field.values) - {NO_STAGE}
    return [value for value in field.values if value in named]


def exists(relation: str, tests: list[exp.Expr], by_hour: bool = True) -> exp.Expr:
    """Whether the relation has a row of the partner (`partners`) that meets the tests."""
    name = relation.split(".")[1]
    keys = [key for key in KEY if by_hour or key != "as_of"]
    same = [exp.EQ(this=exp.column(key, table=name), expression=exp.column(key, table="partners")) for key in keys]
    own = [qualified(test, name) for test in tests]
    rows = exp.select(literal(1), copy=False).from_(table(relation), copy=False)
    return exp.Exists(this=rows.where(*same, *own, copy=False))


def qualified(test: exp.Expr, name: str) -> exp.Expr:
    """The test, its columns those of the relation of this name."""
    return test.transform(_qualify, name, copy=False)


def _qualify(node: exp.Expr, name: str) -> exp.Expr:
    return exp.column(node.name, table=name) if isinstance(node, exp.Column) else node


def _compare(column: exp.Expr, condition: Compare) -> exp.Expr:
    kind = exp.GT if condition.operator == "greater than" else exp.LT
    return kind(this=column, expression=literal(condition.value))
