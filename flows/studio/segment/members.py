"""Who is in a segment at an hour and who is not, with the reasons: the numbers beside the rows of the editor."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlglot import exp

from compiler import AcceptApplication, Compiler, Workflow, window_dates
from compiler.sql.dialect import literal, table
from compiler.sql.explain import conditions_query
from flows.preview.explain import Explained, actual_text
from flows.preview.hours import create_temp_table
from flows.studio.segment.facts import Facts

SHOWN = 5
"""Number of partners that are shown in the segment, and out of it."""

EVALUATED = "studio_evaluated"


@dataclass(frozen=True)
class PartnerReasons:
    """A partner and what each condition says about it."""

    partner_id: str
    name: str
    conditions: tuple[Explained, ...]


@dataclass(frozen=True)
class SegmentMembers:
    """The members of a segment at an hour.

    `partners` is the number of all partners of the program, `met` that of those that meet each condition by itself.
    `outside` are those first that fail the fewest conditions.
    """

    partners: int
    members: int
    addresses: int
    met: tuple[int, ...]
    inside: tuple[PartnerReasons, ...]
    outside: tuple[PartnerReasons, ...]


def segment_members(facts: Facts, workflow: Workflow, compiler: Compiler, as_of: datetime) -> SegmentMembers:
    """Return who is in the segment of a workflow of any status at `as_of` (UTC), by the SQL of a run.

    Raises PartnerflowError if the workflow's program has no valid time zone.
    """
    facts.cut_to(workflow.program, as_of)
    create_temp_table(facts.connection, EVALUATED, facts.at_hour(conditions_query(workflow, compiler)))
    number = range(len(workflow.segment))
    sums = [exp.func("sum", _as_number(name)) for name in ("member", *(f"holds_{index}" for index in number))]
    counted = exp.select(exp.func("count", exp.Star()), *sums).from_(EVALUATED)
    partners, members, *met = (int(one or 0) for one in _rows(facts, counted)[0])
    assert facts.hour is not None
    reasons = _Reasons(facts, workflow, compiler, facts.hour.local_date)
    return SegmentMembers(
        partners, members, _addresses(facts, workflow) if members else 0, tuple(met),
        reasons.of(True) if members else (), reasons.of(False) if members < partners else (),
    )  # fmt: skip


def _as_number(column: str) -> exp.Expr:
    """Return 1 where a column is true, else 0: also where it is null, as for a partner without a date."""
    return exp.Case().when(exp.column(column), literal(1)).else_(literal(0))


def _rows(facts: Facts, query: exp.Expr) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in facts.connection.execute(query).fetchall()]


def _addresses(facts: Facts, workflow: Workflow) -> int:
    """Return the number of addresses of the members, as `preview` counts them."""
    if isinstance(workflow.action, AcceptApplication):
        return 0
    email = exp.Count(this=exp.Distinct(expressions=[exp.column("email", table="known")]))
    known = table("intermediate.int_partner_addresses")
    same = exp.column("partner_id", table="known").eq(exp.column("partner_id", table=EVALUATED))
    query = exp.select(email).from_(EVALUATED).join(exp.alias_(known, "known", table=True), on=same)
    query = query.where("member", exp.column("program_id", table="known").eq(literal(workflow.program)))
    if workflow.recipients != "all":
        query = query.where(exp.column("is_primary", table="known"))
    ((count,),) = _rows(facts, query)
    return int(count)


@dataclass(frozen=True)
class _Reasons:
    facts: Facts
    workflow: Workflow
    compiler: Compiler
    local_date: date

    def of(self, member: bool) -> tuple[PartnerReasons, ...]:
        """Return the first partners in the segment, or out of it, with their reasons."""
        rows = _rows(self.facts, self._first(member))
        return tuple(PartnerReasons(row[0], row[1] or row[0], self._conditions(row[2:])) for row in rows)

    def _first(self, member: bool) -> exp.Query:
        number = range(len(self.workflow.segment))
        columns = [name for index in number for name in (f"holds_{index}", f"actual_{index}")]
        met: exp.Expr = literal(0)
        for index in number:
            met = exp.Add(this=met, expression=_as_number(f"holds_{index}"))
        first = (
            exp.select("partner_id", *columns, exp.alias_(met, "met"))
            .from_(EVALUATED)
            .where(_as_number("member").eq(literal(int(member))))
            .order_by("met DESC", "partner_id")
            .limit(SHOWN)
        )
        partner, named = exp.column("partner_id", table="first_partners"), table("marts.fct_partners")
        on = exp.and_(
            partner.eq(exp.column("partner_id", table=named.name)),
            exp.column("program_id", table=named.name).eq(literal(self.workflow.program)),
        )
        return (
            exp.select(partner, exp.column("name", table=named.name), *columns)
            .from_(first.subquery("first_partners"))
            .join(named, on=on, join_type="left")
            .order_by("met DESC", partner)
        )

    def _conditions(self, row: Sequence[Any]) -> tuple[Explained, ...]:
        found = []
        for index, condition in enumerate(self.workflow.segment):
            holds, actual = row[2 * index : 2 * index + 2]
            dates = window_dates(condition, self.local_date, self.compiler)
            found.append(Explained(str(condition), bool(holds), *actual_text(actual, dates, self.local_date)))
        return tuple(found)
