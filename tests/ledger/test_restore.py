"""Backup and restore: after a lost, old or recreated ledger, nobody is contacted twice and nobody is lost."""

import json
import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from compiler import PartnerflowError
from flows.cli.main import app
from flows.doctor import ledger_integrity
from flows.ledger.delivery import SendResult, utc_now
from flows.ledger.mirror import mirror
from flows.ledger.queries import deliveries
from flows.ledger.recovery.backup import back_up, put_in_place
from flows.ledger.recovery.integrity import ensure_ledger_is_current
from flows.ledger.recovery.restore import restore
from flows.ledger.resolution import settle_by_person
from flows.ledger.suppressions import suppress, suppressions, unsuppress
from flows.pipeline.run import plan_only
from flows.settings import Place, Settings
from flows.warehouse.connection import open_warehouse
from support.cli import environment, partnerflow
from support.fault_injection import (
    DELIVERY_COUNT,
    assert_all_sent_once,
    built_state,
    limit_recipients,
    restore_recipients,
    run,
    skip_dbt_build,
    states,
    written_files,
)
from support.ledgers import application, delivery, leased, ledger_location, log, opened
from support.states import HOUR, copy_state, copy_warehouse

NONE = Path("/nowhere/partnerflow.duckdb")
"""A published file that does not exist."""

SENT = SendResult("sent")


@pytest.fixture
def state(example, tmp_path: Path) -> Settings:
    """The example account with its facts built and nobody contacted."""
    return built_state(example[0], tmp_path)


