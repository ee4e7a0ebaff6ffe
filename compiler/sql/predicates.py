"""Conditions become predicates: boolean expressions over the relations that segments read.

Those relations hold the rows as of the evaluation hour, so a predicate compares columns with literals and contains no
date other than those that a segment names.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlglot import exp

from compiler.segment_reader import SegmentReader, selected_stages
from compiler.segment_tree import (
    NO_STAGE,
    AnyOf,
    Compare,
    Condition,
    Contains,
    DateRange,
    DateWithin,
    DaysAgo,
    NoneOf,
    Window,
    Workflow,
)
from compiler.sql.dialect import literal, table
from compiler.vocabulary import Field

KEY = ("program_id", "as_of", "partner_id")
"""The key of every relation that segments read; they are joined on it."""

HasRow = Callable[..., exp.Expr]
"""Tests whether a relation has a row of the partner that satisfies predicates: (relation, predicates, by_hour=True)."""


class PredicateBuilder(SegmentReader):
    """Builds the predicates of conditions."""

    def predicates(self, workflow: Workflow, has_row: HasRow | None = None) -> list[exp.Expr]:
        """Return the predicates that a row of `partners` satisfies if the partner is a member.

        `has_row` tests the partner's contracts and groups; the default is `exists`.
        """
        of_program = exp.EQ(this=exp.column("program_id"), expression=literal(workflow.program))
        return [of_program, *self._conditions_hold(workflow, has_row)]

    def _conditions_hold(self, workflow: Workflow, has_row: HasRow | None) -> list[exp.Expr]:
        found = [self.predicate(workflow, one, has_row) for one in workflow.segment if self._has_own_predicate(one)]
        return [*found, self.all_on_one_contract(workflow, has_row)] if self.on_one_contract(workflow) else found

    def all_on_one_contract(self, workflow: Workflow, has_row: HasRow | None = None) -> exp.Expr:
        """Return whether a partner has one contract that meets all conditions on contracts."""
        contracts = self.on_one_contract(workflow)
        return self._on_one_contract(contracts, contracts, has_row or exists)

    def predicate(self, workflow: Workflow, condition: Condition, has_row: HasRow | None = None) -> exp.Expr:
        """Return whether one condition, by itself, holds for a row of `partners`."""
        field, has_row = self.field(condition), has_row or exists
        if field.kind == "segment" and isinstance(condition, AnyOf | NoneOf):
            return self._in_segments(workflow, condition, has_row)
        if field.grain == "contact":
            return self._contacted(workflow, condition, has_row)
        if isinstance(condition, NoneOf) and field.grain != "partner":
            alone = replace(workflow, segment=(condition.opposite,))
            return exp.not_(self.predicate(alone, condition.opposite, has_row), copy=False)
        if field.grain == "contract":
            return self._on_one_contract([condition], self.on_one_contract(workflow), has_row)
        if field.grain == "group":
            return has_row(field.relation, [self.row_predicate(condition)], by_hour=False)
        if isinstance(condition, Compare):
            return compare(exp.column(self.feature_column(field, self.window_of(workflow))), condition)
        return exp.true() if field.grain == "day" else self.row_predicate(condition)

    def _in_segments(self, workflow: Workflow, condition: AnyOf | NoneOf, has_row: HasRow) -> exp.Expr:
        """Return whether the partner is in any of the segments, or in none of them.

        Conditions are null where a partner has no date, so `not` would leave out partners that are in none.
        """
        insides = [self._conditions_hold(workflow.inside(name), has_row) for name in condition.values]
        found = exp.or_(*[exp.and_(*one, copy=False) for one in insides], copy=False)
        if isinstance(condition, AnyOf):
            return found
        is_in = exp.Case().when(found, literal(1), copy=False).else_(literal(0), copy=False)
        return exp.EQ(this=is_in, expression=literal(0))

    def _contacted(self, workflow: Workflow, condition: Condition, has_row: HasRow) -> exp.Expr:
        """Return whether a partner has an email of the workflows within the Contacted By Date Range, or has none."""
        if not isinstance(condition, AnyOf | NoneOf):
            return exp.true()
        field = self.field(condition)
        ranges = [one for one in self.conditions_at_grain(workflow, "contact") if isinstance(one, DateWithin)]
        by_one = AnyOf(condition.label, condition.values)
        found = has_row(field.relation, [self.row_predicate(by_one), *[self.row_predicate(one) for one in ranges]])
        return found if isinstance(condition, AnyOf) else exp.not_(found, copy=False)

    def row_predicate(self, condition: Condition) -> exp.Expr:
        """Return whether a condition holds for a row of its own field's relation."""
        field = self.field(condition)
        column = exp.column(field.as_of_column)
        if isinstance(condition, AnyOf):
            values = selected_stages(condition, field) if field.kind == "stage" else condition.values
            return exp.In(this=column, expressions=[literal(value) for value in values])
        if isinstance(condition, NoneOf):
            is_one = self.row_predicate(condition.opposite)
            return exp.or_(exp.Is(this=column, expression=exp.null()), exp.not_(is_one, copy=False), copy=False)
        if isinstance(condition, Contains):
            needle = exp.Lower(this=literal(condition.text))
            return exp.GT(this=exp.StrPosition(this=exp.Lower(this=column), substr=needle), expression=literal(0))
        if isinstance(condition, DateWithin):
            return self.in_window(field, condition.window)
        return compare(column, condition)

    def in_window(self, field: Field, window: Window) -> exp.Expr:
        """Return whether the date of a row lies in a window."""
        if isinstance(window, DateRange):
            column = exp.column(field.as_of_column)
            return exp.Between(this=column, low=literal(window.first), high=literal(window.last))
        days = self.days(window)
        column = exp.column(days_ago_column(field))
        if days.first == days.last:
            return exp.EQ(this=column, expression=literal(days.first))
        return exp.Between(this=column, low=literal(days.first), high=literal(days.last))

    def bounding_range(self, field: Field, windows: Sequence[Window | None]) -> list[exp.Expr]:
        """Return a predicate for the range from the first to the last day of all windows; none for all history."""
        given = [one for one in windows if one is not None]
        if len(given) < len(windows):
            return []
        days = [self.days(one) for one in given if not isinstance(one, DateRange)]
        dates = [one for one in given if isinstance(one, DateRange)]
        ranges: list[Window] = []
        if days:
            ranges.append(DaysAgo(min(one.first for one in days), max(one.last for one in days)))
        if dates:
            ranges.append(DateRange(min(one.first for one in dates), max(one.last for one in dates)))
        return [exp.or_(*[self.in_window(field, one) for one in ranges], copy=False)]

    def columns(self, condition: Condition) -> list[str]:
        """Return the columns of a row that a condition reads."""
        return sorted({column.name for column in self.row_predicate(condition).find_all(exp.Column)})

    def feature_column(self, field: Field, window: Window | None) -> str:
        """Return the name of the column with a measure summed over a window."""
        if window is None:
            return f"{field.column}_ever"
        if isinstance(window, DateRange):
            return f"{field.column}_{window.first:%Y_%m_%d}_to_{window.last:%Y_%m_%d}"
        days = self.days(window)
        return f"{field.column}_{days.first}_to_{days.last}_days_ago"

    def _on_one_contract(
        self, conditions: Sequence[Condition], segment: Sequence[Condition], has_row: HasRow
    ) -> exp.Expr:
        """Return whether all conditions hold on one contract that is not superseded.

        Contract Stage None means no contract at all. Where the whole segment names no stage, a condition with a
        `default_filter_column` considers only contracts for which it is true: Partner Template Term open ones, Contract
        End Date agreed ones. If both are given, the date decides, since a contract that has ended is not open.
        """
        stage = next((one for one in conditions if isinstance(one, AnyOf) and self.field(one).kind == "stage"), None)
        relation = self.field(conditions[0]).relation
        branches = []
        if stage is None or selected_stages(stage, self.field(stage)) != [NO_STAGE]:
            found: list[exp.Expr] = [exp.column("is_current"), *[self.row_predicate(one) for one in conditions]]
            if not any(self.field(one).kind == "stage" for one in segment):
                dated = [one for one in segment if self.field(one).kind == "date"]
                filters = {column for one in dated or conditions if (column := self.field(one).default_filter_column)}
                found += [exp.column(column) for column in sorted(filters)]
            branches.append(has_row(relation, found))
        if stage is not None and NO_STAGE in stage.values and len(conditions) == 1:
            branches.append(exp.not_(has_row(relation, [])))
        return exp.or_(*branches) if branches else exp.false()

    def _is_range(self, condition: Condition) -> bool:
        """Return whether a condition is the date range of others: Performance Date Range, Contacted By Date Range."""
        return isinstance(condition, DateWithin) and self.field(condition).kind == "window"

    def _has_own_predicate(self, condition: Condition) -> bool:
        is_on_one_contract = self.field(condition).grain == "contract" and not isinstance(condition, NoneOf)
        return not is_on_one_contract and not self._is_range(condition)


