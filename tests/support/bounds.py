"""Witnesses of bounds as raw rows, whose hours are run by the models and the compiled SQL."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from compiler import ContactPolicy, Workflow
from compiler.analysis.example import ExamplePartner
from compiler.analysis.history import PartnerHistory
from flows.preview.bound import EmailBound
from flows.preview.replay import Replay
from flows.warehouse.evaluations import Hour
from support.account import empty_account, models_of_segments
from support.example_partners import rows_of
from support.simulations import COMPILER


def emails_by_sql(bound: EmailBound, workflows: Sequence[Workflow], policy: ContactPolicy, hours: int) -> int:
    """Return the most emails that the witness of a bound gets in so many hours, when they are run from its first on."""
    witness, program = bound.witness, bound.program_id
    rows = rows_of_history(witness.history, program)
    start = witness.since.replace(tzinfo=UTC)
    runs = [start + timedelta(hours=number) for number in range(hours + 24 * policy.max_delay_days)]
    ends = [one - timedelta(microseconds=1) for one in runs if one.time() == time()]
    instants = [Hour(program, one, one.date()) for one in sorted([*runs, *ends])]
    with empty_account().holding(rows, start) as account:
        models, zone = models_of_segments(), ZoneInfo("UTC")
        replay = Replay(account.connection, workflows, COMPILER, models, zone, policy=policy)
        replay.run(instants)
        return replay.most_emails("partner", hours)


def rows_of_history(history: PartnerHistory, program: str) -> dict[str, list[dict[str, Any]]]:
    """Return the raw rows of a partner with this history, in a program whose zone is UTC."""
    facts = ExamplePartner(
        history.dates[-1], "None", None, history.activity, history.contracts, history.groups, dict(history.values)
    )
    rows = rows_of(facts, program)
    key = {name: rows["partners"][0][name] for name in ("program_id", "partner_id")}
    for table, row in _transitions(history):
        rows[table] = [*rows[table], key | row]
    for row in rows["actions"]:
        row["event_at"] = datetime.combine(row["event_at"].date(), history.at, UTC)
    return rows | {"partner_contacts": [key | {"email": "p@example.com", "is_primary": True}]}


def _transitions(history: PartnerHistory) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the transitions as supplied events; as a new contract, or after None, where one repeats the stage."""
    before = None
    for at, stage in history.moves:
        instant = at.replace(tzinfo=UTC)
        if stage == before == "Joined":
            dates = {"created_at": instant, "starts_at": instant, "updated_at": instant}
            yield "contracts", {"contract_id": f"from {instant}", "contract_stage": "Joined"} | dates
        else:
            if stage == before:
                earlier = {"transitioned_at": instant - timedelta(seconds=1), "relationship_stage": "None"}
                yield "relationship_events", earlier
            yield "relationship_events", {"transitioned_at": instant, "relationship_stage": stage}
        before = stage
