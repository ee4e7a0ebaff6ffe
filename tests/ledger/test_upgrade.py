"""Upgrades of the ledger's schema: from the dump of every former schema, on SQLite and PostgreSQL."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from compiler import PartnerflowError
from flows.ledger.delivery import STATES
from flows.ledger.ledger import Ledger
from flows.ledger.queries import deliveries, find_delivery, message_content
from flows.ledger.schema import METADATA
from flows.ledger.store import ledger_url
from flows.ledger.suppressions import suppressions
from flows.ledger.upgrade import HEAD
from flows.settings import CHECKOUT
from support.ledgers import delivery, ledger_location, log, opened, states

DUMPS = CHECKOUT / "tests" / "data" / "old_ledgers"

SCHEMAS = range(1, int(HEAD))
OLD = [*(("sqlite", schema) for schema in SCHEMAS), *(("postgresql", schema) for schema in SCHEMAS[1:])]
"""Every former schema on every database that it supported."""
ENDS = [*((store, schema) for store in ("sqlite", "postgresql") for schema in (2, SCHEMAS[-1])), ("sqlite", 1)]
"""The oldest and the newest of them, for what is slow and does not depend on the schema."""

EXPECTED = {
    1: {
        "waiting": "pending", "started": "sending", "sent": "sent", "failed": "failed", "doubtful": "in_doubt",
        "two": "pending", "applied": "sent",
    },
    2: {
        "waiting": "pending", "leased": "leased", "started": "sending", "sent": "sent", "failed": "failed",
        "doubtful": "in_doubt", "suppressed": "suppressed", "two": "skipped", "expired": "expired", "applied": "sent",
    },
}  # fmt: skip
"""Maps a schema to the state of each partner's last delivery after the upgrade."""
EXPECTED |= dict.fromkeys(SCHEMAS[2:], EXPECTED[2])


def load(store: str, schema: int, folder: Path) -> Path | str:
    """Create a ledger from the dump of a former schema."""
    place = ledger_location(store, folder)
    if isinstance(place, Path):
        with closing(sqlite3.connect(place)) as connection:
            connection.executescript((DUMPS / f"{schema}.sql").read_text())
    else:
        with closing(create_engine(ledger_url(place)).raw_connection()) as connection:
            connection.cursor().execute((DUMPS / f"{schema}.postgresql.sql").read_text())
            connection.commit()
    return place


@pytest.fixture(params=OLD, ids=lambda old: f"{old[0]}-{old[1]}")
def old(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path | str, int]:
    """A ledger of a former schema, and the number of the schema."""
    store, schema = request.param
    return load(store, schema, tmp_path), schema


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """The location of a ledger that does not exist yet."""
    return ledger_location(request.param, tmp_path)


def shape(place: Path | str) -> dict[str, list[Any]]:
    """Return the schema of a database by table: columns, keys, indexes, constraints."""
    engine = create_engine(ledger_url(place))
    tables = inspect(engine)
    found = {
        name: [
            sorted((one["name"], str(one["type"]), one["nullable"]) for one in tables.get_columns(name)),
            tables.get_pk_constraint(name)["constrained_columns"],
            sorted(map(str, tables.get_indexes(name))),
            sorted(map(str, tables.get_unique_constraints(name))),
            sorted(map(str, tables.get_foreign_keys(name))),
            sorted(map(str, tables.get_check_constraints(name))),
        ]
        for name in tables.get_table_names()
        if name != "alembic_version"
    }
    engine.dispose()
    return found


