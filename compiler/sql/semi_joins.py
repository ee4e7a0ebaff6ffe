"""Semi-joins of partners with their contracts and groups, shared by all segments: one boolean column each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from compiler.sql.dialect import literal, name_of, table
from compiler.sql.predicates import KEY

Relation = tuple[str, bool]
"""A relation, and whether its rows are those of an hour."""


@dataclass
class SemiJoinColumns:
    """Registers semi-joins as a `HasRow` of `PredicateBuilder.predicates`, each distinct one once.

    `registered` has the name and the predicate of each column by relation and by the predicate's text.

    >>> semi_joins = SemiJoinColumns()
    >>> predicates = [exp.column("group_name").isin(literal("Gold"))]
    >>> semi_joins("marts.fct_partner_groups", predicates, by_hour=False).sql()
    'fct_partner_groups_1'
    >>> semi_joins("marts.fct_partner_groups", predicates, by_hour=False).sql()
    'fct_partner_groups_1'
    >>> semi_joins.count
    1
    """

    registered: dict[Relation, dict[str, tuple[str, exp.Expr]]] = field(default_factory=dict)

    def __call__(self, relation: str, predicates: Sequence[exp.Expr], by_hour: bool = True) -> exp.Column:
        """Return the column that is true if the relation has a row of the partner that satisfies all predicates."""
        predicate = exp.and_(*predicates) if predicates else exp.true()
        known = self.registered.setdefault((relation, by_hour), {})
        name, _ = known.setdefault(predicate.sql(), (f"{name_of(relation)}_{len(known) + 1}", predicate))
        return exp.column(name)

    @property
    def count(self) -> int:
        """Return the number of columns."""
        return sum(map(len, self.registered.values()))

    def columns(self) -> list[exp.Expr]:
        """Return the columns, for a SELECT from partners that `join_to` has joined."""
        return [
            exp.alias_(_is_one(exp.column(name, table=_cte(relation))), name, copy=False)
            for relation, by_hour in sorted(self.registered)
            for name, _ in self.registered[relation, by_hour].values()
        ]

    def join_to(self, partners: exp.Select, base: str) -> exp.Select:
        """Return a SELECT from partners (the relation named `base`) joined with the columns; changes it in place."""
        for relation, by_hour in sorted(self.registered):
            keys = [key for key in KEY if by_hour or key != "as_of"]
            columns = [_any(predicate, name) for name, predicate in self.registered[relation, by_hour].values()]
            rows = exp.select(*keys, *columns, copy=False).from_(table(relation), copy=False)
            cte = _cte(relation)
            partners = partners.with_(cte, as_=rows.group_by(*keys, copy=False), copy=False)
            partners = partners.join(cte, on=equi_join(cte, base, keys), join_type="left", copy=False)
        return partners


def equi_join(left: str, right: str, keys: Sequence[str]) -> exp.Expr:
    """Return the condition that two relations are equal in all keys."""
    return exp.and_(*[exp.column(key, table=left).eq(exp.column(key, table=right)) for key in keys], copy=False)


def _any(predicate: exp.Expr, name: str) -> exp.Expr:
    return exp.alias_(exp.Max(this=exp.Case().when(predicate, literal(1)).else_(literal(0))), name, copy=False)


def _is_one(column: exp.Column) -> exp.Expr:
    """Return whether a column is 1; without a row of the relation it is null, which is false."""
    return exp.func("coalesce", column, literal(0), copy=False).eq(literal(1))


def _cte(relation: str) -> str:
    return f"{name_of(relation)}_matches"
