"""A drawn account that changes between the hours of the real flow, compared with the oracle at every hour.

Contracts move through their stages, rows arrive late or backdated, are deleted and loaded again, and some hours have no
run. `PARTNERFLOW_CHANGING_HOURS=168` runs a week; by default it is 48 hours."""

import os
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flows.settings import Settings
from flows.warehouse.connection import open_warehouse
from support.oracle import Oracle, meaning
from support.states import remove_state
from support.timeline import PROGRAM, Timeline

HOURS = int(os.environ.get("PARTNERFLOW_CHANGING_HOURS", "48"))
FIRST = datetime(2026, 3, 7, 20)
"""Local time: the account lives through the change to daylight saving time on 8 March."""

SEGMENTS = {
    "invite": ["Relationship Stage is any of New", "Last Transition Date is Today"],
    "follow-up": ["Relationship Stage is any of Outreach", "Last Transition Date is Yesterday"],
    "welcome": ["Relationship Stage is any of Joined", "Last Transition Date is Today"],
    "win-back": ["Relationship Stage is any of Expired", "Last Transition Date is Last 3 Days"],
}
NEXT_STAGES = {
    None: ("Awaiting Publisher Approval", "Awaiting Advertiser Approval", "Joined", "Publisher Declined"),
    "Awaiting Publisher Approval": ("Publisher Declined", "Publisher Countered", "Awaiting Contract Start", "Joined"),
    "Awaiting Advertiser Approval": ("Advertiser Declined", "Advertiser Countered", "Awaiting Contract Start"),
    "Publisher Countered": ("Advertiser Countered", "Publisher Declined", "Joined"),
    "Advertiser Countered": ("Publisher Declined", "Awaiting Contract Start"),
    "Awaiting Contract Start": ("Joined", "Joined", "Advertiser Retracted"),
    "Joined": ("Expired",),
    "Expired": ("Joined",),
    "Publisher Declined": ("Awaiting Publisher Approval",),
}  # fmt: skip
"""Stage of a contract to those that may follow; the others are final."""

pytestmark = pytest.mark.long


@pytest.mark.parametrize(("zone", "seed"), [("America/New_York", 1), ("Asia/Kolkata", 2)])
def test_stages_and_members_equal_the_oracle_hour_by_hour(
    zone: str, seed: int, read_project: Path, workshop: Path, tmp_path: Path
):
    """At each hour with a run: every stage and date is that of the oracle, and every member was contacted."""
    shutil.copytree(read_project, workshop / "dbt_project")
    settings = Settings(state_dir=workshop, workflows=tmp_path / "workflows", timezone=zone)
    try:
        account = ChangingAccount(Timeline(settings, ZoneInfo(zone), SEGMENTS), random.Random(seed))
        runs = account.live()
    finally:
        remove_state(workshop)
    assert runs >= HOURS / 2
    assert account.changes >= HOURS