def rows(place: Path | str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of a database by table."""
    engine = create_engine(ledger_url(place))
    with engine.connect() as connection:
        found = {
            name: sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))), key=str)
            for name in inspect(connection).get_table_names()
        }
    engine.dispose()
    return found


def test_upgrade_of_former_schema_keeps_every_delivery(old: tuple[Path | str, int]):
    """Every state is kept, and nobody is claimed again. Opened a second time, nothing changes."""
    place, schema = old
    known = replace(delivery("waiting", workflow="welcome"), program_id="1000")
    for _ in range(2):
        with opened(place) as ledger:
            assert {
                one.partner_id: one.state for one in sorted(deliveries(ledger), key=lambda one: one.delivery_id)
            } == (EXPECTED[schema])
            assert (len(deliveries(ledger)), len(log(ledger))) == {1: (8, 16)}.get(schema, (11, 37))
            assert ledger.message_key == b"\x5a" * 32
            assert ledger.claim([known], {}) == []
            (waiting,) = [one for one in deliveries(ledger) if one.partner_id == "waiting"]
            assert waiting.email_key == "ann@xn--bcher-kva.example"
            assert {state for move in log(ledger) for state in move[:2]} - {None} <= set(STATES)


@pytest.mark.parametrize(("store", "schema"), [one for one in OLD if one[1] > 1])
def test_upgrade_keeps_every_column_under_its_new_name(store: str, schema: int, tmp_path: Path):
    """Leases, attempts, deferrals, replies, messages, suppressions and runs have their values."""
    with opened(load(store, schema, tmp_path)) as ledger:
        one = find_delivery(ledger, f"{1:032x}")
        assert (one.leased_by, one.fencing_token, one.attempts) == ("20260320T180000Z-00000000", 1, 1)
        assert (str(one.first_deferred_at), str(one.next_attempt_at)) == ("2026-03-20 18:00:05", "2026-03-20 18:05:00")
        assert (str(one.send_started_at), one.smtp_stage, one.reply_code) == ("2026-03-20 18:00:05", "RCPT TO", 451)
        assert message_content(ledger, "v")["subject"] == "Hello"
        assert [found.email_key for found in suppressions(ledger)] == ["dan@x.example", "eve@x.example"]
        with ledger.store.reading() as connection:
            lease = connection.execute(text("SELECT host, expires_at FROM worker_lease")).one()
            runs = connection.execute(text("SELECT id, run_id, notes FROM run")).all()
            settled = connection.execute(text("SELECT workflow_id FROM workflow_run WHERE is_settled")).all()
        assert (lease[0], str(lease[1])[:19]) == ("host:/srv/partnerflow/var", "2026-03-20 18:02:05")
        assert (runs, settled) == ([(1, "20260320T180000Z-00000000", None)], [("welcome",)])


def test_upgrade_puts_the_contract_of_an_application_into_its_key(old: tuple[Path | str, int]):
    """An application that was accepted before is not accepted again, and another one of its partner is. An email has no
    contract: its partner stays contacted."""
    place, _ = old
    with opened(place) as ledger:
        (applied,) = [one for one in deliveries(ledger) if one.action == "accept application"]
        assert applied.contract_id == "C1"
        assert {one.contract_id for one in deliveries(ledger) if one.email} == {""}
        second = replace(applied, delivery_id="second", message_id="second", contract_id="C2")
        assert ledger.claim([replace(applied, delivery_id="again", message_id="again")], {}) == []
        assert ledger.claim([second], {}) == [second]


def test_upgraded_ledger_works_like_a_new_one(old: tuple[Path | str, int]):
    """What was leased is reclaimed and leased again; new rows of the log follow the old ones."""
    place, _ = old
    with opened(place) as ledger:
        count = len(log(ledger))
        one = next(one for one in deliveries(ledger, ["pending"]) if one.partner_id == "waiting")
        (leased, *_) = ledger.lease("r", ["welcome"], 9, one.claimed_at.replace(hour=20))
        assert ledger.mark_sending(leased) == "sending"
        assert log(ledger)[count:][-1] == ("leased", "sending", "r")


def test_backfill_sets_message_of_pending_deliveries_of_schema_1(tmp_path: Path):
    """That schema kept no messages. Only pending deliveries of the workflow change."""
    with opened(load("sqlite", 1, tmp_path)) as ledger:
        ledger.backfill_message_version("welcome", "v", {"body": "Hello"})
        ledger.backfill_message_version("another", "u", {"body": "Good bye"})
        assert {(one.state, one.template_version) for one in deliveries(ledger) if one.template_version} == {
            ("pending", "v")
        }
        assert message_content(ledger, "v") == {"body": "Hello"}


def test_upgraded_new_and_declared_schemas_are_equal(old: tuple[Path | str, int], tmp_path: Path):
    """Columns, keys, indexes and constraints are equal: upgraded, created by all migrations, created from METADATA."""
    place, _ = old
    store = "sqlite" if isinstance(place, Path) else "postgresql"
    for name in ("new", "declared"):
        (tmp_path / name).mkdir()
    new, declared = ledger_location(store, tmp_path / "new"), ledger_location(store, tmp_path / "declared")
    for one in (place, new):
        Ledger(one).close()
    engine = create_engine(ledger_url(declared))
    METADATA.create_all(engine)
    engine.dispose()
    assert shape(place) == shape(new) == shape(declared)


def test_head_is_newest_migration():
    """A ledger at HEAD is opened without importing Alembic, so the constant must be right."""
    config = Config()
    config.set_main_option("script_location", "flows.ledger:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


@pytest.mark.parametrize("old", ENDS, indirect=True, ids=lambda old: f"{old[0]}-{old[1]}")
def test_failing_migration_leaves_old_ledger(old: tuple[Path | str, int], monkeypatch: pytest.MonkeyPatch):
    """All pending migrations are one transaction."""
    place, _ = old
    before = rows(place)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the power fails")

    monkeypatch.setattr("alembic.op.create_table", fail)
    with pytest.raises(RuntimeError, match="power"):
        Ledger(place)
    assert rows(place) == before


KILL = """
import os, sys
from pathlib import Path
from sqlalchemy import Engine, event
from flows.ledger.ledger import Ledger
from flows.ledger.upgrade import HEAD

@event.listens_for(Engine, "before_cursor_execute")
def kill(connection, cursor, statement, *_):
    if statement.startswith("UPDATE alembic_version") and f"'{HEAD}'" in statement:
        os._exit(9)

place = sys.argv[1]
Ledger(place if "://" in place else Path(place))
"""
"""Code that opens a ledger, and whose process dies near the end of the last migration."""


@pytest.mark.parametrize("old", ENDS, indirect=True, ids=lambda old: f"{old[0]}-{old[1]}")
def test_kill_during_migration_leaves_old_ledger(old: tuple[Path | str, int]):
    """The next program that opens the ledger upgrades it."""
    place, schema = old
    before = rows(place)
    assert subprocess.run([sys.executable, "-c", KILL, str(place)], cwd=CHECKOUT, check=False).returncode == 9
    assert rows(place) == before
    with opened(place) as ledger:
        assert set(states(ledger).values()) == set(EXPECTED[schema].values()) | ({"sent"} if schema > 1 else set())


def open_four(place: Path | str) -> list[bytes]:
    """Return the message keys of ledgers that four threads open at the same time."""
    keys: list[bytes] = []

    def open_one() -> None:
        with opened(place) as ledger:
            keys.append(ledger.message_key)

    threads = [threading.Thread(target=open_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return keys


OPEN = """
import sys
from pathlib import Path
from flows.ledger.ledger import Ledger

place = sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
print(Ledger(place if "://" in place else Path(place)).message_key.hex())
"""
"""Code that prints that it is ready, and opens a ledger once it reads a line."""


def open_two_processes(place: Path | str) -> list[str]:
    """Return the message keys that two processes read which open the ledger at the same time."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": CHECKOUT}
    both = [subprocess.Popen([sys.executable, "-c", OPEN, str(place)], **pipes) for _ in range(2)]
    for one in both:
        assert one.stdout.readline() == "ready\n"
    for one in both:
        one.stdin.write("\n")
        one.stdin.flush()
    return [one.communicate()[0].strip() for one in both]


