"""Simulations of workflows on raw rows, without a state."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from compiler import Compiler, ContactPolicy, Workflow
from flows.ledger.holdout import Holdouts
from flows.preview.replay import Replay
from flows.preview.simulate import Simulation, replayed
from support.account import VOCABULARY, empty_account, models_of_segments

COMPILER = Compiler(VOCABULARY)


def simulate_rows(
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    workflows: Sequence[Workflow],
    first: date,
    last: date,
    compiler: Compiler = COMPILER,
    limit: int = 10_000,
    deployment: str = "UTC",
    policy: ContactPolicy | None = None,
    holdouts: Holdouts | None = None,
) -> Simulation:
    """Simulate workflows on these raw rows; each partner gets an address."""
    contacts = [
        {key: row[key] for key in ("program_id", "partner_id")}
        | {"email": f"{row['partner_id']}@x.example", "is_primary": True}
        for row in rows["partners"]
    ]
    with empty_account().holding({**rows, "partner_contacts": contacts}, datetime(2026, 1, 1, tzinfo=UTC)) as account:
        zone, models = ZoneInfo(deployment), models_of_segments()
        replay = Replay(account.connection, workflows, compiler, models, zone, limit, policy, holdouts)
        return replayed(replay, first, last)
