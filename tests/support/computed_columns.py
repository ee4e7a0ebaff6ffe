"""The computed columns of a model: all columns that are not passed through from what the model reads.

A column that is only renamed or cast is passed through. The select statements of this project are supported: CTEs,
joins, unions and stars.
"""

from collections.abc import Mapping

from sqlglot import exp, parse_one

Columns = dict[str, bool]
"""Maps the name of a column to whether the column is computed."""


def computed_columns(sql: str, dialect: str = "duckdb") -> set[str]:
    """Return the names of the computed columns of a statement.

    >>> sorted(computed_columns('''
    ...     with a as (select *, x + 1 as y from t), b as (select y, z as w, cast(z as text) as v, 1 as one from a)
    ...     select b.*, coalesce(b.w, 0) as u from b'''))
    ['one', 'u', 'y']
    """
    return {name for name, computed in _columns(parse_one(sql, dialect=dialect), {}).items() if computed}


def _columns(query: exp.Expression, outer: Mapping[str, Columns]) -> Columns:
    known = dict(outer)
    for cte in query.ctes:
        known[cte.alias] = _columns(cte.this, known)
    if isinstance(query, exp.Subquery):
        return _columns(query.this, known)
    if isinstance(query, exp.SetOperation):
        left, right = _columns(query.left, known), _columns(query.right, known)
        return {name: computed or later for (name, computed), later in zip(left.items(), right.values(), strict=True)}
    sources = _sources(query, known)
    columns: Columns = {}
    for projection in query.expressions:
        columns |= _projected(projection, sources)
    return columns


def _sources(select: exp.Select, known: Mapping[str, Columns]) -> dict[str, Columns]:
    joined = [join.this for join in select.args.get("joins") or ()]
    source = select.args.get("from_") or select.args.get("from")
    tables = ([source.this] if source else []) + joined
    return {
        table.alias_or_name: _columns(table, known) if isinstance(table, exp.Subquery) else known.get(table.name, {})
        for table in tables
    }


def _projected(projection: exp.Expression, sources: Mapping[str, Columns]) -> Columns:
    value = projection.unalias()
    if isinstance(value, exp.Star):
        return {name: computed for columns in sources.values() for name, computed in columns.items()}
    if isinstance(value, exp.Column) and isinstance(value.this, exp.Star):
        return dict(sources[value.table])
    while isinstance(value, exp.Cast):
        value = value.this
    if not isinstance(value, exp.Column):
        return {projection.alias_or_name: True}
    read = [sources[value.table]] if value.table else sources.values()
    return {projection.alias_or_name: any(columns.get(value.name, False) for columns in read)}
