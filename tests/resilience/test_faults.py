"""Faults that a run survives, each with the real thing: processes, kills, disks, clocks, files, servers.

`PARTNERFLOW_KILLS=100 python -m pytest tests/resilience/test_faults.py` kills every step twenty times, at other
moments.
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
from support.fault_injection import EVERYBODY, book, built, everybody_heard_once, files, run, states, unbuilt
from support.ledgers import new_place, postgres
from support.processes import Filled, Killed, Meeting, finish, start, wait_for
from support.smtp_server import DROP, ScriptedServer
from support.states import HOUR

PASSES = max(1, int(os.environ.get("PARTNERFLOW_KILLS", "5")) // 5)
EMAILS = 77


@pytest.fixture
def state(example, tmp_path: Path) -> Settings:
    """The example account with its facts built and nobody contacted."""
    return built(example[0], tmp_path)


def contacts(settings: Settings) -> set[tuple]:
    """Whom the ledger has contacted, with what, and what became of it; ids and times aside."""
    return {
        (one.workflow_id, one.program_id, one.partner_id, one.email, one.action, one.state) for one in book(settings)
    }


def published(settings: Settings, query: str) -> list[tuple]:
    """Rows of the published file."""
    with duckdb.connect(settings.published, read_only=True) as reader:
        return reader.execute(query).fetchall()


MEMBERS = "SELECT workflow_id, program_id, partner_id FROM marts.segment_membership ORDER BY ALL"


@pytest.mark.long
def test_killed_at_every_step_and_run_again_it_is_as_if_it_had_not_been(example, state: Settings):
    """kill -9 in each step of the story, one run after the other on one state; the run after them leaves what an
    undisturbed one leaves: nobody twice, nobody lost, nothing half-written."""
    undisturbed, _ = example
    dice = random.Random(1)
    for _ in range(PASSES):
        number, code = 0, -9
        while code == -9:
            number += 1
            seconds = {"Run dbt build": dice.uniform(2, 8), "Send": dice.uniform(0.05, 0.3)}
            seconds["Record and publish"] = dice.uniform(0.05, 1)
            code, message = finish(state, Killed(number, seconds))
            assert code in (-9, 0), message
        assert number == 12, "the story has eleven steps"
    assert finish(state, run_step) == (0, "")
    assert contacts(state) == contacts(undisturbed)
    everybody_heard_once(state)
    assert published(state, MEMBERS) == published(undisturbed, MEMBERS)
    assert published(state, "SELECT count(*), count(DISTINCT delivery_id) FROM marts.sent_emails") == [(80, 80)]
    assert [file.name for file in state.published.parent.glob(".*")] == []


# Two runs at once


def test_of_two_runs_on_one_state_the_second_is_refused_at_once(state: Settings, tmp_path: Path):
    """It says which process works, and changes nothing; the first goes on."""
    waiting = Meeting("first", ["first", "second"], tmp_path, ["Send"])
    first = start(state, waiting)
    wait_for(lambda: (tmp_path / "first Send").exists())
    code, message = finish(state, unbuilt)
    assert code == 1
    assert f"Another run is using {state.state_dir} (process {first.pid})" in message
    assert first.is_alive(), "it was queued until the first had ended"
    (tmp_path / "second Send").touch()
    first.join()
    assert first.exitcode == 0
    everybody_heard_once(state)


def test_two_hosts_with_one_ledger_write_to_everybody_once_between_them(example, tmp_path: Path):
    """Two state folders, one PostgreSQL ledger, the same recipients, claimed and sent at the same time by two
    processes: each email once, some from either."""
    url = new_place("postgresql", tmp_path)
    with ScriptedServer(lambda phase: time.sleep(0.02) if phase == "end" else None) as server:
        more = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_tls": "none", "ledger_url": url}
        hosts = {name: built(example[0], tmp_path / name, **more) for name in ("one", "two")}
        titles = ["Claim recipients", "Send"]
        runs = [start(host, Meeting(name, list(hosts), tmp_path, titles, share=True)) for name, host in hosts.items()]
        for process in runs:
            process.join()
        assert [process.exitcode for process in runs] == [0, 0]
    found = book(hosts["one"])
    emails = [one for one in found if one.action == "email"]
    assert Counter(server.message_ids) == Counter({one.message_id: 1 for one in emails})
    assert (len(emails), len({one.leased_by for one in emails})) == (EMAILS, 2)
    assert {one.state for one in found} == {"sent"}
    assert sum(len(list(host.decisions.glob("*.json"))) for host in hosts.values()) == EVERYBODY - EMAILS


# The warehouse lost


def rotten(content: bytes) -> bytes:
    """A DuckDB file whose blocks do not match their checksums."""
    rotting = bytearray(content)
    for at in range(12_288 + 100, len(content), 262_144):
        rotting[at : at + 200] = bytes(200)
    return bytes(rotting)


DAMAGES = {
    "garbage": lambda content: b"no database at all" * 1000,
    "empty": lambda content: b"",
    "cut off": lambda content: content[: len(content) // 2],
    "rotten": rotten,
}


def test_a_damaged_warehouse_is_never_sent_on_and_never_deleted(state: Settings):
    """The run says what to do, and doctor too. Missing, it waits for the loader; loaded anew, nobody hears
    twice, and what was published is published again."""
    run(state)
    whole = state.warehouse.read_bytes()
    published_then = published(state, MEMBERS)
    for name, damage in DAMAGES.items():
        state.warehouse.write_bytes(damage(whole))
        with pytest.raises(PartnerflowError, match="Move the file away, let the loader fill the raw tables anew"):
            run(state)
        assert state.warehouse.read_bytes() == damage(whole), name
        if name != "rotten":  # doctor reads little of it
            ((severity, message, _),) = raw_tables(state, utc_now())
            assert (severity, "is no DuckDB file" in message) == ("error", True), name
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
    everybody_heard_once(state)
    assert published(state, MEMBERS) == published_then
    assert published(state, "SELECT count(*) FROM marts.sent_emails") == [(EVERYBODY,)]


def test_a_published_file_that_cannot_be_read_stops_no_run(state: Settings):
    """It is made again, like one that is missing."""
    run(state)
    state.published.chmod(0o644)
    state.published.write_bytes(b"no database" * 1000)
    run(state)
    assert published(state, "SELECT count(*) FROM marts.sent_emails") == [(EVERYBODY,)]


# The clock wrong


@pytest.mark.long
def test_a_clock_that_jumps_holds_or_doubles_nobody(state: Settings):
    """A month ahead for one run: every source is stale, everything is held, nothing is sent. Back by a day and an hour:
    whoever was contacted already hears no second time. Then right again."""
    run(state)
    ahead = run_hour(state, HOUR + timedelta(days=30))
    assert {row.status for row in ahead.plan.workflows} == {"held"}
    everybody_heard_once(state)
    back = run_hour(state, HOUR - timedelta(hours=25))
    assert back.ok
    assert len(book(state)) == EVERYBODY + sum(row.sent for row in back.plan.workflows)
    assert len({one.message_id for one in book(state)}) == sum(files(state).values()) == len(book(state))
    again = run(state)
    assert sum(row.sent for row in again.plan.workflows) == 0


# The disk full


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


def test_a_full_disk_ends_the_run_and_the_next_one_does_what_is_left(example, state: Settings, tmp_path: Path):
    """While it claims, sends and publishes (and, in the long run, builds): one message; what people query stays whole,
    the ledger consistent; with room again everybody hears once."""
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
            code, message = finish(small, Filled(title, ballast, free))
            assert (code, ballast.exists()) == (1, True), (title, message)
            assert any(words in message for words in says.split("|")), (title, message)
            assert small.published.read_bytes() == before
            assert {one.state for one in book(small)} <= {"pending", "leased", "sent"}
            ballast.unlink()
        assert finish(small, run_step if PASSES > 1 else unbuilt) == (0, "")
        everybody_heard_once(small)
        assert published(small, "SELECT count(*) FROM marts.sent_emails") == [(EVERYBODY,)]
        assert published(small, MEMBERS) == published(example[0], MEMBERS)


# Servers away


def reach(url: str, may: bool) -> None:
    """Let nobody into a database any more, and end every session in it; or let them in again."""
    name = make_url(url).database
    admin = create_engine(postgres().get_uri(driver="psycopg2"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {may}"))
        query = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(query, {"name": name}) if not may else None
    admin.dispose()


def test_the_ledgers_database_goes_away_in_the_middle(example, tmp_path: Path):
    """The run ends with one message, and so does one that begins without it. When it is back, the emails whose answer
    could not be written down are in doubt, one a connection at most; everybody else hears, and nobody twice."""
    url = new_place("postgresql", tmp_path)
    heard = Counter()

    def decide(phase: str) -> None:
        heard[phase] += 1
        if phase == "end" and heard[phase] == 20:
            reach(url, False)

    with ScriptedServer(decide) as server:
        more = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_tls": "none", "ledger_url": url}
        state = built(example[0], tmp_path / "host", **more)
        for _ in range(2):
            with pytest.raises(PartnerflowError, match="does not answer"):
                run(state)
        reach(url, True)
        run(state)
    found = {one.message_id: one.state for one in book(state) if one.action == "email"}
    doubts = {identity for identity, one in found.items() if one == "in_doubt"}
    assert 1 <= len(doubts) <= state.smtp_max_connections
    assert set(found.values()) == {"sent", "in_doubt"}
    assert Counter(server.message_ids) <= Counter(found.keys())
    assert set(found) - set(server.message_ids) <= doubts


def test_the_mail_server_goes_away_in_the_middle(example, tmp_path: Path):
    """What was not handed over stays pending, its rows say why; the next hour sends it."""
    with ScriptedServer() as server:
        server.decide = lambda phase: DROP if len(server.accepted) >= 20 and phase in ("greeting", "MAIL") else None
        more = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_tls": "none"}
        state = built(example[0], tmp_path, **more)
        rows = run(state).plan.workflows
        assert any("cannot be reached" in (row.detail or "") for row in rows if row.status == "error")
        accepted = len(server.accepted)
        assert states(state) == {"sent": accepted + EVERYBODY - EMAILS, "pending": EMAILS - accepted}
        server.decide = lambda _: None
        assert run(state).ok or states(state)["pending"]
    assert Counter(server.message_ids).most_common(1)[0][1] == 1
