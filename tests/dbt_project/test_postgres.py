"""The example account on PostgreSQL: the same members as on DuckDB, and the same rows in every relation."""

from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import duckdb
import psycopg2
import pytest
from psycopg2.extras import execute_values

from compiler import PartnerflowError
from flows.definitions.loader import read_definitions
from flows.events.bounce_type import bounce_type
from flows.pipeline.run import run_hour
from flows.preview.explain import explain
from flows.preview.preview import preview
from flows.settings import CHECKOUT, Settings
from flows.transform.build import prepare_project
from flows.transform.dbt_runner import Dbt
from flows.warehouse.connection import Connection, open_warehouse
from support.bounce_evidence import MACRO, pairs
from support.cli import partnerflow
from support.id_values import MACRO as ID_MACRO
from support.id_values import NUMBERS, TEXTS
from support.states import HOUR, with_example

NOT_COMPARED = {"delivery_id", "message_id", "run_id", "sent_at", "clicks_checksum", "actions_checksum", "loaded_row"}
"""Columns that differ from run to run, checksums, and JSON: each engine writes these two in its own way."""

RELATIONS = """
    SELECT table_schema, table_name FROM information_schema.tables
    WHERE table_schema IN ('staging', 'intermediate', 'marts', 'segments')"""

PUBLISHED = """
    SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ('marts', 'snapshots')"""


