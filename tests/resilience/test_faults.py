"""Runs that are killed, or whose files, disk, clock or servers fail.

`PARTNERFLOW_KILLS=100 python -m pytest -m "long or not long" tests/resilience/test_faults.py` kills every step twenty
times, at different moments.
"""

import os
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import create_engine, make_url, text

from compiler import PartnerflowError
from flows.doctor import raw_tables
from flows.ledger.delivery import utc_now
from flows.pipeline.run import run_hour
from flows.pipeline.steps import run_step
from flows.settings import Settings
from flows.warehouse.connection import open_warehouse
from flows.warehouse.publish import publish
from support.databases import server
from support.fault_injection import (
    DELIVERY_COUNT,
    all_deliveries,
    assert_all_sent_once,
    built_state,
    run,
    skip_dbt_build,
    states,
    written_files,
)
from support.ledgers import ledger_location
from support.processes import FillDisk, KillDuringStep, StepBarrier, run_in_process, start_run, wait_for
from support.smtp_server import DROP, ScriptedServer
from support.states import HOUR

PASSES = max(1, int(os.environ.get("PARTNERFLOW_KILLS", "5")) // 5)
EMAILS = 76


@pytest.fixture
def state(example, tmp_path: Path) -> Settings:
    """The example account with its facts built; nobody has been contacted."""
    return built_state(example[0], tmp_path)


def contacts(settings: Settings) -> set[tuple]:
    """Return the deliveries of the ledger without their ids and times."""
    return {
        (one.workflow_id, one.program_id, one.partner_id, one.email, one.action, one.state)
        for one in all_deliveries(settings)
    }


def published(settings: Settings, query: str) -> list[tuple]:
    """Return rows of the published file."""
    with duckdb.connect(settings.published, read_only=True) as reader:
        return reader.execute(query).fetchall()


MEMBERS = "SELECT workflow_id, program_id, partner_id FROM marts.segment_membership ORDER BY ALL"


@pytest.mark.long
def test_run_killed_in_every_step_ends_like_an_undisturbed_one(example, state: Settings):
    """Runs on one state are killed by SIGKILL, each in the next step. The last run leaves what an undisturbed run
    leaves: no email twice, none lost, no partial file."""
    undisturbed, _ = example
    dice = random.Random(1)
    for _ in range(PASSES):
        number, code = 0, -9
        while code == -9:
            number += 1
            seconds = {"Run dbt build": dice.uniform(2, 8), "Send": dice.uniform(0.05, 0.3)}
            seconds["Record and publish"] = dice.uniform(0.05, 1)
            code, message = run_in_process(state, KillDuringStep(number, seconds))
            assert code in (-9, 0), message
        assert number == 17, "a run has sixteen steps"
    assert run_in_process(state, run_step) == (0, "")
    assert contacts(state) == contacts(undisturbed)
    assert_all_sent_once(state)
    assert published(state, MEMBERS) == published(undisturbed, MEMBERS)
    assert published(state, "SELECT count(*), count(DISTINCT delivery_id) FROM marts.sent_emails") == [(79, 79)]
    assert [file.name for file in state.published.parent.glob(".*")] == []


# Two runs at once


def test_second_run_on_a_state_is_refused_at_once(state: Settings, tmp_path: Path):
    """Its error names the process of the first run, which goes on."""
    barrier = StepBarrier("first", ["first", "second"], tmp_path, ["Send"])
    first = start_run(state, barrier)
    wait_for(lambda: (tmp_path / "first Send").exists())
    code, message = run_in_process(state, skip_dbt_build)
    assert code == 1
    assert f"Another run is using {state.state_dir} (process {first.pid})" in message
    assert first.is_alive(), "the second run waited for the first one to end"
    (tmp_path / "second Send").touch()
    first.join()
    assert first.exitcode == 0
    assert_all_sent_once(state)


def test_two_hosts_with_one_ledger_send_every_email_once(example, tmp_path: Path):
    """Two state folders share a PostgreSQL ledger. Two processes claim and send the same recipients at the same time:
    each email is sent once, and both processes send some."""
    url = ledger_location("postgresql", tmp_path)
    with ScriptedServer(lambda phase: time.sleep(0.02) if phase == "end" else None) as server:
        more = server.settings | {"ledger_url": url}
        hosts = {name: built_state(example[0], tmp_path / name, **more) for name in ("one", "two")}
        titles = ["Claim recipients", "Send"]
        runs = [
            start_run(host, StepBarrier(name, list(hosts), tmp_path, titles, share=True))
            for name, host in hosts.items()
        ]
        for process in runs:
            process.join()
        assert [process.exitcode for process in runs] == [0, 0]
    found = all_deliveries(hosts["one"])
    emails = [one for one in found if one.action == "email"]
    assert Counter(server.message_ids) == Counter({one.message_id: 1 for one in emails})
    assert (len(emails), len({one.leased_by for one in emails})) == (EMAILS, 2)
    assert {one.state for one in found} == {"sent"}
    assert sum(len(list(host.decisions.glob("*.json"))) for host in hosts.values()) == DELIVERY_COUNT - EMAILS


# Damaged files


def corrupt_blocks(content: bytes) -> bytes:
    """Overwrite parts of a DuckDB file, so that its blocks do not match their checksums."""
    damaged = bytearray(content)
    for at in range(12_288 + 100, len(content), 262_144):
        damaged[at : at + 200] = bytes(200)
    return bytes(damaged)


DAMAGES = {
    "garbage": lambda content: b"no database at all" * 1000,
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "corrupt blocks": corrupt_blocks,
}


@pytest.mark.engine("duckdb", "the warehouse is a file")
def test_damaged_warehouse_stops_the_run_and_is_kept(state: Settings):
    """Run and doctor say what to do. Without a warehouse, a run asks for a load. After the raw tables were loaded
    again, nobody is contacted twice, and the published file is complete again."""
    run(state)
    whole = state.warehouse.read_bytes()
    published_before = published(state, MEMBERS)
    for name, damage in DAMAGES.items():
        state.warehouse.write_bytes(damage(whole))
        with pytest.raises(PartnerflowError, match="Move the file away, let the loader fill the raw tables again"):
            run(state)
        assert state.warehouse.read_bytes() == damage(whole), name
        if name != "corrupt blocks":  # doctor reads only a small part of the file
            ((severity, message, _),) = raw_tables(state, utc_now())
            assert (severity, "is not a valid DuckDB file" in message) == ("error", True), name
        for file in state.state_dir.glob("warehouse.duckdb*"):
            file.unlink()
    with pytest.raises(PartnerflowError, match="A loader fills the raw tables"):
        run(state)
    state.published.unlink()
    state.warehouse.write_bytes(whole)
    with duckdb.connect(state.warehouse) as loader:
        loader.execute("DROP TABLE raw.sent_emails; DROP TABLE raw.ledger_watermark; DROP TABLE raw.workflow_runs")
        loader.execute("CREATE OR REPLACE TABLE marts.recipients AS FROM marts.recipients")
    run(state)
    assert_all_sent_once(state)
    assert published(state, MEMBERS) == published_before
    assert published(state, "SELECT count(*) FROM marts.sent_emails") == [(DELIVERY_COUNT,)]


@pytest.mark.long
def test_unreadable_published_file_is_replaced(state: Settings):
    """A run writes it again, like a missing one."""
    run(state)
    state.published.chmod(0o644)
    state.published.write_bytes(b"no database" * 1000)
    run(state)
    assert published(state, "SELECT count(*) FROM marts.sent_emails") == [(DELIVERY_COUNT,)]


# Wrong clock


@pytest.mark.long
def test_clock_jump_neither_repeats_nor_loses_an_email(state: Settings):
    """A month ahead, every source is stale, so all workflows are held and nothing is sent. 25 hours back, nobody is
    contacted twice. At the right hour again, nothing is left to send."""
    run(state)
    ahead = run_hour(state, HOUR + timedelta(days=30))
    assert {row.status for row in ahead.plan.workflows} == {"held"}
    assert_all_sent_once(state)
    back = run_hour(state, HOUR - timedelta(hours=25))
    assert back.ok
    assert len(all_deliveries(state)) == DELIVERY_COUNT + sum(row.sent for row in back.plan.workflows)
    found = all_deliveries(state)
    assert len({one.message_id for one in found}) == sum(written_files(state).values()) == len(found)
    again = run(state)
    assert sum(row.sent for row in again.plan.workflows) == 0


# Full disk


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a file system in memory. Skip the test where none can be mounted; fail it where CI requires all tests."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        missing = pytest.fail if os.environ.get("PARTNERFLOW_REQUIRE_MOUNT") else pytest.skip
        missing(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


FULL = [
    ("Claim recipients", 0, "full"),
    ("Send", 60_000, "full|No space"),
    ("Record and publish", 2_000_000, "The disk is full"),
]
if PASSES > 1:
    FULL.append(("Run dbt build", 100_000, ""))


@pytest.mark.long
def test_run_after_a_full_disk_sends_the_rest(example, state: Settings, tmp_path: Path):
    """The disk fills up before claiming, sending or publishing (with PARTNERFLOW_KILLS=10 or more, also before
    building). The run ends with one message, the published file stays as it was, and the ledger stays consistent. Once
    there is room, the next run sends the rest."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, "64m"):
        small = Settings(state_dir=disk / "var", workflows=state.workflows)
        shutil.copytree(state.state_dir, small.state_dir)
        with open_warehouse(small.warehouse) as connection:
            publish(connection, small.published)
        before = small.published.read_bytes()
        ballast = disk / "ballast"
        for title, free, says in FULL:
            code, message = run_in_process(small, FillDisk(title, ballast, free))
            assert (code, ballast.exists()) == (1, True), (title, message)
            assert any(words in message for words in says.split("|")), (title, message)
            assert small.published.read_bytes() == before
            assert {one.state for one in all_deliveries(small)} <= {"pending", "leased", "sent"}
            ballast.unlink()
        assert run_in_process(small, run_step if PASSES > 1 else skip_dbt_build) == (0, "")
        assert_all_sent_once(small)
        assert published(small, "SELECT count(*) FROM marts.sent_emails") == [(DELIVERY_COUNT,)]
        assert published(small, MEMBERS) == published(example[0], MEMBERS)


# Unavailable servers


def allow_connections(url: str, allowed: bool) -> None:
    """Let a database accept connections; or make it refuse them, and end all its sessions."""
    name = make_url(url).database
    admin = create_engine(server().get_uri(driver="psycopg2"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"))
        query = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(query, {"name": name}) if not allowed else None
    admin.dispose()


def test_ledger_database_lost_while_sending_repeats_no_email(example, tmp_path: Path):
    """The run ends with one message, and so does a run that starts without the database. Once it is back, deliveries
    whose result could not be recorded are in doubt, at most one per connection; all others are sent, none twice."""
    url = ledger_location("postgresql", tmp_path)
    seen = Counter()

    def decide(phase: str) -> None:
        seen[phase] += 1
        if phase == "end" and seen[phase] == 20:
            allow_connections(url, False)

    with ScriptedServer(decide) as server:
        more = server.settings | {"ledger_url": url}
        state = built_state(example[0], tmp_path / "host", **more)
        for _ in range(2):
            with pytest.raises(PartnerflowError, match="does not answer"):
                run(state)
        allow_connections(url, True)
        recovered = run(state).plan.workflows
    found = {one.message_id: one.state for one in all_deliveries(state) if one.action == "email"}
    in_doubt = {identity for identity, one in found.items() if one == "in_doubt"}
    assert 1 <= len(in_doubt) <= state.smtp_max_connections
    assert sum(row.in_doubt for row in recovered if row.status == "error") == len(in_doubt)
    assert set(found.values()) == {"sent", "in_doubt"}
    assert Counter(server.message_ids) <= Counter(found.keys())
    assert set(found) - set(server.message_ids) <= in_doubt


def test_mail_server_lost_while_sending_leaves_the_rest_pending(example, tmp_path: Path):
    """The workflows' rows say why. The next run sends all deliveries whose next attempt is due."""
    with ScriptedServer() as server:
        server.decide = lambda phase: DROP if len(server.accepted) >= 20 and phase in ("greeting", "MAIL") else None
        more = server.settings
        state = built_state(example[0], tmp_path, **more)
        rows = run(state).plan.workflows
        assert any("cannot be reached" in (row.detail or "") for row in rows if row.status == "error")
        accepted = len(server.accepted)
        assert states(state) == {"sent": accepted + DELIVERY_COUNT - EMAILS, "pending": EMAILS - accepted}
        server.decide = lambda _: None
        now = utc_now()
        deferred = {
            one.delivery_id for one in all_deliveries(state) if one.next_attempt_at and one.next_attempt_at > now
        }
        assert run(state).ok
    assert deferred
    assert {one.delivery_id for one in all_deliveries(state) if one.state == "pending"} == deferred
    assert states(state) == {"sent": DELIVERY_COUNT - len(deferred), "pending": len(deferred)}
    assert Counter(server.message_ids).most_common(1)[0][1] == 1
