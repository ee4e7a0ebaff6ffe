"""Example partners as raw rows, to compare the analysis with the compiled SQL and the oracle."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from compiler import Compiler, Workflow
from compiler.analysis.example import ExamplePartner
from support.account import empty_account
from support.oracle import Condition, Oracle

BEFORE_ALL = datetime(1880, 1, 1, tzinfo=UTC)
RUN = time(12)


def hour(example: ExamplePartner) -> datetime:
    """Return the hour of an example: noon of its date, in a program whose zone is UTC."""
    return datetime.combine(example.as_of_date, RUN, UTC)


def rows_of(example: ExamplePartner, program: str) -> dict[str, list[dict[str, Any]]]:
    """Return the raw rows of an example partner, the only one of its program."""
    key = {"program_id": program, "partner_id": example.values.get("Partner ID", "p")}
    partner = {"name": example.values.get("Partner Name", "Somebody")}
    supplied = {"transitioned_at": datetime(1890, 1, 1, tzinfo=UTC), "relationship_stage": "None"}
    if example.stage_since:
        supplied = {"transitioned_at": _instant(example.stage_since), "relationship_stage": example.stage}
    return {
        "programs": [{"program_id": program, "timezone": "UTC", "currency": "USD"}],
        "partners": [key | partner],
        "relationship_events": [key | supplied],
        "contracts": [key | _contract(one) for one in example.contracts],
        "partner_groups": [key | {"group_id": name, "group_name": name} for name in example.groups],
        "partner_clicks_daily": [key | {"click_date": one.day, "clicks": one.clicks} for one in example.activity],
        "actions": [key | row for row in _actions(example)],
    }


def _contract(one) -> dict[str, Any]:
    return {
        "contract_id": one.id,
        "contract_stage": one.stage,
        "template_term_name": one.term,
        "created_at": BEFORE_ALL,
        "updated_at": BEFORE_ALL,
    }


def _actions(example: ExamplePartner) -> list[dict[str, Any]]:
    """Return a row for each action of each day. The first has the revenue of the day, the others have 0."""
    return [
        {
            "action_id": f"{one.day} {number}",
            "event_at": _instant(one.day),
            "state": "APPROVED",
            "amount": Decimal(0) if number else one.revenue,
            "currency": "USD",
        }
        for one in example.activity
        for number in range(one.actions)
    ]


def _instant(day: date) -> datetime:
    return datetime.combine(day, RUN, UTC)


def by_oracle(
    example: ExamplePartner,
    program: str,
    segments: Mapping[str, Iterable[Condition]],
    include_today: bool = False,
    named: Mapping[str, Sequence[Condition]] | None = None,
) -> set[str]:
    """Return the names of the segments that the example is in, by the oracle."""
    oracle = Oracle(rows_of(example, program), program, hour(example), include_today, named)
    return {name for name, conditions in segments.items() if oracle.members(conditions)}


def by_sql(example: ExamplePartner, workflows: Sequence[Workflow], compiler: Compiler) -> set[str]:
    """Return the ids of the workflows whose segment the example is in, by the dbt models and the compiled SQL."""
    with empty_account().holding(rows_of(example, workflows[0].program), hour(example)) as account:
        (members,) = account.members(workflows, compiler).values()
    return {name for name, partners in members.items() if partners}
