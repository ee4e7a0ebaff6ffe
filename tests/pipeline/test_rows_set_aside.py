"""A dirty account: rows of every kind that cannot be used are set aside, and hold nobody but the partners concerned.

1,000 partners in two programs joined; each has an address, a contract, a click and an action of 5 dollars. Most of the
partners 1 to 25 of program 1000 have a bad row each.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flows.pipeline.run import Run, run_hour
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse
from flows.warehouse.raw_tables import CREATE, create_raw_table
from support.states import HOUR, remove_state
from support.warehouses import execute_replacing

PARTNERS = (
    "(SELECT CAST(n AS VARCHAR) AS id, CASE WHEN n > 800 THEN '2000' ELSE '1000' END AS program "
    "FROM generate_series(1, 1000) AS t(n))"
)
LOADED = "TIMESTAMP '2026-03-20 17:50:00'"

CLEAN = [
    f"INSERT INTO raw.programs SELECT id, 'Program', 'performance', 'America/New_York', 'USD', {LOADED} "
    "FROM (VALUES ('1000'), ('2000')) AS t(id)",
    f"INSERT INTO raw.partners SELECT program, id, 'Partner ' || id, 'en', {LOADED} FROM {PARTNERS}",
    f"INSERT INTO raw.partner_contacts SELECT program, id, id || '@example.com', NULL, NULL, true, NULL, {LOADED} "
    f"FROM {PARTNERS}",
    "INSERT INTO raw.contracts SELECT program, 'c-' || id, id, 'Joined', 't', 'Terms', '2026-01-01', NULL, NULL, "
    f"'2026-01-01', '2026-01-01', {LOADED} FROM {PARTNERS}",
    f"INSERT INTO raw.partner_clicks_daily SELECT program, id, '2026-03-18', 1, {LOADED} FROM {PARTNERS}",
    "INSERT INTO raw.actions SELECT program, 'a-' || id, id, '2026-03-19 12:00', 'APPROVED', 5, 'USD', "
    f"'2026-03-19 12:00', {LOADED} FROM {PARTNERS}",
    "ALTER TABLE raw.prospects ALTER tagged_at TYPE VARCHAR",
    "ALTER TABLE raw.prospects ALTER partner_id TYPE DOUBLE USING CAST(partner_id AS DOUBLE)",
]


def again(table: str, number: int, change: str = "") -> str:
    """Return the statement that loads the row of a partner again, with other values."""
    replaced = f"REPLACE ({change})" if change else ""
    return f"INSERT INTO raw.{table} SELECT * {replaced} FROM raw.{table} WHERE partner_id = '{number}'"


DIFFERS, COPY = "another row has the same key and other values", "a copy of another row"
NO_ID = "is null or has lost digits"
ALL = frozenset({"joined", "revenue", "clicks", "actions", "grouped"})
MEASURES = frozenset({"revenue", "actions"})

BAD_ROWS = [
    (again("contracts", 1, "'Expired' AS contract_stage"), "contracts", "1000, c-1", DIFFERS, {1: ALL}),
    (again("contracts", 2), "contracts", "1000, c-2", COPY, {}),
    ("UPDATE raw.contracts SET contract_stage = 'Married' WHERE partner_id = '3'", "contracts", "1000, c-3",
     "contract_stage is not a contract stage", {3: ALL}),
    ("INSERT INTO raw.relationship_events VALUES ('1000', '4', '2026-03-01', 'Unknown', NULL)", "relationship_events",
     "1000, 4, 2026-03-01 00:00:00", "relationship_stage is not a relationship stage", {4: ALL}),
    (again("partners", 5, "'Other' AS name"), "partners", "1000, 5", DIFFERS, {5: ALL}),
    (again("partners", 6), "partners", "1000, 6", COPY, {}),
    ("UPDATE raw.partner_contacts SET email = NULL WHERE partner_id = '7'", "partner_contacts", "1000, 7, null",
     "email is null", {7: ALL}),
    ("UPDATE raw.partner_contacts SET email = 'no address' WHERE partner_id = '8'", "partner_contacts",
     "1000, 8, no address", "email is not a valid address", {8: ALL}),
    (again("partner_contacts", 9), "partner_contacts", "1000, 9, 9@example.com", COPY, {}),
    (again("partner_contacts", 10, "false AS is_primary, TIMESTAMP '2026-01-01' AS unsubscribed_at"),
     "partner_contacts", "1000, 10, 10@example.com", DIFFERS, {10: ALL}),
    (again("partner_clicks_daily", 11, "2 AS clicks"), "partner_clicks_daily", "1000, 11, 2026-03-18", DIFFERS,
     {11: {"clicks"}}),
    (again("partner_clicks_daily", 12), "partner_clicks_daily", "1000, 12, 2026-03-18", COPY, {}),
    ("UPDATE raw.partner_clicks_daily SET clicks = NULL WHERE partner_id = '13'", "partner_clicks_daily",
     "1000, 13, 2026-03-18", "clicks is null", {13: {"clicks"}}),
    ("UPDATE raw.actions SET state = 'SHIPPED' WHERE partner_id = '14'", "actions", "1000, a-14",
     "state is not PENDING, APPROVED or REVERSED", {14: MEASURES}),
    ("UPDATE raw.actions SET currency = 'EUR' WHERE partner_id = '15'", "actions", "1000, a-15",
     "amount in EUR, not in USD", {15: {"revenue"}}),
    ("UPDATE raw.actions SET action_id = 'a-16' WHERE partner_id = '17'", "actions", "1000, a-16",
     "another partner has an action with this id", {16: MEASURES, 17: MEASURES}),
    (again("actions", 18), "actions", "1000, a-18", COPY, {}),
    (again("actions", 19, "6 AS amount"), "actions", "1000, a-19", DIFFERS, {19: MEASURES}),
    ("INSERT INTO raw.prospects VALUES ('1000', 20.0, NULL, NULL)", "prospects", "1000, 20", "tagged_at is null",
     {20: ALL}),
    ("INSERT INTO raw.prospects VALUES ('1000', 21.0, 'yesterday', NULL)", "prospects", "1000, 21",
     "tagged_at cannot be read", {21: ALL}),
    ("UPDATE raw.partners SET name = NULL WHERE partner_id = '22'", "partners", "1000, 22", "name is null", {22: ALL}),
    ("INSERT INTO raw.partner_contacts VALUES ('1000', NULL, '23@example.com', '', '', true, '2026-01-01', NULL)",
     "partner_contacts", "1000, null, 23@example.com", f"partner_id {NO_ID}", {23: ALL}),
    ("INSERT INTO raw.partner_groups VALUES ('1000', 'g', '24', 'Gold', NULL), ('1000', 'g', '24', 'Silver', NULL)",
     "partner_groups", "1000, g, 24", DIFFERS, {24: {"grouped"}}),
    (again("contracts", 25, "'c-x' AS contract_id, NULL AS partner_id"), "contracts", "1000, c-x",
     f"partner_id {NO_ID}", {}),
    (again("contracts", 25, "'c-y' AS contract_id, NULL AS program_id"), "contracts", "null, c-y",
     f"program_id {NO_ID}", {}),
    (again("actions", 25, "'a-x' AS action_id, '99999' AS partner_id"), "actions", "1000, 99999",
     "raw.partners does not have the partner", {}),
    (again("partner_clicks_daily", 25, "NULL AS partner_id"), "partner_clicks_daily", "1000, null, 2026-03-18",
     f"partner_id {NO_ID}", {}),
    (again("partners", 25, "NULL AS partner_id"), "partners", "1000, null", f"partner_id {NO_ID}", {}),
]  # fmt: skip
"""A statement, the table, key and reason of the one row in marts.quarantined_rows, and the workflows that hold whom."""

SOME = f"Partner ID is any of {', '.join(map(str, range(1, 41)))}"
"""The partners with bad rows, and some without: so that fewer emails are written."""

WORKFLOWS = {
    "joined": ("1000", ["Relationship Stage is any of Joined"]),
    "revenue": ("1000", [SOME, "Performance Date Range is Last 7 Days", "Revenue less than 7"]),
    "clicks": ("1000", [SOME, "Performance Date Range is Last 7 Days", "Clicks less than 10"]),
    "actions": ("1000", [SOME, "Performance Date Range is Last 7 Days", "Actions less than 2"]),
    "grouped": ("1000", ["Relationship Stage is any of Joined", "Partner Group is any of Gold"]),
    "other": ("2000", ["Performance Date Range is Last 7 Days", "Revenue less than 7"]),
}


@dataclass(frozen=True)
class Hour:
    """A run, the rows set aside by table, key and reason, who was written to so far, and versions of contracts."""

    run: Run
    quarantined: dict[tuple[str, str, str], dict]
    sent: dict[str, set[int]]
    versions: list[tuple]


@pytest.fixture(scope="module")
def hours(workshop: Path, read_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hour, Hour]]:
    """A run on the dirty account, and the next hour's, after contract c-3 was corrected and c-30 spoilt."""
    shutil.copytree(read_project, workshop / "dbt_project")
    workflows = tmp_path_factory.mktemp("dirty") / "workflows"
    define(workflows)
    settings = Settings(state_dir=workshop, workflows=workflows)
    with open_warehouse(settings.warehouse) as connection:
        for name in CREATE:
            create_raw_table(connection, name)
        for statement in [*CLEAN, *(bad[0] for bad in BAD_ROWS)]:
            execute_replacing(connection, statement)
    first = observe(settings, HOUR)
    with open_warehouse(settings.warehouse) as connection:
        connection.execute("UPDATE raw.contracts SET contract_stage = 'Joined' WHERE contract_id = 'c-3'")
        connection.execute("UPDATE raw.contracts SET contract_stage = 'Married' WHERE contract_id = 'c-30'")
    yield first, observe(settings, HOUR + timedelta(hours=1))
    remove_state(workshop)


