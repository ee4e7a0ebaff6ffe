"""The plans that segments.py measures: each turns workflows into statements that leave their members in `members`.

All are the compiler's own trees but for the floor; they differ in how much is asked in one statement.
"""

from collections.abc import Callable

from sqlglot import exp

from compiler import Compiler, Vocabulary, Workflow, membership_statements
from compiler.sql.dialect import to_sql

Statements = list[str]
ALWAYS, NEVER = 10**9, -1
"""As `max_single_statement_features` of a compiler: one statement always, or never."""


def floor(_: list[Workflow], __: Vocabulary) -> Statements:
    """The bare sum by partner over the same rows."""
    return [
        "create temp table members as select program_id, partner_id, sum(clicks), sum(actions), sum(revenue) "
        "from marts.fct_performance_daily group by program_id, partner_id"
    ]


def compiled(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """What `partnerflow run` builds: one of the next two."""
    return _tables(workflows, Compiler(vocabulary))


def one_statement(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """One sum of a case per measure and window for every partner, and a filter a segment, in one statement."""
    return _tables(workflows, Compiler(vocabulary, max_single_statement_features=ALWAYS))


def tables(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """Partners, days, sums of two families of segments, members: each a table (compiler/sql/staged_plan.py)."""
    return _tables(workflows, Compiler(vocabulary, max_single_statement_features=NEVER))


def ctes(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """As tables, in one statement."""
    *steps, (_, last) = membership_statements(
        workflows, Compiler(vocabulary, max_single_statement_features=NEVER)
    ).items()
    for relation, statement in steps:
        last = last.with_(relation.split(".")[1], as_=statement, copy=False)
    made = {relation for relation, _ in steps}
    return ["create temp table members as " + to_sql(last.transform(_unqualified, made))]


def each(workflows: list[Workflow], vocabulary: Vocabulary) -> Statements:
    """One query a segment, every condition in it."""
    queries = [to_sql(Compiler(vocabulary).membership([workflow])) for workflow in workflows]
    return ["create temp table members as " + queries[0]] + [f"insert into members {one}" for one in queries[1:]]


def _tables(workflows: list[Workflow], compiler: Compiler) -> Statements:
    """The steps as temporary tables: the last one is `members`."""
    steps = membership_statements(workflows, compiler)
    *made_first, _ = [relation.split(".")[1] for relation in steps]
    made = set(steps)
    return [
        f"create temp table {name} as {to_sql(statement.transform(_unqualified, made))}"
        for name, statement in zip([*made_first, "members"], steps.values(), strict=True)
    ]


def _unqualified(node: exp.Expression, made: set[str]) -> exp.Expression:
    """A relation of the steps by its bare name."""
    return exp.to_table(node.name) if isinstance(node, exp.Table) and f"{node.db}.{node.name}" in made else node


PLANS: dict[str, Callable[[list[Workflow], Vocabulary], Statements]] = {
    one.__name__: one for one in (floor, each, compiled, one_statement, tables, ctes)
}