def days_ago_column(field: Field) -> str:
    """Return the column with the days from a field's date to the local date of the hour.

    Raises ValueError for a date field whose yml names none.
    """
    if field.as_of_days_ago_column is None:
        raise ValueError(f"{field.model}.{field.column} is a date condition without as_of_days_ago_column.")
    return field.as_of_days_ago_column


def exists(relation: str, predicates: list[exp.Expr], by_hour: bool = True) -> exp.Expr:
    """Return whether a relation has a row of the partner (of `partners`) that satisfies all predicates."""
    name = relation.split(".")[1]
    keys = [key for key in KEY if by_hour or key != "as_of"]
    joined = [exp.EQ(this=exp.column(key, table=name), expression=exp.column(key, table="partners")) for key in keys]
    own = [qualified(one, name) for one in predicates]
    rows = exp.select(literal(1), copy=False).from_(table(relation), copy=False)
    return exp.Exists(this=rows.where(*joined, *own, copy=False))


def qualified(predicate: exp.Expr, name: str) -> exp.Expr:
    """Return the predicate with its columns qualified by a relation's name."""
    return predicate.transform(_qualify, name, copy=False)


def _qualify(node: exp.Expr, name: str) -> exp.Expr:
    return exp.column(node.name, table=name) if isinstance(node, exp.Column) else node


def compare(column: exp.Expr, condition: Compare) -> exp.Expr:
    """Return whether a number meets a condition."""
    kind = {"greater than": exp.GT, "less than": exp.LT, "is": exp.EQ}[condition.operator]
    return kind(this=column, expression=literal(condition.value))