def define(folder: Path) -> None:
    """Write the workflows, with one message."""
    message = folder / "messages" / "m"
    message.mkdir(parents=True)
    (message / "message.yml").write_text('subject: "Hello {{ partner.name }}"\n')
    (message / "body.txt").write_text("Hello\n\n{{ unsubscribe_link }}\n")
    for name, (program, segment) in WORKFLOWS.items():
        definition = {
            "name": name,
            "program": program,
            "status": "active",
            "segment": segment,
            "action": {"email": "m"},
        }
        (folder / f"{name}.yml").write_text(json.dumps(definition))


def observe(settings: Settings, hour: datetime) -> Hour:
    """Run an hour."""
    run = run_hour(settings, hour)
    sent = defaultdict(set)
    with open_warehouse(settings.warehouse) as connection:
        cursor = connection.execute("SELECT * FROM marts.quarantined_rows")
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        query = "SELECT workflow_id, partner_id FROM raw.sent_emails WHERE state = 'sent'"
        for workflow, partner in connection.execute(query).fetchall():
            sent[workflow].add(int(partner))
        versions = connection.execute(
            "SELECT contract_id, contract_stage, dbt_valid_to FROM snapshots.contract_history "
            "WHERE contract_id IN ('c-3', 'c-30') ORDER BY contract_id, dbt_valid_from"
        ).fetchall()
    return Hour(run, {(row["table_name"], row["row_key"], row["reason"]): row for row in rows}, sent, versions)


