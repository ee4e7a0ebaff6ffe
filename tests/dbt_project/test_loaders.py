"""Staging turns the rows of other loaders into those of the contract, on DuckDB and on PostgreSQL."""

import json
import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from dbt.cli.main import dbtRunnerResult

from compiler import Compiler, project_vocabulary
from flows.definitions.loader import Definitions
from flows.pipeline.run import plan_only
from flows.settings import Settings
from flows.transform.build import prepare_project
from flows.transform.dbt_runner import Dbt
from flows.transform.impact import Lineage
from flows.warehouse.addresses import update_addresses
from flows.warehouse.connection import Connection, open_warehouse, transaction
from flows.warehouse.engines.postgres import PostgresConnection
from flows.warehouse.raw_tables import CREATE, create_raw_table
from support.descriptions import undescribed_columns
from support.loader_rows import FIVETRAN, STAGED_ACTIONS, STAGED_CONTRACTS, TAP_IMPACT
from support.states import HOUR, drop_warehouse

NOT_LOADED = {
    "tap_impact": ("partners", "partner_groups", "actions"),
    "fivetran": ("partners", "partner_contacts", "partner_groups", "actions", "contracts", "partner_clicks_daily"),
}
"""The contract's tables that a loader's own tables replace; they do not exist here."""


def load_rows(connection: Connection, schema: str, tables: dict[str, list[dict]], folder: Path) -> None:
    """Write rows as a loader does: structs and lists on DuckDB, json and timestamptz on PostgreSQL."""
    connection.execute(f"CREATE SCHEMA {schema}")
    for name, rows in tables.items():
        if isinstance(connection, PostgresConnection):
            columns = {column: _postgres_type([row[column] for row in rows], column) for column in rows[0]}
            declared = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            connection.execute(f"CREATE TABLE {schema}.{name} ({declared})")
            values = [[_postgres_value(row[column]) for column in columns] for row in rows]
            places = ", ".join("?" * len(columns))
            for one in values:
                connection.execute(f"INSERT INTO {schema}.{name} VALUES ({places})", one)
        else:
            file = folder / f"{name}.json"
            file.write_text("\n".join(json.dumps(row) for row in rows))
            connection.execute(f"CREATE TABLE {schema}.{name} AS SELECT * FROM read_json('{file}')")


def _postgres_value(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _postgres_type(values: list, column: str) -> str:
    if column == "start_date":
        return "text"
    if column.endswith(("_date", "_at", "_synced")) or column in ("date_created", "date_last_updated"):
        return "timestamptz"
    kinds = {type(value) for value in values} - {type(None)}
    nested = kinds & {dict, list}
    return "json" if nested else "decimal" if float in kinds else "bigint" if kinds == {int} else "text"


def create_contract_tables(connection: Connection, loader: str) -> None:
    """Create the contract's tables that the loader does not replace, with programs, prospects and unsubscriptions."""
    for table in CREATE.keys() - set(NOT_LOADED[loader]):
        create_raw_table(connection, table)
    connection.execute("""
        INSERT INTO raw.programs (program_id, name, timezone, currency) VALUES
            ('1000', 'Northwind', 'America/New_York', 'USD'), ('2000', 'Lumen', 'Asia/Kolkata', 'INR')""")
    connection.execute("INSERT INTO raw.prospects (program_id, partner_id) VALUES ('2000', '21005024')")
    connection.execute("UPDATE raw.prospects SET tagged_at = TIMESTAMP '2026-03-20 10:00:00'")
    if loader == "tap_impact":
        connection.execute("""
            INSERT INTO raw.partner_contacts (program_id, partner_id, email, unsubscribed_at) VALUES
                ('1000', '21005016', 'desk@quiet.example', TIMESTAMP '2026-02-01 00:00:00')""")


def build_staging(settings: Settings) -> dbtRunnerResult:
    """Build and test the staging models, in a project without other models, which dbt parses faster."""
    project = prepare_project(settings, Definitions((), (), {}, project_vocabulary()))
    for layer in (project / "models").iterdir():
        if layer.is_dir() and layer.name != "staging":
            shutil.rmtree(layer)
    for test in (project / "tests").glob("*.sql"):
        test.unlink()
    dbt = Dbt(settings, project)
    with open_warehouse(settings.warehouse) as connection, transaction(connection):
        update_addresses(connection, Lineage(dbt.parse(), Compiler(project_vocabulary())).address_columns)
    return dbt.invoke("build")


def failures(result: dbtRunnerResult) -> list[str]:
    """Return the names of the tests and models that failed."""
    return [one.node.name for one in result.result.results if one.status in ("fail", "error")]


Row = dict[str, object]


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[Row]]]:
    """The rows of each staging model by loader."""
    folder = tmp_path_factory.getbasetemp()
    return {
        loader: _staging_rows(loaded_state(loader, tables, folder))
        for loader, tables in {"tap_impact": TAP_IMPACT, "fivetran": FIVETRAN}.items()
    }


