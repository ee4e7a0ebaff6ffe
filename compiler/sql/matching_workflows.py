"""Members by one SELECT per table: an array of the matching workflows of each partner, exploded to rows."""

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from compiler.sql.dialect import Engine, literal, table
from compiler.sql.single_statement import aliased

MAX_WORKFLOWS_PER_SELECT = 1000
"""Length of an array; a table of more workflows is read several times."""

ARRAY, ELEMENT, COLUMN = "workflow_ids", "matching_id", "workflow_id"


def select_matches(relation: str, predicates: Mapping[str, Sequence[exp.Expr]], engine: Engine) -> Iterator[exp.Select]:
    """Return the members of segments that read the same relation of partners, by workflow id to predicates."""
    names = list(predicates)
    for start in range(0, len(names), MAX_WORKFLOWS_PER_SELECT):
        packet = {name: predicates[name] for name in names[start : start + MAX_WORKFLOWS_PER_SELECT]}
        yield _exploded(relation, matching_workflows(packet), engine)


def matching_workflows(predicates: Mapping[str, Sequence[exp.Expr]]) -> exp.Expr:
    """Return an array of the ids of those workflows whose predicates hold for a row."""
    cases = [exp.Case().when(exp.and_(*tests), literal(name)) for name, tests in predicates.items()]
    is_match = exp.column(ELEMENT).is_(exp.null()).not_()
    return exp.ArrayFilter(
        this=exp.Array(expressions=cases),
        expression=exp.Lambda(this=is_match, expressions=[exp.to_identifier(ELEMENT)]),
    )


def _exploded(relation: str, matches: exp.Expr, engine: Engine) -> exp.Select:
    columns = [exp.column("program_id"), exp.column("partner_id"), aliased("evaluated_at", "as_of")]
    if engine.members == "explode":
        return exp.select(aliased(COLUMN, exp.Explode(this=matches)), *columns).from_(table(relation))
    found = exp.select(*columns, aliased(ARRAY, matches)).from_(table(relation))
    alias = exp.TableAlias(this=exp.to_identifier("members"), columns=[exp.to_identifier(COLUMN)])
    rows = exp.Unnest(expressions=[exp.column(ARRAY)], alias=alias)
    names = (COLUMN, "program_id", "partner_id", "evaluated_at")
    return exp.select(*names).from_(found.subquery("matched")).join(rows, join_type="cross")
