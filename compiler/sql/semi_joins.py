"""What the contracts and groups of a partner meet, registered once for all segments: a column a question."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from compiler.sql.dialect import literal, name_of, table
from compiler.sql.predicates import KEY

Relation = tuple[str, bool]
"""A relation, and whether its rows are those of an hour."""


@dataclass
class SemiJoinColumns:
    """Asks as `PredicateBuilder.predicates` wants it (HasRow), and remembers what was registered.

    `registered` is relation to name and test of each column, by the text of the test.

    >>> semi_joins = SemiJoinColumns()
    >>> tests = [exp.column("group_name").isin(literal("Gold"))]
    >>> semi_joins("marts.fct_partner_groups", tests, by_hour=False).sql()
    'fct_partner_groups_1'
    >>> semi_joins("marts.fct_partner_groups", tests, by_hour=False).sql()
    'fct_partner_groups_1'
    >>> semi_joins.count
    1
    """

    registered: dict[Relation, dict[str, tuple[str, exp.Expr]]] = field(default_factory=dict)

    def __call__(self, relation: str, tests: Sequence[exp.Expr], by_hour: bool = True) -> exp.Column:
        """The column that says whether the relation has a row of the partner that meets all the tests."""
        test = exp.and_(*tests) if tests else exp.true()
        known = self.registered.setdefault((relation, by_hour), {})
        name, _ = known.setdefault(test.sql(), (f"{name_of(relation)}_{len(known) + 1}", test))
        return exp.column(name)

    @property
    def count(self) -> int:
        """How many questions were registered."""
        return sum(map(len, self.registered.values()))

    def columns(self) -> list[exp.Expr]:
        """The columns, for a relation of partners that `join_to` has joined."""
        return [
            exp.alias_(_zero_is_no(exp.column(name, table=_part(relation))), name, copy=False)
            for relation, _ in sorted(self.registered)
            for name, _ in self.registered[relation, _].values()
        ]

    def join_to(self, partners: exp.Select, base: str) -> exp.Select:
        """The partners, whose relation is called `base`, joined with what their rows meet; nothing is copied."""
        for relation, by_hour in sorted(self.registered):
            keys = [key for key in KEY if by_hour or key != "as_of"]
            meets = [_any(test, name) for name, test in self.registered[relation, by_hour].values()]
            rows = exp.select(*keys, *meets, copy=False).from_(table(relation), copy=False).group_by(*keys, copy=False)
            part = _part(relation)
            partners = partners.with_(part, as_=rows, copy=False)
            partners = partners.join(part, on=equi_join(part, base, keys), join_type="left", copy=False)
        return partners


def equi_join(left: str, right: str, keys: Sequence[str]) -> exp.Expr:
    """The rows of two relations with the same keys."""
    return exp.and_(*[exp.column(key, table=left).eq(exp.column(key, table=right)) for key in keys], copy=False)


def _any(test: exp.Expr, name: str) -> exp.Expr:
    return exp.alias_(exp.Max(this=exp.Case().when(test, literal(1)).else_(literal(0))), name, copy=False)


def _zero_is_no(column: exp.Column) -> exp.Expr:
    """Without a row of the relation the answer is no."""
    return exp.func("coalesce", column, literal(0), copy=False).eq(literal(1))


def _part(relation: str) -> str:
    return f"{name_of(relation)}_matches"