def command(settings: Settings, *arguments: str) -> str:
    """Run a command in this process and return what it prints."""
    done = CliRunner().invoke(app, arguments, env=environment(settings), catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def restored(settings: Settings, reason: str) -> None:
    """Restore as `partnerflow restore --reason` does."""
    with opened(settings.ledger) as ledger:
        restore(ledger, settings.warehouse, settings.published, "ann", reason)


def test_run_on_old_backup_is_refused_until_restore(state: Settings, tmp_path: Path):
    """After a backup, a second run and the loss of the ledger, a run or plan on the backup claims and sends nothing and
    says what to do, and so does doctor. `restore` re-imports later contacts, and the next run contacts nobody twice."""
    limit_recipients(state, "welcome")
    run(state)
    before = states(state)["sent"]
    backup = tmp_path / "backups" / "ledger.db"
    assert command(state, "backup", str(backup)) == f"Wrote {backup}\nWrote {backup}.contract_history.parquet\n"
    restore_recipients(state)
    run(state)
    assert_all_sent_once(state)
    sent = written_files(state)

    shutil.copy(backup, state.ledger)
    refused = partnerflow(state, "run", "--as-of", "2026-03-20T14:00:00-04:00", "--json")
    assert refused.code == 1
    assert f"contains {DELIVERY_COUNT - before} contacts that the ledger does not have" in refused.stderr
    assert "restored from an older backup" in refused.json()["error"]
    assert "`partnerflow restore FILE --reason TEXT`" in refused.stderr
    with pytest.raises(PartnerflowError, match="Nothing was claimed or sent"):
        plan_only(state, HOUR, skip_dbt_build)
    assert [severity for severity, *_ in ledger_integrity(state, utc_now())] == ["error", "error"]
    assert (written_files(state), states(state)) == (sent, {"sent": before})

    with pytest.raises(PartnerflowError, match="The reason is missing"):
        restored(state, "")
    reason = ("--reason", "The disk was replaced", "--by", "ann")
    done = json.loads(command(state, "restore", str(backup), *reason, "--json"))
    assert done | {"replaced": None} == {
        "deliveries": DELIVERY_COUNT - before, "settled": 0, "doubted": 0, "suppressions": 0, "runs": 16,
        "replaced": None,
    }  # fmt: skip
    assert Path(done["replaced"]).exists()
    again = run(state)
    assert sum(row.sent for row in again.plan.workflows) == 0
    assert_all_sent_once(state)
    assert [severity for severity, *_ in ledger_integrity(state, utc_now())] == ["ok"]
    with duckdb.connect(state.published, read_only=True) as reader:
        runs = reader.execute("SELECT count(DISTINCT run_id) FROM marts.workflow_runs").fetchone()
    assert runs == (3,)  # the one that was backed up, the one that was lost with the ledger, and the last
    with closing(sqlite3.connect(state.ledger)) as ledger:
        query = "SELECT DISTINCT actor, reason FROM delivery_log WHERE actor LIKE 'person:%'"
        assert ledger.execute(query).fetchall() == [("person:ann", "Restored: The disk was replaced")]


@pytest.mark.parametrize("lost", [pytest.param("ledger", marks=pytest.mark.long), "ledger and warehouse"])
def test_new_ledger_beside_old_replicas_is_refused(state: Settings, lost: str, tmp_path: Path):
    """This holds even if the warehouse was deleted too, because the published file still has its contacts."""
    copy_warehouse(state.state_dir, tmp_path / "kept")
    run(state)
    state.ledger.unlink()
    if lost == "ledger and warehouse":
        copy_warehouse(tmp_path / "kept", state.state_dir)
    with pytest.raises(PartnerflowError, match=f"contains {DELIVERY_COUNT} contacts that the ledger does not have"):
        run(state)
    assert states(state) == {}
    restored(state, "The ledger was deleted by mistake")
    run(state)
    assert_all_sent_once(state)


def test_emails_of_run_killed_with_its_ledger_are_restored(state: Settings, tmp_path: Path):
    """The warehouse has the claims before the first email leaves. What was not started is in doubt, and a file of the
    outbox proves what was sent."""
    limit_recipients(state, "welcome")
    run(state)
    backup = tmp_path / "ledger.db"
    back_up(state.ledger, backup)
    restore_recipients(state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.pipeline.run._record", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            run(state)
    assert sum(written_files(state).values()) == DELIVERY_COUNT
    shutil.copy(backup, state.ledger)
    with pytest.raises(PartnerflowError, match="is out of date"):
        run(state)
    restored(state, "The disk was replaced")
    assert states(state)["in_doubt"] > 0
    run(state)
    assert_all_sent_once(state)


@pytest.mark.long
def test_outbox_file_is_not_written_again_after_restore(state: Settings, tmp_path: Path):
    """The backup was made in the middle of a run, and nothing was mirrored later; the files are the proof."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.pipeline.run.Dispatcher", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            run(state)
    copy_state(state.state_dir, tmp_path / "backup")
    run(state)
    written = {file.name: file.stat().st_mtime_ns for file in state.outbox.iterdir()}
    copy_warehouse(tmp_path / "backup", state.state_dir)
    for name in ("ledger.db", "published"):
        target = state.state_dir / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        source = tmp_path / "backup" / name
        if source.exists():
            shutil.copy(source, target)
    run(state)
    assert_all_sent_once(state)
    assert {file.name: file.stat().st_mtime_ns for file in state.outbox.iterdir()} == written


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> str:
    """The name of each supported database."""
    return request.param


@pytest.fixture
def places(store: str, tmp_path: Path) -> tuple[Path | str, Path | str]:
    """The location of a ledger, and of a second one that may be created."""
    (tmp_path / "other").mkdir()
    return ledger_location(store, tmp_path), ledger_location(store, tmp_path / "other")


LONG_AGO = datetime(2026, 1, 2, 3)


def create_mirrored_ledger(place: Path | str, warehouse: Place) -> None:
    """Create a ledger, mirrored to a warehouse: a is sent, b failed, c in doubt, d pending, x suppressed."""
    with opened(place) as ledger, open_warehouse(warehouse) as connection:
        for one, state in zip(leased(ledger, "a", "b", "c", "d"), ("sent", "failed", "in_doubt", None), strict=True):
            if state:
                ledger.mark_sending(one)
                ledger.record_result(one, "sending", SendResult(state, state))
        ledger.release("r")
        suppress(ledger, ["x@bücher.example"], "By telephone", "person:ann", "w", LONG_AGO)
        mirror(connection, ledger)


def test_restored_deliveries_are_never_sent_again(places, tmp_path: Path):
    """Sent and failed keep their state; what was unsent is in doubt, because it may have been sent since. Suppressions
    are restored. Nobody is claimed again, and a second restore changes nothing."""
    place, other = places
    warehouse = Settings(state_dir=tmp_path).warehouse
    create_mirrored_ledger(place, warehouse)
    with opened(other) as ledger:
        with pytest.raises(PartnerflowError, match=r"contains 4 contacts that the ledger does not have \(4 of w\)"):
            ensure_ledger_is_current(ledger, warehouse, NONE)
        done = restore(ledger, warehouse, NONE, "ann", "Moved to another database")
        assert (done.deliveries, done.suppressions) == (4, 1)
        found = {one.partner_id: one.state for one in deliveries(ledger)}
        assert found == {"a": "sent", "b": "failed", "c": "in_doubt", "d": "in_doubt"}
        assert {entry[1:] for entry in log(ledger)} == {
            (state, "person:ann") for state in ("sent", "failed", "in_doubt")
        }
        assert [(one.email_key, one.at) for one in suppressions(ledger)] == [("x@xn--bcher-kva.example", LONG_AGO)]
        assert ledger.claim([delivery(partner) for partner in "abcd"], {}) == []
        assert ledger.lease("r", ["w"], 9, utc_now()) == []
        ensure_ledger_is_current(ledger, warehouse, NONE)
        assert set(restore(ledger, warehouse, NONE, "ann", "again").as_json().values()) == {0}
        with pytest.raises(PartnerflowError, match="the values of its message are lost"):
            settle_by_person(ledger, "w-d", "pending", "Nobody has seen it", "ann")
        assert settle_by_person(ledger, "w-d", "failed", "Nobody has seen it", "ann").state == "failed"


def test_restored_applications_keep_their_contracts(places, tmp_path: Path):
    """Each application counts as decided, and a later one of the same partner does not."""
    place, other = places
    warehouse = Settings(state_dir=tmp_path).warehouse
    ones = [application("p", "C1"), application("p", "C2")]
    with opened(place) as ledger, open_warehouse(warehouse) as connection:
        ledger.claim([*ones, delivery("p")], {})
        mirror(connection, ledger)
    with opened(other) as ledger:
        with pytest.raises(PartnerflowError, match=r"contains 3 contacts .* \(2 of accept, 1 of w\)"):
            ensure_ledger_is_current(ledger, warehouse, NONE)
        restore(ledger, warehouse, NONE, "ann", "The disk was replaced")
        ensure_ledger_is_current(ledger, warehouse, NONE)
        assert {one.delivery_id: one.contract_id for one in deliveries(ledger)} == {
            "accept-p-C1": "C1", "accept-p-C2": "C2", "w-p-a@x.example": "",
        }  # fmt: skip
        assert ledger.claim([*ones, delivery("p")], {}) == []
        assert len(ledger.claim([application("p", "C3")], {})) == 1


def test_mirror_without_contracts_agrees_with_an_upgraded_ledger(places, tmp_path: Path):
    """A program from before schema 5 has written it: its deliveries are known by their ids."""
    warehouse = Settings(state_dir=tmp_path).warehouse
    with opened(places[0]) as ledger, open_warehouse(warehouse) as connection:
        ledger.claim([application("p", "C1"), delivery("q")], {})
        mirror(connection, ledger)
        connection.execute("ALTER TABLE raw.sent_emails DROP COLUMN contract_id")
        connection.execute("UPDATE raw.ledger_watermark SET delivery_id = 'another'")
    with opened(places[0]) as ledger:
        ensure_ledger_is_current(ledger, warehouse, NONE)


def test_ledger_with_stale_deliveries_is_refused(store: str, tmp_path: Path):
    """It has all contacts, in the states of the backup; `restore` gives them their later states."""
    place = ledger_location(store, tmp_path)
    warehouse = Settings(state_dir=tmp_path).warehouse
    with opened(place) as ledger, open_warehouse(warehouse) as connection:
        first, second, _ = leased(ledger, "a", "b", "c")
        for one, verdict in ((first, SENT), (second, SendResult("in_doubt", "No answer"))):
            ledger.mark_sending(one)
            ledger.record_result(one, "sending", verdict)
        mirror(connection, ledger)
    (tmp_path / "other").mkdir()
    with opened(ledger_location(store, tmp_path / "other")) as older:
        leased(older, "a", "b", "c")
        with pytest.raises(PartnerflowError, match="later states of 2 deliveries that are undecided in the ledger"):
            ensure_ledger_is_current(older, warehouse, NONE)
        done = restore(older, warehouse, NONE, "ann", "The disk was replaced")
        assert (done.deliveries, done.settled, done.doubted) == (0, 2, 1)
        assert {one.partner_id: one.state for one in deliveries(older)} == {
            "a": "sent", "b": "in_doubt", "c": "in_doubt",
        }  # fmt: skip
        ensure_ledger_is_current(older, warehouse, NONE)


def test_ledger_ahead_of_its_replicas_is_accepted(places, tmp_path: Path):
    """Deliveries may have been settled or retried since. A warehouse from a backup, or without its watermark, is
    behind, and that is not an error."""
    place, _ = places
    warehouse = Settings(state_dir=tmp_path).warehouse
    create_mirrored_ledger(place, warehouse)
    with opened(place) as ledger:
        for identity, state in (("w-b", "pending"), ("w-c", "pending")):
            settle_by_person(ledger, identity, state, "Try again", "ann")
        ledger.claim([delivery("e")], {})
        ledger.heartbeat("s", "here", utc_now() + timedelta(minutes=2))
        one, _ = ledger.lease("s", ["w"], 2, utc_now())
        ledger.mark_sending(one)
        ledger.record_result(one, "sending", SENT)
        unsuppress(ledger, "x@bücher.example", "w")
        ensure_ledger_is_current(ledger, warehouse, NONE)
        with open_warehouse(warehouse) as connection:
            connection.execute("UPDATE raw.ledger_watermark SET delivery_id = 'another'")
        ensure_ledger_is_current(ledger, warehouse, NONE)
        with open_warehouse(warehouse) as connection:
            connection.execute("DELETE FROM raw.ledger_watermark")
        ensure_ledger_is_current(ledger, warehouse, NONE)


def test_backup_while_runs_write_is_consistent(tmp_path: Path):
    """Every delivery of the copy has its contact. The next backup replaces it; only its owner can read it."""
    over = threading.Event()
    place, target = tmp_path / "ledger.db", tmp_path / "backups" / "ledger.db"
    with opened(place) as ledger:

        def write() -> None:
            for number in range(100_000):
                if over.is_set():
                    return
                ledger.claim([delivery(str(number))], {})

        writer = threading.Thread(target=write)
        writer.start()
        try:
            counts = []
            for _ in range(5):
                back_up(place, target)
                with closing(sqlite3.connect(target)) as copy:
                    counts.append(copy.execute("SELECT count(*) FROM contact").fetchone()[0])
                    assert copy.execute("SELECT count(*) FROM delivery").fetchone()[0] == counts[-1]
                    assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        finally:
            over.set()
            writer.join()
    assert counts == sorted(counts)
    assert [file.name for file in target.parent.iterdir()] == ["ledger.db"]
    assert target.stat().st_mode & 0o077 == 0


def test_restore_of_invalid_backup_keeps_ledger(tmp_path: Path):
    """The backup is damaged, another database or missing; the ledger is unchanged."""
    place = tmp_path / "ledger.db"
    with opened(place) as ledger:
        ledger.claim([delivery("a")], {})
    before = place.read_bytes()
    damaged, other = tmp_path / "damaged.db", tmp_path / "other.db"
    damaged.write_bytes(before[:100] + b"damaged" * 5000)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (a)")
    for backup, says in ((damaged, "damaged"), (other, "is not a ledger"), (tmp_path / "none.db", "does not exist")):
        with pytest.raises(PartnerflowError, match=says):
            put_in_place(backup, place, utc_now())
    assert place.read_bytes() == before
    with pytest.raises(PartnerflowError, match="The backup would replace the ledger"):
        back_up(place, place)
    with pytest.raises(PartnerflowError, match="does not exist"):
        back_up(tmp_path / "none.db", tmp_path / "copy.db")
    with pytest.raises(PartnerflowError, match="pg_dump"):
        back_up("postgresql://db.example/partnerflow", tmp_path / "copy.db")
    with pytest.raises(PartnerflowError, match="pg_restore"):
        put_in_place(other, "postgresql://db.example/partnerflow", utc_now())


def test_restore_sets_write_ahead_log_of_killed_ledger_aside(tmp_path: Path):
    """SQLite would apply the log of the former ledger to the backup."""
    place, backup = tmp_path / "ledger.db", tmp_path / "backup.db"
    with opened(place) as ledger:
        ledger.claim([delivery("a")], {})
        back_up(place, backup)
        ledger.claim([delivery("b")], {})
        killed = {side: Path(f"{place}{side}").read_bytes() for side in ("", "-wal")}
    for side, content in killed.items():
        Path(f"{place}{side}").write_bytes(content)
    aside = put_in_place(backup, place, utc_now())
    for file, partners in ((place, ["a"]), (aside, ["a", "b"])):
        with opened(file) as ledger:
            assert [one.partner_id for one in deliveries(ledger)] == partners
