"""What the contracts and groups of a partner meet, asked once for all segments: a column a question."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from compiler.sql.dialect import literal, name_of, table
from compiler.sql.predicates import KEY

Relation = tuple[str, bool]
"""A relation, and whether its rows are those of an hour."""


@dataclass
class LookUps:
    """Asks as `Conditions.tests` wants it (HasRow), and remembers what was asked.

    `asked` is relation to name and test of each column, by the text of the test.

    >>> ask = LookUps()
    >>> tests = [exp.column("group_name").isin(literal("Gold"))]
    >>> ask("marts.fct_partner_groups", tests, by_hour=False).sql()
    'fct_partner_groups_1'
    >>> ask("marts.fct_partner_groups", tests, by_hour=False).sql()
    'fct_partner_groups_1'
    >>> ask.count
    1
    """

    asked: dict[Relation, dict[str, tuple[str, exp.Expression]]] = field(default_factory=dict)

    def __call__(self, relation: str, tests: Sequence[exp.Expression], by_hour: bool = True) -> exp.Column:
        """The column that says whether the relation has a row of the partner that meets all the tests."""
        test = exp.and_(*tests) if tests else exp.true()
        known = self.asked.setdefault((relation, by_hour), {})
        name, _ = known.setdefault(test.sql(), (f"{name_of(relation)}_{len(known) + 1}", test))
        return exp.column(name)

    @property
    def count(self) -> int:
        """How many questions were asked."""
        return sum(map(len, self.asked.values()))

    def answers(self) -> list[exp.Expression]:
        """The columns, for a relation of partners that `join` has joined."""
        return [
            exp.alias_(_zero_is_no(exp.column(name, table=_part(relation))), name, copy=False)
            for relation, _ in sorted(self.asked)
            for name, _ in self.asked[relation, _].values()
        ]

    def join(self, partners: exp.Select, base: str) -> exp.Select:
        """The partners, whose relation is called `base`, joined with what their rows meet; nothing is copied."""
        for relation, by_hour in sorted(self.asked):
            keys = [key for key in KEY if by_hour or key != "as_of"]
            meets = [_any(test, name) for name, test in self.asked[relation, by_hour].values()]
            rows = exp.select(*keys, *meets, copy=False).from_(table(relation), copy=False).group_by(*keys, copy=False)
            part = _part(relation)
            partners = partners.with_(part, as_=rows, copy=False)
            partners = partners.join(part, on=same(part, base, keys), join_type="left", copy=False)
        return partners


def same(left: str, right: str, keys: Sequence[str]) -> exp.Expression:
    """The rows of two relations with the same keys."""
    return exp.and_(*[exp.column(key, table=left).eq(exp.column(key, table=right)) for key in keys], copy=False)


def _any(test: exp.Expression, name: str) -> exp.Expression:
    return exp.alias_(exp.Max(this=exp.Case().when(test, literal(1)).else_(literal(0))), name, copy=False)


def _zero_is_no(column: exp.Column) -> exp.Expression:
    """Without a row of the relation the answer is no."""
    return exp.func("coalesce", column, literal(0), copy=False).eq(literal(1))


def _part(relation: str) -> str:
    return f"{name_of(relation)}_matches"