class ChangingAccount:
    """Changes an account at random, and compares it with the oracle after every run."""

    def __init__(self, timeline: Timeline, dice: random.Random):
        self.timeline, self.dice = timeline, dice
        self.changes = 0
        self.contracts: dict[str, dict[str, Any]] = {}
        self.versions: list[dict[str, Any]] = []
        self.gone: set[str] = set()
        self.loaded: set[tuple[str, str, str]] = set()

    def live(self) -> int:
        """Live through all hours, and return the number of runs."""
        runs, outage = 0, 0
        for number in range(HOURS):
            hour = FIRST + timedelta(hours=number)
            if not self._exists(hour):
                continue
            for _ in range(self.dice.randrange(1, 4)):
                self._change(hour)
            outage = outage - 1 if outage else (self.dice.randrange(1, 5) if self.dice.random() < 0.08 else 0)
            if not outage or number == HOURS - 1:
                self.timeline.clicks("p0", f"{hour:%Y-%m-%d}", 1)
                run = self.timeline.run(f"{hour:%Y-%m-%d %H:%M}")
                assert run.ok, [(row.status, row.detail) for row in run.plan.workflows]
                self._see(hour)
                self._compare(hour)
                runs += 1
        return runs

    def _exists(self, hour: datetime) -> bool:
        """Whether clocks show this hour: one is skipped when daylight saving time starts."""
        local = hour.replace(tzinfo=self.timeline.zone)
        return local.astimezone(UTC).astimezone(self.timeline.zone).replace(tzinfo=None) == hour

    def _change(self, hour: datetime) -> None:
        self.changes += 1
        name = f"p{self.dice.randrange(20)}"
        at = f"{hour - timedelta(minutes=self.dice.choice((5, 40, 90, 600, 2000))):%Y-%m-%d %H:%M}"
        kind = self.dice.choice(("tag", "supply", "contract", "contract", "contract", "contract", "delete"))
        if kind in ("tag", "supply") and (kind, name, at) in self.loaded:
            return
        self.loaded |= {(kind, name, at)}
        if kind == "tag":
            if not any(one[:2] == ("tag", name) for one in self.loaded - {(kind, name, at)}):
                self.timeline.tagged(name, at)
        elif kind == "supply":
            self.timeline.supplied(name, self.dice.choice(("New", "Outreach", "Joined", "Expired", "None")), at)
        elif kind == "contract":
            self._move_contract(name, at)
        elif self.contracts:
            contract_id = self.dice.choice(sorted(self.contracts))
            self.timeline.delete_contract(contract_id)
            self.gone.add(contract_id)

    def _move_contract(self, name: str, at: str) -> None:
        contract_id = f"c-{name}-{self.dice.randrange(2)}"
        row = self.contracts.get(contract_id, {})
        following = NEXT_STAGES.get(row.get("stage"), ())
        is_reloaded = contract_id in self.gone or not following
        stage = row.get("stage") if is_reloaded else self.dice.choice(following)
        if stage is None:
            return
        starts = row.get("starts") or (at if stage in ("Joined", "Expired", "Awaiting Contract Start") else None)
        updated = None if self.dice.random() < 0.3 else at
        other = f"c-{name}-{1 - int(contract_id[-1])}"
        successor = self.dice.choice((None, None, None, "", "c-none", other)) if stage == "Expired" else None
        row = {"created": row.get("created") or at, "starts": starts, "updated": updated, "superseded_by": successor}
        self.timeline.contract(name, stage, contract_id, **row)
        self.contracts[contract_id] = row | {"stage": stage}
        self.gone.discard(contract_id)

    def _see(self, hour: datetime) -> None:
        """Keep the versions of contracts that the run was the first to see."""
        newest = {one["contract_id"]: one for one in self.versions}
        for row in self._rows("contracts"):
            before = newest.get(row["contract_id"])
            columns = ("partner_id", "contract_stage", "starts_at", "ends_at", "superseded_by", "created_at")
            if before is None or any((before[name] or None) != (row[name] or None) for name in columns):
                self.versions.append(row)

    def _compare(self, hour: datetime) -> None:
        names = ("programs", "partners", "prospects", "relationship_events", "sent_emails", "contracts",
                 "partner_clicks_daily")  # fmt: skip
        rows = {name: self._rows(name) for name in names} | {"contract_versions": self.versions}
        oracle = Oracle(rows, PROGRAM, self.timeline.at(f"{hour:%Y-%m-%d %H:%M}").replace(tzinfo=UTC))
        stages = self.timeline.stages()
        expected = {name: _shown(oracle.stage(name)) for name in stages}
        differing = {name: (stages[name], expected[name]) for name in stages if stages[name] != expected[name]}
        assert not differing, f"at {hour}: by SQL, by the oracle: {differing}"
        contacts = {name: [workflow for workflow, _ in self.timeline.contacted(name)] for name in stages}
        for workflow, sentences in SEGMENTS.items():
            for name in oracle.members([meaning(one) for one in sentences]):
                assert contacts[name].count(workflow) == 1, f"{workflow} to {name} at {hour}"

    def _rows(self, table: str) -> list[dict[str, Any]]:
        with open_warehouse(self.timeline.settings.warehouse) as connection:
            found = connection.execute(f"SELECT * FROM raw.{table}")
            columns = [one[0] for one in found.description]
            return [dict(zip(columns, map(_aware, row), strict=True)) for row in found.fetchall()]


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _shown(stage: tuple[str, Any]) -> tuple[str, str | None]:
    return stage[0], str(stage[1]) if stage[1] else None
