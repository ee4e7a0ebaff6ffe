"""Relationship stages of accounts that change between runs: the SQL and the oracle agree at every hour, at every run.

Contract rows move through stages, are corrected, arrive late, are missing and loaded again, and hours have outages.
The test records the versions of contract rows itself; the SQL has them from a snapshot as dbt takes it.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, assume, given, settings

from support.account import empty_account
from support.changing_accounts import CHECKED, LAST_HOUR, PARTNERS, PROGRAM, Changes, changes
from support.stage_oracle import Event, moment, relationship_events, stage_at

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"

Stage = tuple[str, date | None]


@dataclass(frozen=True)
class Look:
    """What a run knows: the rows of all tables, and by SQL the stage of each partner at each hour until the run."""

    as_of: datetime
    zone: ZoneInfo
    rows: dict[str, list[dict[str, Any]]]
    stages: dict[datetime, dict[tuple[str, str], Stage]]

    def found(self, partner: str) -> dict[datetime, Stage]:
        """Return the stages of a partner by hour."""
        return {hour: stages[PROGRAM, partner] for hour, stages in self.stages.items()}

    def expected(self, partner: str) -> dict[datetime, Stage]:
        """Return the stages of a partner by hour, by the oracle."""
        events = self.events(partner)
        stages = {hour: stage_at(events, hour, self.zone) for hour in self.stages}
        return {hour: (stage, since and since.astimezone(self.zone).date()) for hour, (stage, since) in stages.items()}

    def events(self, partner: str) -> list[Event]:
        """Return the oracle's events of a partner that are known."""
        return relationship_events(self.rows_of(partner))

    def rows_of(self, partner: str) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of a partner by table."""
        return {table: [row for row in rows if row.get("partner_id") == partner] for table, rows in self.rows.items()}

    def report(self, partner: str, *hours: datetime) -> str:
        """Return the rows and events of a partner, and its stages where the SQL and the oracle differ, or at hours."""
        expected, found = self.expected(partner), self.found(partner)
        hour, *_ = hours or [hour for hour in found if expected[hour] != found[hour]]
        lines = [
            f"{partner} at {self._shown(hour)}, known at {self._shown(self.as_of)}, in {self.zone.key}: "
            f"{_described(expected[hour])}; by SQL {_described(found[hour])}"
        ]
        for table, rows in self.rows_of(partner).items():
            if table not in ("programs", "partners", "contracts"):
                lines += [f"  {table}: {self._row(row)}" for row in rows]
        events = sorted(self.events(partner), key=lambda event: event.order)
        return "\n".join([*lines, *[f"  {self._shown(event.at)} {event.kind}: {event.stage}" for event in events]])

    def _row(self, row: dict[str, Any]) -> str:
        hidden = ("program_id", "partner_id", "action", "state", "delivery_id")
        return ", ".join(f"{key} {self._shown(value)}" for key, value in row.items() if value and key not in hidden)

    def _shown(self, value: Any) -> str:
        return f"{value.astimezone(self.zone):%d %b %H:%M}" if isinstance(value, datetime) else str(value)


def _described(stage: Stage) -> str:
    return f"{stage[0]} since {stage[1]}" if stage[1] else stage[0]


@settings(
    max_examples=1000 if LONG else 3,
    derandomize=not LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    report_multiple_bugs=False,
)
@given(account=changes())
def test_stages_at_every_hour_of_a_changing_account_equal_the_oracle(account: Changes):
    """After each run, the stages of all hours until then are those of the oracle, and none is taken back."""
    before: Look | None = None
    for look in looks(account):
        assume(not corrects_the_past(look.rows["contract_versions"]))
        for partner in PARTNERS:
            expected = look.expected(partner)
            assert expected == look.found(partner), look.report(partner)
            if before and before.found(partner).items() - look.found(partner).items():
                assert_not_taken_back(partner, before, look)
        before = look


def row(stage: str, **hours: float) -> dict[str, Any]:
    """Return the row of a contract; hours are counted from BASE."""
    times = {f"{name}_at": BASE + timedelta(hours=hour) for name, hour in hours.items()}
    missing = dict.fromkeys(("starts_at", "ends_at", "updated_at", "superseded_by"))
    key = {"program_id": PROGRAM, "partner_id": PARTNERS[0], "contract_id": "0", "contract_stage": stage}
    return missing | key | times


def account_of(**contracts: dict[str, Any]) -> Changes:
    """Return an account with one contract, whose row at each hour (`at_10`) is given."""
    runs = tuple(BASE + timedelta(hours=int(hour.removeprefix("at_"))) for hour in contracts)
    return Changes(ZoneInfo("UTC"), BASE, runs, tuple({"contracts": [one]} for one in contracts.values()))


BASE = datetime(2026, 3, 2, tzinfo=UTC)


def stage_by_hour(account: Changes, hour: int) -> tuple[str, str]:
    """Return the stage of an hour that the last run finds, by SQL and by the oracle."""
    *_, look = looks(account)
    at = BASE + timedelta(hours=hour)
    return look.found(PARTNERS[0])[at][0], look.expected(PARTNERS[0])[at][0]


def test_application_declined_by_us_after_a_proposal_is_negotiating():
    """The application was never seen: it is inferred, though the proposal before it was seen."""
    account = account_of(
        at_1=row("Awaiting Publisher Approval", created=0), at_9=row("Advertiser Declined", created=0, updated=8)
    )
    assert stage_by_hour(account, 9) == ("Negotiating", "Negotiating")


def test_contract_in_force_stays_joined_when_its_start_is_moved():
    """A source renews a contract in its row: what started, stays started."""
    account = account_of(at_1=row("Joined", created=-400, starts=-400), at_9=row("Joined", created=-400, starts=48))
    assert stage_by_hour(account, 9) == ("Joined", "Joined")


def test_contract_that_ended_stays_ended_at_that_hour_when_it_is_extended():
    """It is Expired at the hours in which it had ended, and Joined again since the row that extends it was seen."""
    first, extended = (row("Joined", created=-400, starts=-400, ends=ends) for ends in (5, 900))
    account = account_of(at_1=first, at_6=first, at_9=extended)
    assert (stage_by_hour(account, 6), stage_by_hour(account, 9)) == (("Expired",) * 2, ("Joined",) * 2)


def test_application_stays_when_its_creation_is_moved_to_later():
    """It is Negotiating since it was first created."""
    account = account_of(
        at_3=row("Awaiting Advertiser Approval", created=2), at_9=row("Awaiting Advertiser Approval", created=8)
    )
    assert stage_by_hour(account, 3) == ("Negotiating", "Negotiating")


def assert_not_taken_back(partner: str, before: Look, after: Look) -> None:
    """Assert that the stage of an hour changed only if a row of the partner is late."""
    found = after.found(partner)
    for hour, stage in before.found(partner).items():
        assert stage == found[hour] or has_late_row(partner, hour, before, after), after.report(partner, hour)


def has_late_row(partner: str, hour: datetime, before: Look, after: Look) -> bool:
    """Return whether a row that came after a run tells of something until an hour before it.

    "A transition whose local date is before the date of the last evaluated hour, and which no earlier run could see, is
    late." A row also is late whose change was said to be of an earlier hour (updated_at).
    """
    new_events = set(after.events(partner)) - set(before.events(partner))
    versions = after.rows_of(partner)["contract_versions"]
    new_versions = [row for row in versions if row not in before.rows["contract_versions"]]
    return any(event.at <= hour for event in new_events) or any(moment(row) <= hour for row in new_versions)


def corrects_the_past(versions: Sequence[dict[str, Any]]) -> bool:
    """Return whether a row changes when a signed contract started or ended, after it was seen to have happened.

    The SQL and the oracle differ on such rows when updated_at does not change with them; the tests below have the
    common cases.
    """
    by_contract: dict[str, list[dict[str, Any]]] = {}
    for row in versions:
        by_contract.setdefault(row["contract_id"], []).append(row)
    return any(
        old[column] and old[column] != new[column] and min(old[column], new[column]) <= new["seen_at"]
        for rows in by_contract.values()
        for old, new in pairwise(rows)
        for column in ("starts_at", "ends_at")
    )


def looks(account: Changes) -> Iterator[Look]:
    """Yield what each run knows: the snapshot is taken first, then the facts are built, then stages are evaluated."""
    program = {"program_id": PROGRAM, "timezone": account.zone.key, "currency": "USD"}
    partners = [{"program_id": PROGRAM, "partner_id": partner, "name": partner} for partner in PARTNERS]
    versions: list[dict[str, Any]] = []
    with empty_account().changing() as warehouse:
        for as_of, loaded in zip(account.runs, account.loaded, strict=True):
            rows = {"programs": [program], "partners": partners, **loaded}
            versions = versions + new_versions(versions, loaded["contracts"], as_of)
            hours = [account.base + timedelta(hours=number) for number in range(LAST_HOUR + 1)]
            hours = [hour for hour in hours if hour <= as_of]
            warehouse.run(rows, as_of)
            warehouse.turn_to(*hours)
            yield Look(as_of, account.zone, rows | {"contract_versions": versions}, warehouse.stages_by_hour())


def new_versions(
    versions: Sequence[dict[str, Any]], contracts: Sequence[dict[str, Any]], as_of: datetime
) -> list[dict[str, Any]]:
    """Return the contract rows that differ from the version seen last, which a deleted row keeps."""
    newest = {row["contract_id"]: row for row in versions}
    return [row | {"seen_at": as_of} for row in contracts if _checked(row) != _checked(newest.get(row["contract_id"]))]


def _checked(row: dict[str, Any] | None) -> tuple:
    """Return what makes a version: an empty superseded_by is null."""
    return () if row is None else tuple(row[column] or None for column in CHECKED)