def loaded_state(loader: str, tables: dict[str, list[dict]], folder: Path) -> Settings:
    """Return a state whose warehouse has only these rows; dbt's parsed project is kept between tests."""
    settings = Settings(loader=loader, state_dir=folder / loader)
    settings.state_dir.mkdir(exist_ok=True)
    drop_warehouse(settings.state_dir)
    with open_warehouse(settings.warehouse) as connection:
        create_contract_tables(connection, loader)
        load_rows(connection, loader, tables, settings.state_dir)
    return settings


def _staging_rows(settings: Settings) -> dict[str, list[Row]]:
    assert failures(build_staging(settings)) == []
    manifest = Dbt(settings, settings.state_dir / "dbt_project").parse().writable_manifest().to_dict()
    with open_warehouse(settings.warehouse) as connection:
        # Sources describe only the columns of the loader's tables that staging reads.
        assert {name for name in undescribed_columns(connection, manifest) if name.startswith("staging.")} == set()
        models = ("partners", "partner_contacts", "partner_groups", "actions", "contracts", "partner_clicks_daily")
        return {model: _rows(connection.execute(f"SELECT * FROM staging.stg_{model}")) for model in models}


def _rows(cursor) -> list[Row]:
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def columns(rows: list[Row], *names: str) -> set[tuple]:
    """Return these columns of the rows, of which no two may be the same."""
    found = [tuple(row[name] for name in names) for row in rows]
    assert len(set(found)) == len(found)
    return set(found)


PARTNERS = {
    ("1000", "21005016", "Quiet Creek"), ("2000", "21005016", "Quiet Creek"), ("1000", "21005032", "Alone"),
    ("2000", "21005024", "Not Yet"),
}  # fmt: skip
CONTACT = ("program_id", "partner_id", "loaded_email", "email", "first_name", "is_primary", "unsubscribed_at")


@pytest.mark.long
def test_tap_loads_partners_and_prospects_per_program(staged):
    """Each nested campaign is a program of the partner; a partner without one is included if it is a prospect."""
    assert columns(staged["tap_impact"]["partners"], "program_id", "partner_id", "name") == PARTNERS


@pytest.mark.long
def test_tap_contacts_come_from_partners_and_contacts(staged):
    """The partner's own contact is primary; a person in `contacts` has a list of accounts, or a single one.

    Unsubscriptions are in raw.partner_contacts.
    """
    assert columns(staged["tap_impact"]["partner_contacts"], *CONTACT) == {
        ("1000", "21005016", "mo@quiet.example", "mo@quiet.example", "Mo", True, None),
        ("2000", "21005016", "mo@quiet.example", "mo@quiet.example", "Mo", True, None),
        ("1000", "21005016", "desk@quiet.example", "desk@quiet.example", "Desk", False, datetime(2026, 2, 1)),
        ("1000", "21005032", "solo@one.example", "solo@one.example", "Solo", False, None),
        ("2000", "21005024", "ny@yet.example", "ny@yet.example", "Ny", True, None),
    }


@pytest.mark.long
def test_fivetran_partners_come_from_partners_and_contracts(staged):
    """Programs are nested; a partner with a contract in a program is one of its partners."""
    found = columns(staged["fivetran"]["partners"], "program_id", "partner_id", "name")
    assert found == PARTNERS | {("1000", "21005024", "Not Yet")}


@pytest.mark.long
def test_fivetran_contacts_unsubscribe_per_program(staged):
    """An unsubscription is of one program, and its address may be spelled in another way."""
    assert columns(staged["fivetran"]["partner_contacts"], *CONTACT) == {
        ("1000", "21005016", "mo@quiet.example", "mo@quiet.example", "Mo", True, None),
        ("2000", "21005016", "mo@quiet.example", "mo@quiet.example", "Mo", True, None),
        ("1000", "21005016", "desk@quiet.example", "desk@quiet.example", "Desk", False, datetime(2026, 2, 1)),
        ("2000", "21005016", "desk@quiet.example", "desk@quiet.example", "Desk", False, None),
        ("1000", "21005024", "ny@yet.example", "ny@yet.example", "Ny", True, None),
        ("2000", "21005024", "ny@yet.example", "ny@yet.example", "Ny", True, None),
    }


@pytest.mark.long
@pytest.mark.parametrize("loader", ["tap_impact", "fivetran"])
def test_groups_are_per_program_and_ids_are_text(staged, loader: str):
    """A group without partners has no row. Ids loaded as numbers become text."""
    found = columns(staged[loader]["partner_groups"], "program_id", "group_id", "partner_id", "group_name")
    assert found == {("1000", "501", "21005016", "Gold"), ("1000", "501", "21005032", "Gold")}


