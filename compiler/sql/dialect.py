"""SQL dialects: sqlglot trees become SQL text here and nowhere else, and each engine says which plan suits it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Literal

from sqlglot import exp, parse_one

from compiler.sql import DEFAULT


@dataclass(frozen=True)
class Engine:
    """How the membership of many segments is computed on an engine.

    union:   one SELECT per workflow, in a UNION ALL;
    explode: one SELECT per table, from an array of the matching workflows that the select list explodes;
    unnest:  the same, with the array in a join.

    Where it is not `union`, the engine repeats a CTE for each SELECT that reads it, its parser fails at some hundred
    branches, and numbering all rows is work for one machine: so all segments are computed in tables that one SELECT
    reads each, and these are joined by their natural key.
    """

    members: Literal["union", "explode", "unnest"] = "union"

    collects_members: bool = False
    """Whether the rows of a UNION ALL are collected before a table is written from them.

    DuckDB writes each branch by itself, and takes more than twice the time for a thousand small ones.
    """

    sums_candidates: bool = False
    """Whether segments in one statement that all have a transition date sum the measures of their candidates only.

    DuckDB takes up to half the time then. PostgreSQL does for one hour, too, but for the many hours of a simulation it
    expects so few candidates that it reads the facts again for each of them.
    """


ENGINES: Mapping[str, Engine] = {
    "bigquery": Engine("unnest"),
    "clickhouse": Engine("explode"),
    "databricks": Engine("explode"),
    "duckdb": Engine(collects_members=True, sums_candidates=True),
    "postgres": Engine(),
    "redshift": Engine(),
    "snowflake": Engine(),
    "spark": Engine("explode"),
    "trino": Engine(),
}
"""The engines by the name of their dialect in sqlglot."""


def literal(value: str | int | Decimal | date) -> exp.Expr:
    """Return a user's value as a typed literal; values reach SQL in no other way.

    >>> literal("Robert'); DROP TABLE partners;--").sql()
    "'Robert''); DROP TABLE partners;--'"
    """
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, str):
        return exp.Literal.string(value)
    return exp.Literal.number(f"{value:f}" if isinstance(value, Decimal) else f"{value:d}")


def table(relation: str) -> exp.Table:
    """Return a relation of the project, given as `schema.name`.

    >>> table("segments.partners_as_of").sql()
    'segments.partners_as_of'
    """
    schema, name = relation.split(".")
    return exp.Table(this=exp.to_identifier(name), db=exp.to_identifier(schema))


def name_of(relation: str) -> str:
    """Return the name of a relation without its schema.

    >>> name_of("segments.partners_as_of")
    'partners_as_of'
    """
    return relation.split(".")[1]


def constant(statement: str) -> exp.Expr:
    """Return a statement of the program, in DuckDB's dialect, as a tree that each engine writes in its own.

    >>> constant("SELECT CAST(as_of AS VARCHAR) FROM raw.evaluations WHERE program_id = ?").sql("spark")
    'SELECT CAST(as_of AS STRING) FROM raw.evaluations WHERE program_id = ?'
    """
    return _parsed(statement).copy()


@cache
def _parsed(statement: str) -> exp.Expr:
    return parse_one(statement, dialect=DEFAULT)


def to_sql(statement: exp.Expr, dialect: str = DEFAULT) -> str:
    """Return the statement as formatted SQL of a dialect."""
    return statement.sql(dialect=dialect, pretty=True)


def to_model(statement: exp.Expr, dialect: str = DEFAULT) -> str:
    """Return the statement as a dbt model: relations become ref(), and Jinja in a user's text is escaped.

    Changes the tree in place, because copying a large tree takes longer than generating the text.

    >>> select = exp.select("name").from_(table("marts.fct_partners")).where(exp.column("name").eq(literal("{{ x }}")))
    >>> print(to_model(select))
    SELECT
      name
    FROM {{ ref('fct_partners') }}
    WHERE
      name = '{{ '{' }}{{ '{' }} x }}'
    """
    return statement.transform(_as_jinja, dialect, copy=False).sql(dialect=dialect, pretty=True, copy=False)


def _as_jinja(node: exp.Expr, dialect: str) -> exp.Expr:
    if isinstance(node, exp.Table) and node.db:
        raw = exp.Table(this=exp.Var(this="{{ ref('" + node.name + "') }}"))
        if node.alias:
            raw.set("alias", node.args["alias"].copy())
        return raw
    if isinstance(node, exp.Literal) and node.is_string and "{" in node.this:
        return exp.Var(this=node.sql(dialect=dialect).replace("{", "{{ '{' }}"))
    return node


def dialects() -> list[str]:
    """Return the supported dialects; their SQL is frozen in tests/data/dialects."""
    return list(ENGINES)
