"""The published file stays readable and consistent for other processes while runs replace it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from flows.definitions.loader import read_definitions
from flows.preview.preview import preview
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse
from flows.warehouse.contract_history import restore_contract_history
from flows.warehouse.publish import publish
from support.cli import partnerflow
from support.fault_injection import DELIVERY_COUNT, built_state, run
from support.states import HOUR
from support.warehouses import execute_replacing

READER = """
import duckdb, json, sys
file, seen = sys.argv[1], set()
print("ready", flush=True)
while open(sys.argv[2]).read() != "stop":
    with duckdb.connect(file, read_only=True) as client:
        runs, claimed = client.execute("SELECT count(DISTINCT run_id), sum(sent) FROM marts.workflow_runs").fetchone()
        delivered = client.execute("SELECT count(*) FROM marts.sent_emails WHERE state = 'sent'").fetchone()[0]
        by_run = client.execute("SELECT count(DISTINCT run_id) FROM marts.sent_emails").fetchone()[0]
        members = client.execute("SELECT count(*) FROM marts.segment_membership").fetchone()[0]
        assert claimed == delivered and by_run == runs and members > 0, (runs, claimed, delivered, by_run, members)
        seen.add((runs, delivered))
print(json.dumps(sorted(seen)), flush=True)
"""
"""A client that opens the file repeatedly, until the second file contains "stop", and expects the state of one run."""

SESSION = """
import duckdb, sys
client = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
if sys.argv[2] == "write":
    client.execute("CREATE TABLE marts.notes AS SELECT 'mine' AS note; DELETE FROM marts.workflows")
query = "SELECT count(*) FROM marts.workflow_runs"
for _ in range(2):
    print(client.execute(query).fetchone()[0], flush=True)
    sys.stdin.readline()
"""
"""A client that stays open. One that writes has a write-ahead log beside the file."""


def client(code: str, *arguments: object) -> subprocess.Popen:
    """Start a Python process that uses DuckDB only."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


WRITER = """
import duckdb, sys
try:
    client = duckdb.connect(sys.argv[1])
    print("open", flush=True)
    sys.stdin.readline()
except duckdb.IOException as error:
    print("refused" if "lock" in str(error) else error, flush=True)
"""
"""A client that opens a file for writing, as a run does, and keeps it."""


@pytest.fixture
def clients() -> Iterator[list[subprocess.Popen]]:
    """The processes that a test starts, which are killed at its end."""
    started: list[subprocess.Popen] = []
    yield started
    for one in started:
        one.kill()
        one.communicate()


@pytest.fixture
def state(example, tmp_path: Path) -> Settings:
    """The example account after a run."""
    settings = built_state(example[0], tmp_path)
    run(settings)
    return settings


def run_with_one_more(settings: Settings, partner: str) -> None:
    """Run with one recipient more than before."""
    with open_warehouse(settings.warehouse) as connection:
        new = "SELECT * REPLACE (? AS partner_id) FROM marts.recipients LIMIT 1"
        execute_replacing(connection, f"INSERT INTO marts.recipients {new}", [partner])
    run(settings)


@pytest.mark.long
def test_readers_see_the_state_of_one_run_while_runs_publish(state: Settings, clients: list, tmp_path: Path):
    """Clients that open the file repeatedly see the state after one run, never parts of two, and get no error."""
    stop = tmp_path / "stop"
    stop.touch()
    clients += [client(READER, state.published, stop) for _ in range(2)]
    assert [one.stdout.readline() for one in clients] == ["ready\n", "ready\n"]
    for number in range(3):
        run_with_one_more(state, f"more-{number}")
    stop.write_text("stop")
    for one in clients:
        out, err = one.communicate(timeout=60)
        assert err == ""
        seen = json.loads(out)
        assert len(seen) >= 2
        assert {tuple(pair) for pair in seen} <= {(run, DELIVERY_COUNT + run - 1) for run in range(1, 5)}