@pytest.mark.long
def test_every_bad_row_is_listed_once_with_its_reason(hours: tuple[Hour, Hour]):
    """Each with the row as loaded, and the hour at which it was first seen; no other row is listed."""
    found = hours[0].quarantined
    assert sorted(found) == sorted((table, key, reason) for _, table, key, reason, _ in BAD_ROWS)
    assert {row["first_seen_at"] for row in found.values()} == {HOUR.replace(tzinfo=None)}
    married = json.loads(found["contracts", "1000, c-3", "contract_stage is not a contract stage"]["loaded_row"])
    assert (married["partner_id"], married["contract_stage"]) == ("3", "Married")


@pytest.mark.long
def test_all_partners_without_a_bad_row_are_written_to(hours: tuple[Hour, Hour]):
    """A bad row holds its partner, and only for workflows that depend on the row."""
    held = defaultdict(set)
    for *_, partners in BAD_ROWS:
        for partner, workflows in partners.items():
            for workflow in workflows:
                held[workflow].add(partner)
    everybody = {name: set(range(1, 41)) for name in ("revenue", "clicks", "actions")}
    everybody |= {"joined": set(range(1, 801)), "grouped": set(), "other": set(range(801, 1001))}
    assert {name: hours[0].sent[name] for name in WORKFLOWS} == {
        name: partners - held[name] for name, partners in everybody.items()
    }


@pytest.mark.long
def test_run_says_how_many_partners_are_held(hours: tuple[Hour, Hour]):
    """Members are counted; partners whose own row is set aside, or that have no address, are in other counts."""
    rows = {row.workflow_id: row for row in hours[0].run.plan.workflows}
    assert {row.status for row in rows.values()} == {"done"}
    assert rows["joined"].detail == "3 partners held for rows set aside"
    assert rows["clicks"].detail == "7 partners held for rows set aside"
    assert rows["other"].detail is None
    assert (rows["joined"].no_address, rows["joined"].suppressed) == (2, 2)


@pytest.mark.long
def test_corrected_row_is_used_and_a_spoilt_one_keeps_its_history(hours: tuple[Hour, Hour]):
    """The partner of a corrected row is written to; a contract that is set aside later is not taken for deleted."""
    later = hours[1]
    assert later.sent["joined"] - hours[0].sent["joined"] == {3}
    gone = {("contracts", "1000, c-3", "contract_stage is not a contract stage")}
    new = {("contracts", "1000, c-30", "contract_stage is not a contract stage")}
    assert later.quarantined.keys() == hours[0].quarantined.keys() - gone | new
    first_seen = {key: row["first_seen_at"] for key, row in later.quarantined.items()}
    assert {first_seen.pop(key) for key in new} == {(HOUR + timedelta(hours=1)).replace(tzinfo=None)}
    assert set(first_seen.values()) == {HOUR.replace(tzinfo=None)}
    assert later.versions == [("c-3", "Joined", None), ("c-30", "Joined", None)]