def test_new_ledger_opened_by_four_threads_is_created_once(place: Path | str):
    """All read the same message key."""
    keys = open_four(place)
    assert (len(keys), len(set(keys))) == (4, 1)


def test_new_ledger_opened_by_two_processes_is_created_once(place: Path | str):
    """Both read the same message key."""
    first, second = open_two_processes(place)
    assert first == second != ""


@pytest.mark.parametrize("old", ENDS, indirect=True, ids=lambda old: f"{old[0]}-{old[1]}")
def test_old_ledger_opened_by_two_processes_is_upgraded_once(old: tuple[Path | str, int]):
    """One upgrades, the other waits and finds the ledger upgraded."""
    place, schema = old
    assert open_two_processes(place) == ["5a" * 32] * 2
    with opened(place) as ledger:
        assert len(deliveries(ledger)) == (8 if schema == 1 else 11)


@pytest.fixture(params=["alembic_version", "schema_version"])
def newer(request: pytest.FixtureRequest, place: Path | str) -> Iterator[Path | str]:
    """A ledger that a newer program has written, by Alembic's version table or by the former one."""
    with opened(place) as ledger, ledger.store.writing() as connection:
        if request.param == "alembic_version":
            connection.execute(text("UPDATE alembic_version SET version_num = '0099'"))
        else:
            connection.execute(text("DROP TABLE alembic_version"))
            connection.execute(text("CREATE TABLE schema_version (version INTEGER)"))
            connection.execute(text("INSERT INTO schema_version VALUES (99)"))
    yield place


def test_ledger_of_newer_program_is_refused(newer: Path | str):
    """The error says so, and nothing is changed."""
    before = rows(newer)
    with pytest.raises(PartnerflowError, match="schema 99, written by a newer partnerflow"):
        Ledger(newer)
    assert rows(newer) == before