def test_open_session_stops_no_run_and_changes_nothing(state: Settings, clients: list):
    """It keeps the data that it has opened. The file is read-only; the write-ahead log of a session that writes as root
    is not applied to the next file."""
    assert state.published.stat().st_mode & 0o222 == 0
    kinds = ["write", "read"] if os.geteuid() == 0 else ["read"]
    for number, kind in enumerate(kinds):
        clients.append(client(SESSION, state.published, kind))
        assert clients[-1].stdout.readline() == f"{16 * (number + 1)}\n"
        run_with_one_more(state, f"more-{number}")
        with duckdb.connect(state.published, read_only=True) as reader:
            assert reader.execute("SELECT count(*) FROM marts.sent_emails").fetchone() == (DELIVERY_COUNT + number + 1,)
            query = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'notes'"
            assert reader.execute(query).fetchone() == (0,)
    for number, one in enumerate(clients):
        one.stdin.write("\n")
        one.stdin.flush()
        assert one.stdout.readline() == f"{16 * (number + 1)}\n"


@pytest.mark.engine("duckdb", "elsewhere readers and writers do not wait for each other")
def test_preview_does_not_wait_for_a_run(state: Settings, clients: list):
    """It reads what the last run published; after a build that was not published, the warehouse if it can be opened."""
    definitions = read_definitions(state)
    (workflow,) = [one for one in definitions.workflows if one.id == "few-clicks-14"]
    members = preview(state, workflow, definitions.compiler, HOUR).members
    assert members
    with open_warehouse(state.warehouse) as connection:
        connection.execute("DELETE FROM marts.fct_performance_daily; DELETE FROM marts.fct_relationship_history")
    assert preview(state, workflow, definitions.compiler, HOUR).members == members
    state.last_build.touch()
    assert preview(state, workflow, definitions.compiler, HOUR).members == ()
    clients.append(client(WRITER, state.warehouse))
    assert clients[-1].stdout.readline() == "open\n"
    assert preview(state, workflow, definitions.compiler, HOUR).members == members


@pytest.mark.engine("duckdb", "has a lock of its own")
def test_publishing_keeps_the_lock_of_the_warehouse(state: Settings, clients: list):
    """A process that closes a file loses its locks of it, so another one copies it."""
    with open_warehouse(state.warehouse) as connection:
        publish(connection, state.published)
        clients.append(client(WRITER, state.warehouse))
        assert clients[-1].stdout.readline() == "refused\n"


def test_views_of_the_published_file_read_its_own_tables(state: Settings):
    """They work where no warehouse is."""
    query = "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal"
    with duckdb.connect(state.published, read_only=True) as reader:
        views = [name for (name,) in reader.execute(query).fetchall()]
        assert "main.sent_emails" in views
        for name in views:
            reader.execute(f"SELECT count(*) FROM {name}")


def test_contract_history_returns_when_the_warehouse_is_deleted(state: Settings):
    """It cannot be built again from the source, so a warehouse without it takes it from the published file."""
    kept = "SELECT * FROM snapshots.contract_history ORDER BY dbt_scd_id"
    with open_warehouse(state.warehouse) as connection:
        before = connection.execute(kept).fetchall()
        connection.execute("DROP SCHEMA snapshots CASCADE")
        restore_contract_history(connection, state.published)
        assert connection.execute(kept).fetchall() == before
    assert before


def test_contract_history_is_backed_up_with_the_ledger(state: Settings, tmp_path: Path):
    """A new state takes it from the file beside the backup; a warehouse that has one keeps it."""
    backup, kept = tmp_path / "backup" / "ledger.db", "SELECT * FROM snapshots.contract_history ORDER BY dbt_scd_id"
    assert partnerflow(state, "backup", str(backup)).code == 0
    fresh = state.model_copy(update={"state_dir": tmp_path / "fresh"})
    done = partnerflow(fresh, "restore", str(backup), "--reason", "The disk was replaced")
    assert "The history of contracts is restored." in done.stdout
    with open_warehouse(state.warehouse) as before, open_warehouse(fresh.warehouse) as after:
        assert after.execute(kept).fetchall() == before.execute(kept).fetchall() != []
    again = partnerflow(fresh, "restore", str(backup), "--reason", "Once more")
    assert "history of contracts" not in again.stdout
