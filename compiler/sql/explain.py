"""Queries that explain why a partner is in a segment or not, one condition at a time."""

from datetime import date, timedelta

from sqlglot import exp

from compiler.segment_tree import Compare, Condition, DateRange, DateWithin, Workflow
from compiler.sql.dialect import literal, table
from compiler.sql.predicates import KEY
from compiler.sql.single_statement import Compiler


def explain_query(workflow: Workflow, partner_id: str, compiler: Compiler) -> exp.Query:
    """Return a query for whether the partner is a member, and for each condition whether it holds and its actual value.

    One row per hour, with the columns as_of, member, holds_0, actual_0, holds_1, … in the order of the segment.
    `actual` is null for conditions on contracts, groups, emails and segments, and for date ranges.
    """
    member = exp.alias_(exp.and_(*compiler.builder.predicates(workflow)), "member")
    statement = _by_condition(workflow, compiler, "as_of", member).order_by("as_of")

    def restriction(owner: str | None) -> exp.Expr:
        return exp.column("partner_id", table=owner).eq(literal(partner_id))

    return compiler.with_partner_ctes(statement, [workflow], restriction)


def conditions_query(workflow: Workflow, compiler: Compiler) -> exp.Query:
    """Return the query of `explain_query` for all partners of the program at one hour.

    One row per partner, with the columns partner_id, member, holds_0, actual_0, holds_1, …

    `member` is made of the other columns, so that an engine tests the contracts and groups of all partners once.
    """
    number = range(len(workflow.segment))
    holding = [f"holds_{index}" for index in number]
    shown = [name for index in number for name in (f"holds_{index}", f"actual_{index}")]
    together: list[exp.Expr] = []
    if len(compiler.builder.on_one_contract(workflow)) > 1:  # each may hold on another contract
        holding.append("on_one_contract")
        together.append(exp.alias_(compiler.builder.all_on_one_contract(workflow), "on_one_contract"))
    evaluated = _by_condition(workflow, compiler, "partner_id", *together).subquery("evaluated")
    member = exp.alias_(exp.and_(*map(exp.column, holding)), "member")
    return compiler.with_partner_ctes(exp.select("partner_id", member, *shown).from_(evaluated), [workflow])


def _by_condition(workflow: Workflow, compiler: Compiler, *columns: exp.Expr | str) -> exp.Select:
    """Return the select of some columns, and of whether each condition holds and its actual value."""
    builder = compiler.builder
    found: list[exp.Expr | str] = list(columns)
    for index, condition in enumerate(workflow.segment):
        found.append(exp.alias_(builder.predicate(workflow, condition), f"holds_{index}"))
        found.append(exp.alias_(_actual(workflow, condition, compiler), f"actual_{index}"))
    mine = exp.column("program_id").eq(literal(workflow.program))
    return exp.select(*found).from_("partners").where(mine)


def values_query(condition: Condition, workflow: Workflow, partner_id: str, compiler: Compiler) -> exp.Query | None:
    """Return a query for the values of a condition among the partner's contracts, groups or emails; None for others.

    One row per hour and value (as_of, value). as_of is null for groups, which have no history.
    """
    field = compiler.builder.field(condition)
    if field.grain not in ("contract", "group", "contact"):
        return None
    by_hour = field.grain != "group"
    predicates = [
        exp.column("program_id").eq(literal(workflow.program)),
        exp.column("partner_id").eq(literal(partner_id)),
        *([exp.column("is_current")] if field.grain == "contract" else []),
    ]
    as_of = exp.column("as_of") if by_hour else exp.cast(exp.null(), "timestamp")
    columns = (exp.alias_(as_of, "as_of"), exp.alias_(exp.column(field.as_of_column), "value"))
    return exp.select(*columns).distinct().from_(table(field.relation)).where(*predicates).order_by("value")


def window_dates(condition: Condition, local_date: date, compiler: Compiler) -> tuple[date, date] | None:
    """Return the first and last calendar date of a condition's window on a local date; None without a window.

    >>> from compiler import Compiler, parse, project_vocabulary
    >>> compiler = Compiler(project_vocabulary())
    >>> condition = parse("Last Transition Date is Last 30 Days", compiler.vocabulary)
    >>> [str(day) for day in window_dates(condition, date(2026, 3, 20), compiler)]
    ['2026-02-18', '2026-03-19']
    """
    if not isinstance(condition, DateWithin):
        return None
    if isinstance(condition.window, DateRange):
        return condition.window.first, condition.window.last
    days = compiler.builder.days(condition.window)
    return local_date - timedelta(days=days.last), local_date - timedelta(days=days.first)


def describe(workflow: Workflow) -> str:
    """Return the segment as one English sentence.

    >>> from compiler import parse, project_vocabulary
    >>> from compiler.segment_tree import SendEmail
    >>> sentences = ["Performance Date Range is Last 30 Days", "Clicks less than 9"]
    >>> segment = tuple(parse(one, project_vocabulary()) for one in sentences)
    >>> describe(Workflow("w", "W", "", "1000", "draft", segment, SendEmail("m")))
    'Partners of program 1000 whose Clicks (Performance Date Range is Last 30 Days) are less than 9.'
    """
    window = next((str(one) for one in workflow.segment if _is_range(one)), None)
    parts = [f"whose {_in_words(one, window)}" for one in workflow.segment if not _is_range(one)]
    return f"Partners of program {workflow.program} {' and '.join(parts)}."


def _is_range(condition: Condition) -> bool:
    return condition.label == "Performance Date Range"


def _in_words(condition: Condition, window: str | None) -> str:
    if isinstance(condition, Compare) and window:
        operator = "" if condition.operator == "is" else f"{condition.operator} "
        return f"{condition.label} ({window}) are {operator}{condition.value:f}"
    return str(condition)


def _actual(workflow: Workflow, condition: Condition, compiler: Compiler) -> exp.Expr:
    builder = compiler.builder
    field = builder.field(condition)
    if isinstance(condition, Compare) and field.grain == "day":
        return exp.column(builder.feature_column(field, builder.window_of(workflow)))
    if field.grain == "partner":
        (column,) = builder.columns(condition)
        return exp.column(column, table="partners" if column in KEY else None)
    return exp.null()