@pytest.mark.long
@pytest.mark.parametrize("loader", ["tap_impact", "fivetran"])
def test_actions_have_their_latest_state_and_amount(staged, loader: str):
    """Late updates of each item count. Actions have the time of the event in UTC, and exact amounts."""
    found = columns(staged[loader]["actions"], "action_id", "state", "amount")
    assert found == {(name, state, Decimal(amount)) for name, state, amount in STAGED_ACTIONS}
    events = {
        (row["program_id"], row["partner_id"], row["event_at"], row["currency"]) for row in staged[loader]["actions"]
    }
    assert events == {("1000", "21005016", datetime(2026, 3, 5, 4, 30), "USD")}


@pytest.mark.long
def test_contracts_get_their_stage_from_status_and_signatures(staged):
    """A superseded contract also gets its successor, which the source does not deliver."""
    contracts = staged["fivetran"]["contracts"]
    assert columns(contracts, "contract_id", "contract_stage", "superseded_by") == set(STAGED_CONTRACTS)
    assert {(row["template_term_id"], row["template_term_name"]) for row in contracts} == {("70001", "Standard Terms")}


@pytest.mark.long
def test_timestamps_with_an_offset_become_utc(staged):
    """Midnight in New York, as text with its offset, is 05:00 in UTC."""
    (starts_at,) = [row["starts_at"] for row in staged["fivetran"]["contracts"] if row["contract_id"] == "S-2"]
    assert starts_at == datetime(2026, 3, 1, 5)


@pytest.mark.long
def test_clicks_are_counted_per_journey_and_local_date(staged):
    """A journey may have several clicks, and a row loaded twice is one click.

    03:30 UTC is the day before in New York.
    """
    assert columns(staged["fivetran"]["partner_clicks_daily"], "partner_id", "click_date", "clicks") == {
        ("21005016", date(2026, 3, 19), 2),
        ("21005016", date(2026, 3, 20), 2),
    }


def synced(tables: dict[str, list[dict]], at: str) -> dict[str, list[dict]]:
    """Return the rows, of which the last one in each table was synced at `at`."""
    return {name: [*rows[:-1], rows[-1] | {"_fivetran_synced": at}] for name, rows in tables.items()}


FRESH = synced(FIVETRAN, "2026-03-20T12:00:00-04:00")


@pytest.mark.long
def test_plan_on_fivetran_rows_has_the_expected_members(folder: Path):
    """The members are a prospect tagged today, and a partner with a first sale."""
    settings = loaded_state("fivetran", FRESH, folder)
    members = {row.workflow_id: row.members for row in plan_only(settings, HOUR).workflows}
    assert {name: count for name, count in members.items() if count} == {"prospect-invite": 1, "first-action-30": 1}


@pytest.mark.long
def test_stale_source_holds_the_workflows_that_read_it(folder: Path):
    """Clicks that were synced two days before the hour hold the workflows with a clicks condition."""
    stale = FRESH | {"clicks": [row | {"_fivetran_synced": "2026-03-18T13:00:00-04:00"} for row in FIVETRAN["clicks"]]}
    held = [row for row in plan_only(loaded_state("fivetran", stale, folder), HOUR).workflows if row.status == "held"]
    assert {row.workflow_id for row in held} == {f"few-clicks-{days}" for days in (14, 30, 60, 90)}
    assert {row.detail.partition(",")[0] for row in held} == {"impact.clicks was last loaded at 2026-03-18 17:00 UTC"}


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the states."""
    return tmp_path_factory.getbasetemp()


@pytest.mark.long
def test_loading_active_contracts_only_fails_a_test(folder: Path):
    """With active contracts only, which is the default of the source, no partner would be Expired."""
    active = [row for row in FIVETRAN["contracts"] if row["status"] == "ACTIVE"]
    settings = loaded_state("fivetran", FIVETRAN | {"contracts": active}, folder)
    assert failures(build_staging(settings)) == ["fivetran_loads_contracts_of_every_status"]


@pytest.mark.long
def test_program_without_partners_fails_a_test(folder: Path):
    """tap-impact loads no partners from newer versions of the source, without an error."""
    other_programs = TAP_IMPACT["media_partners"][0]["campaigns"][1:]
    partners = [row | {"campaigns": other_programs} for row in TAP_IMPACT["media_partners"]]
    settings = loaded_state("tap_impact", TAP_IMPACT | {"media_partners": partners}, folder)
    assert failures(build_staging(settings)) == ["tap_impact_loads_partners_of_every_program"]
