"""Witnesses as raw rows: what an analysis claims of one partner, put before the project's own SQL and the oracle."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from compiler import Compiler, Workflow
from compiler.analysis.example import Witness
from support.account import empty_account
from support.oracle import Condition, Oracle

BEFORE_ALL = datetime(1880, 1, 1, tzinfo=UTC)
RUN = time(12)


def hour(witness: Witness) -> datetime:
    """The hour of a witness: noon of its date in a program whose zone is UTC."""
    return datetime.combine(witness.on, RUN, UTC)


def rows_of(witness: Witness, program: str) -> dict[str, list[dict[str, Any]]]:
    """The raw rows of a partner like this one, alone in its program."""
    key = {"program_id": program, "partner_id": witness.values.get("Partner ID", "p")}
    partner = {"name": witness.values.get("Partner Name", "Somebody")}
    supplied = {"transitioned_at": datetime(1890, 1, 1, tzinfo=UTC), "relationship_stage": "None"}
    if witness.since:
        supplied = {"transitioned_at": _instant(witness.since), "relationship_stage": witness.stage}
    return {
        "programs": [{"program_id": program, "timezone": "UTC", "currency": "USD"}],
        "partners": [key | partner],
        "relationship_events": [key | supplied],
        "contracts": [key | _contract(one) for one in witness.contracts],
        "partner_groups": [key | {"group_id": name, "group_name": name} for name in witness.groups],
        "partner_clicks_daily": [key | {"click_date": one.day, "clicks": one.clicks} for one in witness.activity],
        "actions": [key | row for row in _actions(witness)],
    }


def _contract(one) -> dict[str, Any]:
    return {
        "contract_id": one.id,
        "contract_stage": one.stage,
        "template_term_name": one.term,
        "superseded_by": "another" if one.superseded else None,
        "created_at": BEFORE_ALL,
        "updated_at": BEFORE_ALL,
    }


def _actions(witness: Witness) -> list[dict[str, Any]]:
    """One action a count; the first has the day's revenue, the others are worth nothing."""
    return [
        {
            "action_id": f"{one.day} {number}",
            "event_at": _instant(one.day),
            "state": "APPROVED",
            "amount": Decimal(0) if number else one.revenue,
            "currency": "USD",
        }
        for one in witness.activity
        for number in range(one.actions)
    ]


def _instant(day: date) -> datetime:
    return datetime.combine(day, RUN, UTC)


def by_oracle(
    witness: Witness, program: str, segments: Mapping[str, Iterable[Condition]], include_today: bool = False
) -> set[str]:
    """The names of the segments in which the witness is, by the oracle."""
    oracle = Oracle(rows_of(witness, program), program, hour(witness), include_today)
    return {name for name, conditions in segments.items() if oracle.members(conditions)}


def by_sql(witness: Witness, workflows: Sequence[Workflow], compiler: Compiler) -> set[str]:
    """The workflows in whose segment the witness is, by the project's models and the compiled SQL."""
    with empty_account().holding(rows_of(witness, workflows[0].program), hour(witness)) as account:
        (members,) = account.members(workflows, compiler).values()
    return {name for name, partners in members.items() if partners}
