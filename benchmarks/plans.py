"""The plans that segments.py measures: each turns workflows into statements that write their members to `members`.

All but the floor are SQL of the compiler; they differ in what one statement does.
"""

from collections.abc import Callable

from sqlglot import exp

from compiler import Compiler, Vocabulary, Workflow, membership_statements
from compiler.sql.dialect import to_sql

Statements = list[str]
ALWAYS, NEVER = 10**9, -1
"""Values of a compiler's `max_single_statement_features`: one statement always, or never."""


def floor(_: list[Workflow], __: Vocabulary) -> Statements:
    """Return the bare sum per partner over the same rows."""
    return [
        "create temp table members as select program_id, partner_id, sum(clicks), sum(actions), sum(revenue) "
        "from marts.fct_performance_daily group by program_id, partner_id"
    ]


def compiled(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """Return what `partnerflow run` builds: `one_statement` or `tables`, by the number of features."""
    return _tables(workflows, Compiler(vocabulary))


def one_statement(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """Return one statement: a sum per measure and window for every partner, and one filter per segment."""
    return _tables(workflows, Compiler(vocabulary, max_single_statement_features=ALWAYS))


def tables(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """Return a table per step: partners, days, sums of two feature groups, members (compiler/sql/staged_plan.py)."""
    return _tables(workflows, Compiler(vocabulary, max_single_statement_features=NEVER))


def ctes(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """Return the tables of `tables` as CTEs of one statement."""
    *steps, (_, last) = membership_statements(
        workflows, Compiler(vocabulary, max_single_statement_features=NEVER)
    ).items()
    last = exp.select("*").from_(last.subquery("members"))
    for relation, statement in steps:
        last = last.with_(relation.split(".")[1], as_=statement, copy=False)
    made = {relation for relation, _ in steps}
    return ["create temp table members as " + to_sql(last.transform(_unqualified, made))]


def each(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """Return one query per segment, with all its conditions."""
    queries = [to_sql(Compiler(vocabulary).membership([workflow])) for workflow in workflows]
    return ["create temp table members as " + queries[0]] + [f"insert into members {one}" for one in queries[1:]]


def _tables(workflows: list[Workflow], compiler: Compiler) -> Statements:
    """Return the steps as temporary tables; the last one is `members`."""
    steps = membership_statements(workflows, compiler)
    *made_first, _ = [relation.split(".")[1] for relation in steps]
    made = set(steps)
    return [
        f"create temp table {name} as {to_sql(statement.transform(_unqualified, made))}"
        for name, statement in zip([*made_first, "members"], steps.values(), strict=True)
    ]


def _unqualified(node: exp.Expression, made: set[str]) -> exp.Expression:
    """Return a table of the steps without its schema, and any other node as it is."""
    return exp.to_table(node.name) if isinstance(node, exp.Table) and f"{node.db}.{node.name}" in made else node


PLANS: dict[str, Callable[[list[Workflow], Vocabulary], Statements]] = {
    one.__name__: one for one in (floor, each, compiled, one_statement, tables, ctes)
}