@pytest.fixture(scope="module")
def postgres_example(postgres, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The example account on PostgreSQL after one run at its hour."""
    var = tmp_path_factory.mktemp("postgres_example") / "var"
    settings = with_example(Settings(target="postgres", state_dir=var, workflows=CHECKOUT / "workflows"))
    assert run_hour(settings, HOUR).ok
    return settings


def contents(connection: Connection) -> dict[str, Counter]:
    """Return the rows, in any order, of each relation that dbt has built."""
    relations = sorted(connection.execute(RELATIONS).fetchall())
    return {f"{schema}.{name}": rows(connection, schema, name) for schema, name in relations}


def rows(connection: Connection, schema: str, name: str) -> Counter:
    """Return the rows of a relation as (column, value) pairs, without the columns that are not compared."""
    query = """
        SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ?
        ORDER BY ordinal_position"""
    names = [column for (column,) in connection.execute(query, [schema, name]).fetchall()]
    found = connection.execute(f"SELECT * FROM {schema}.{name}").fetchall()
    return Counter(frozenset((n, v) for n, v in zip(names, row, strict=True) if n not in NOT_COMPARED) for row in found)


def test_every_relation_has_the_rows_of_duckdb(example, postgres_example: Settings):
    """All rows of all relations are compared: staging, facts, membership and recipients."""
    with open_warehouse(example[0].warehouse) as duck, open_warehouse(postgres_example.warehouse) as postgres:
        expected, actual = contents(duck), contents(postgres)
    assert expected.keys() == actual.keys()
    assert [name for name in expected if expected[name] != actual[name]] == []
    assert all(expected[name] for name in ("marts.segment_membership", "marts.recipients", "marts.sent_emails"))


def test_second_run_changes_no_fact_and_contacts_nobody(postgres_example: Settings):
    """All models and tests pass again on the existing tables, and contacted partners are left out."""
    with open_warehouse(postgres_example.warehouse) as postgres:
        before = contents(postgres)
    again = run_hour(postgres_example, HOUR)
    assert {(row.status, row.recipients, row.sent, row.detail) for row in again.plan.workflows} == {
        ("done", 0, 0, None)
    }
    with open_warehouse(postgres_example.warehouse) as postgres:
        after = contents(postgres)
    unchanged = [name for name in before if before[name] == after[name]]
    assert {"marts.segment_membership", "marts.fct_partners", "marts.fct_performance_daily"} <= set(unchanged)
    assert not after["marts.recipients"]


def test_preview_and_explain_equal_those_on_duckdb(example, postgres_example: Settings):
    """Members and explanations are the same on both engines."""
    definitions = read_definitions(postgres_example)
    for workflow in (definitions["few-clicks-14"], definitions["accept-applications"]):
        seen = [preview(settings, workflow, definitions.compiler, HOUR) for settings in (example[0], postgres_example)]
        assert seen[0] == seen[1]
        partner = seen[0].members[0][1]
        explained = [
            explain(settings, workflow, partner, definitions.compiler, HOUR)
            for settings in (example[0], postgres_example)
        ]
        assert explained[0].conditions == explained[1].conditions
        assert (explained[0].next_change, explained[0].then) == (explained[1].next_change, explained[1].then)


def test_published_file_has_the_rows_of_the_database(postgres_example: Settings):
    """Each run exports marts and snapshots; the file is the one that the report, doctor and checks of names read."""
    with (
        open_warehouse(postgres_example.warehouse) as postgres,
        duckdb.connect(postgres_example.published, read_only=True) as published,
    ):
        tables = sorted(postgres.execute(PUBLISHED).fetchall())
        assert sorted(published.execute(PUBLISHED).fetchall()) == tables
        assert ("snapshots", "contract_history") in tables
        assert [one for one in tables if rows(postgres, *one) != rows(published, *one)] == []


SAME = [
    ("simulate", "--from", "2026-03-21", "--to", "2026-03-23", "--workflow", "few-clicks-14", "--workflow", "welcome"),
    ("history", "few-clicks-14", "welcome", "--from", "2026-03-18", "--to", "2026-03-20"),
    ("explain", "few-clicks-14", "21005016", "--as-of", "2026-03-20T18:00Z"),
    ("report",),
    ("check",),
]


@pytest.mark.parametrize("command", SAME, ids=lambda command: command[0])
def test_command_prints_the_json_of_duckdb(example, postgres_example: Settings, command: tuple[str, ...]):
    """So do report and check, which read the published file."""
    expected, found = (partnerflow(settings, *command, "--json") for settings in (example[0], postgres_example))
    assert (found.code, found.stderr) == (0, "")
    assert {k: v for k, v in found.json().items() if k != "already_contacted_at"} == {
        k: v for k, v in expected.json().items() if k != "already_contacted_at"
    }


def test_doctor_finds_no_error(postgres_example: Settings):
    """The age of the example account is a warning."""
    postgres_example.state_dir.chmod(0o700)
    found = partnerflow(postgres_example, "doctor", "--json")
    assert [one for one in found.json()["findings"] if one["severity"] == "error"] == []
    assert "last run" in {one["check"] for one in found.json()["findings"]}


def test_table_that_was_not_built_is_one_sentence(postgres_example: Settings):
    """As after an upgrade that has not built its tables yet."""
    with open_warehouse(postgres_example.warehouse) as connection:
        connection.execute("ALTER TABLE intermediate.int_partner_addresses RENAME TO earlier")
    try:
        answer = partnerflow(postgres_example, "preview", "few-clicks-14", "--as-of", HOUR.isoformat())
    finally:
        with open_warehouse(postgres_example.warehouse) as connection:
            connection.execute("ALTER TABLE intermediate.earlier RENAME TO int_partner_addresses")
    assert (answer.code, answer.stdout) == (1, "")
    assert "The warehouse does not have what this command reads." in answer.stderr


@pytest.mark.long
def test_missed_hours_have_the_members_of_duckdb(example, postgres_example: Settings):
    """One build catches up eleven missed hours and two ends of a day, and leaves the tables as of the run's hour.

    Only program 1000 is compared: invitations sent since DuckDB's build have moved prospects of the other program.
    """
    run = run_hour(postgres_example, HOUR + timedelta(hours=12))
    assert len(run.catch_up) == 11 + 2
    assert {row.status for one in (*run.catch_up, run) for row in one.plan.workflows} == {"done"}
    definitions = read_definitions(postgres_example)
    for one in (run.catch_up[0], run.catch_up[4], run.catch_up[-1]):
        for row in one.plan.workflows:
            workflow = definitions[row.workflow_id]
            if workflow.program != "1000":
                continue
            seen = preview(example[0], workflow, definitions.compiler, one.plan.as_of)
            assert row.members == len(seen.members), (one.plan.as_of, row.workflow_id)
    assert sum(row.sent for one in run.catch_up for row in one.plan.workflows) > 0
    with open_warehouse(postgres_example.warehouse) as postgres:
        hours = postgres.execute("SELECT DISTINCT evaluated_at FROM marts.segment_membership").fetchall()
    assert hours == [(run.plan.as_of.replace(tzinfo=None),)]


def test_example_is_not_loaded_over_another_account(postgres_example: Settings):
    """A warehouse without the comment that marks the example holds another account."""
    assert partnerflow(postgres_example, "load-example").code == 0
    with open_warehouse(postgres_example.warehouse) as postgres:
        postgres.execute("COMMENT ON TABLE raw.programs IS 'Ours'")
    answer = partnerflow(postgres_example, "load-example")
    assert (answer.code, "The warehouse holds another account." in answer.stderr) == (1, True)


def test_unreachable_server_error_names_the_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The error names the variables of the connection and has no traceback."""
    monkeypatch.setenv("PGHOST", str(tmp_path))
    with (
        pytest.raises(PartnerflowError, match="PostgreSQL does not answer") as error,
        open_warehouse(Settings(target="postgres", state_dir=tmp_path).warehouse),
    ):
        pass
    assert "PGHOST, PGPORT" in str(error.value)


def test_bounce_types_are_those_of_python(postgres_example: Settings):
    """The macro `bounce_type` follows the rule of flows/events/bounce_type.py on this engine, too."""
    done = Dbt(postgres_example, postgres_example.state_dir / "dbt_project").invoke(
        "compile", "--inline", MACRO, "--quiet"
    )
    assert done.success, done.exception
    with closing(psycopg2.connect("")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE evidence (status text, said text)")
        execute_values(cursor, "INSERT INTO evidence VALUES %s", pairs())
        cursor.execute(done.result.results[0].node.compiled_code)
        found = cursor.fetchall()
    assert len(found) == len(pairs())
    assert [row for row in found if bounce_type(row[0], row[1]) != row[2]] == []


def test_ids_are_those_of_python(postgres_example: Settings):
    """The macro `id_text` follows the rule of flows/warehouse/ids.py on this engine, too."""
    done = Dbt(postgres_example, postgres_example.state_dir / "dbt_project").invoke(
        "compile", "--inline", ID_MACRO, "--quiet"
    )
    assert done.success, done.exception
    for values, kind in ((TEXTS, "text"), ({**NUMBERS, float("nan"): None}, "double precision")):
        with closing(psycopg2.connect("")) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE ids AS SELECT unnest(%s::{kind}[]) AS id", [list(values)])
            cursor.execute(done.result.results[0].node.compiled_code)
            assert [found for _, found in cursor.fetchall()] == list(values.values())


def test_build_increments_the_number_of_builds(postgres_example: Settings):
    """Each build adds one to `builds_since`. This test is the last one because it drops views that read the table."""
    project = prepare_project(postgres_example, read_definitions(postgres_example))
    query = "SELECT min(builds_since), max(builds_since) FROM raw.build_state"
    for builds in (0, 1):
        with open_warehouse(postgres_example.warehouse) as connection:
            assert connection.execute(query).fetchone() == (builds, builds)
        assert Dbt(postgres_example, project).invoke("run", "--select", "fct_partner_groups").success
